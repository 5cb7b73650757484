"""What the repository ships: every model loads, is what its model.json says, fits the limits, and was trained to the end."""

import json
from pathlib import Path

import pytest

from core.analysis.heldout_comparison import cure_of, free_twin
from core.models.checkpoint import available_models, load_model
from core.models.registry import Variant, find_variant
from core.paths import CHECKPOINTS
from core.training.log_writer import LOG_FIELDS, PERCENT, read_rows

SHIPPED = available_models()
MB = 1_000_000


def test_weights_fit_a_hugging_face_space() -> None:
    files = [path for path in CHECKPOINTS.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 10 * MB
    assert sum(path.stat().st_size for path in files if path.suffix == ".safetensors") < 160 * MB


def registered(name: str) -> Variant:
    """The registry's variant: a model whose growth was stopped is its freely grown twin in all else."""
    return find_variant(free_twin(name) or name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_the_registrys_and_works_with_its_encoder(name: str) -> None:
    model = load_model(name)
    assert model.variant.name == name
    assert model.variant.identity() | {"name": ""} == registered(name).identity() | {"name": ""}
    assert model.encoder().name == model.variant.encoder
    assert model.info["weights"]["quantisation"]["largest"] < 1


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_was_trained_for_22_epochs_and_its_log_says_so(name: str) -> None:
    folder = Path(CHECKPOINTS) / name
    training = json.loads((folder / "model.json").read_text(encoding="utf-8"))["training"]
    images = registered(name).images
    assert training["growth"] == (cure_of(name) or "free")
    if images:
        assert training["iterations"] == 22 * (images // 8)
    rows = read_rows(folder / "log.csv")
    assert [int(row["iteration"]) for row in rows] == list(range(training["iterations"]))
    assert set(rows[0]) == set(LOG_FIELDS)
    layer = (
        "transform_net.downsampling.1.weight" if images else "transform_net.layers.0.conv.weight"
    )
    first = [row for row in read_rows(folder / "weights.csv") if row["layer"] == layer]
    assert len(first) >= training["iterations"] // 10
    for row in first:
        quantiles = [float(row[f"p{percent}"]) for percent in PERCENT]
        assert quantiles == sorted(quantiles)
