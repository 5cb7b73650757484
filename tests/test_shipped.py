"""What the repository ships: every model loads, is what its model.json says, fits the limits, and was trained to the end."""

from pathlib import Path

import pytest

from core.analysis.heldout_comparison import SEEDS, find_heldout, read_pairs
from core.analysis.heldout_losses import DATA, GALLERY
from core.inference.model_store import model_store
from core.models.model_card import read_card
from core.models.registry import MODELS
from core.paths import CHECKPOINTS
from core.training.flagship import WEIGHTS_EVERY
from core.training.log_writer import LOG_FIELDS, PERCENT, read_rows

pytestmark = pytest.mark.artifacts

SHIPPED = model_store().names()
MB = 1_000_000


def test_weights_fit_a_hugging_face_space() -> None:
    files = [path for path in CHECKPOINTS.rglob("*") if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    assert max(sizes) < 10 * MB
    assert sum(sizes) < 150 * MB


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_the_registrys_and_works_with_its_encoder(name: str) -> None:
    model = model_store().load(name)
    assert model.variant.name == name
    assert model.variant.identity() == MODELS[name].identity()
    assert model.encoder().name == model.variant.encoder
    cost = model.weights.quantisation
    assert cost is not None
    assert cost["mean"] < 0.25
    assert cost["largest"] < 0.5


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_has_its_full_width_and_its_title_says_nothing_of_it(name: str) -> None:
    assert read_card(CHECKPOINTS / name).variant.base == MODELS[name].base
    assert "channels" not in model_store().title(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_was_trained_for_22_epochs_and_its_log_says_so(name: str) -> None:
    folder = Path(CHECKPOINTS) / name
    training = read_card(folder).training
    images = MODELS[name].images
    assert training.growth == "free"
    if images:
        assert training.iterations == 22 * (images // 8)
    assert training.iterations is not None
    rows = read_rows(folder / "log.csv")
    assert [int(row["iteration"]) for row in rows] == list(range(training.iterations))
    assert set(rows[0]) == set(LOG_FIELDS)
    layer = (
        "transform_net.downsampling.1.weight" if images else "transform_net.layers.0.conv.weight"
    )
    first = [row for row in read_rows(folder / "weights.csv") if row["layer"] == layer]
    assert len(first) >= training.iterations // (10 if images else WEIGHTS_EVERY)
    for row in first:
        quantiles = [float(row[f"p{percent}"]) for percent in PERCENT]
        assert quantiles == sorted(quantiles)


# ---- runs of which the logs alone are shipped ----

RUNS = sorted(path.parent for path in (CHECKPOINTS / SEEDS).glob("*/log.csv"))


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_a_run_without_weights_says_in_its_card_what_it_was(folder: Path) -> None:
    card = read_card(folder)
    assert card.weights is None and not list(folder.glob("*.safetensors*"))
    assert (card.variant.kind, card.variant.base) == ("improved-500", 8)
    rows = read_rows(folder / "log.csv")
    assert [int(row["iteration"]) for row in rows] == list(range(card.training.iterations or 0))
    assert len({row["style"] for row in rows}) == card.training.styles_seen


def test_held_out_losses_are_of_40_paintings_and_the_gallerys_four_after_four_photos() -> None:
    tables = [read_pairs(folder / "heldout.csv") for folder in find_heldout(CHECKPOINTS / SEEDS)]
    assert len(tables) == len(RUNS) == 13
    for pairs in tables:
        assert pairs.groupby("set").size().to_dict() == {DATA: 160, GALLERY: 16}
        assert not pairs.duplicated(["set", "style", "content"]).any()
