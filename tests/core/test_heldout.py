"""Held-out losses: what is measured, what is written, and the comparison of cured models with their freely grown twins."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core import heldout
from core.checkpoint import Model
from core.encoder import Encoder
from core.engine import Objective
from core.heldout import ASIDE, FIELDS, HELDOUT, OUTSIDE, Unseen, batch, evaluate, own_losses
from core.heldout_summary import find_heldout, free_twin, read_pairs, split_seed, summarise
from core.logs import LogError
from core.losses import GramLoss
from core.metrics import MEASURES
from core.stylizer import StyleCache, Stylizer
from core.variants import VARIANTS
from tests.runs import write_heldout, write_run

# ---- measuring ----


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are painted and measured at 48 instead of 256 px."""
    monkeypatch.setattr(heldout, "STYLE_SIDE", 48)


@pytest.mark.usefixtures("small")
def test_each_pair_has_a_row_of_own_and_fixed_measures(
    tiny_model: Callable[[str], Model], encoder: Callable[[str], Encoder], drawn: Callable[..., Image.Image]
) -> None:
    stylizer = Stylizer(tiny_model("original-500"), encoder("vgg16"), cache=StyleCache())
    contents = {"one": drawn(1), "two": drawn(2)}
    paintings = [Unseen(OUTSIDE, "wave", drawn(3)), Unseen(ASIDE, "night", drawn(4))]
    rows = list(evaluate(stylizer, contents, paintings, encoder("vgg19")))
    assert [(row["set"], row["style"], row["content"]) for row in rows] == [
        (OUTSIDE, "wave", "one"),
        (OUTSIDE, "wave", "two"),
        (ASIDE, "night", "one"),
        (ASIDE, "night", "two"),
    ]
    assert all(tuple(row) == FIELDS for row in rows)
    assert all(float(row[field]) > 0 for row in rows for field in FIELDS[3:])
    assert len({row["own_style_loss"] for row in rows}) == 4


def test_own_losses_are_those_of_training(encoder: Callable[[str], Encoder], drawn: Callable[..., Image.Image]) -> None:
    objective = Objective(VARIANTS["improved-500"], encoder("vgg19"), 100.0)
    photo, painting = batch(drawn(1, (48, 48))), batch(drawn(2, (48, 48)))
    target = objective.style(painting).target
    assert isinstance(objective.style_loss, GramLoss)
    assert own_losses(objective, photo, photo, target)[0] == 0
    assert own_losses(objective, painting, photo, target)[1] == pytest.approx(0, abs=1e-9)
    content, style = own_losses(objective, photo, painting, target)
    assert content > 0
    half = Objective(VARIANTS["improved-500"], encoder("vgg19"), 50.0)
    assert own_losses(half, photo, painting, target) == pytest.approx((content, style / 2))


def test_the_four_outside_styles_are_always_there() -> None:
    found = heldout.unseen(None)
    assert [painting.group for painting in found] == [OUTSIDE] * 4
    assert found[2].name == "kandinsky_composition_viii"


def test_a_model_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert heldout.main(["best"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no trained model named") and said.count("\n") == 1


# ---- comparing ----


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_heldout(tmp_path)
    pairs = read_pairs(tmp_path / HELDOUT)
    assert len(pairs) == 48
    assert pairs[ASIDE, "painting 2", "photo, 7"]["own_loss"] == 24 + 72
    with open(tmp_path / HELDOUT, newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == FIELDS
    assert set(FIELDS[5:]) <= set(MEASURES)
    assert [path.name for path in tmp_path.iterdir()] == [HELDOUT]


def test_a_model_is_compared_with_its_freely_grown_twin(tmp_path: Path) -> None:
    write_heldout(tmp_path / "improved-500")
    write_heldout(tmp_path / "improved-500-fixed-norm", 0.9)
    write_run(tmp_path / "improved-500")
    free, _, cured, aside = summarise(tmp_path, find_heldout(tmp_path))
    assert (free.name, free.group, free.seeds, free.pairs, free.against) == ("improved-500", OUTSIDE, 1, 24, "")
    assert free.means["own_loss"].value == pytest.approx(4 * 12.5)
    assert free.means["gram_share"].value == pytest.approx(0.2), "shares are averaged geometrically"
    assert free.growth is not None and free.growth.value == pytest.approx(math.sqrt(1 + 30 * 1e-6 / 0.04**2), rel=1e-4)
    assert (cured.name, cured.growth) == ("improved-500-fixed-norm", None)
    assert cured.against.startswith("lower in 24 of 24 pairs, median difference -5")
    assert aside.group == ASIDE
    assert (free.cure, free.changes) == ("", ())
    assert (cured.cure, cured.changes) == ("fixed-norm", pytest.approx((-0.1,)))


def test_seeds_are_taken_together(tmp_path: Path) -> None:
    for seed, free, cured in ((1, 1.0, 0.9), (2, 1.2, 1.3), (3, 1.1, 0.8)):
        write_heldout(tmp_path / f"improved-500-crop128-seed{seed}", free, (OUTSIDE,))
        write_heldout(tmp_path / f"improved-500-decay-crop128-seed{seed}", cured, (OUTSIDE,))
    free_row, cured_row = summarise(tmp_path, find_heldout(tmp_path))
    assert (free_row.name, free_row.seeds) == ("improved-500-crop128", 3)
    total = free_row.means["own_loss"]
    assert (total.value, total.low, total.high) == pytest.approx((55, 50, 60))
    assert cured_row.cure == "decay"
    assert sorted(cured_row.changes) == pytest.approx([0.8 / 1.1 - 1, 0.9 - 1, 1.3 / 1.2 - 1])
    assert cured_row.against == "lower in 2, higher in 1 of 3 seeds, in 3 of them clearly (p < 0.01)"


def test_names() -> None:
    assert split_seed("improved-500") == ("improved-500", "")
    assert split_seed("improved-500-crop128-seed12") == ("improved-500-crop128", "-seed12")
    assert free_twin("improved-500-fixed-norm-crop128") == "improved-500-crop128"
    assert free_twin("improved-500-decay") == "improved-500"
    assert free_twin("improved-500-crop128") is None


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / HELDOUT).write_text("set,style\nx,y\n")
    with pytest.raises(LogError, match=r"is not a table written by python -m core\.heldout"):
        read_pairs(tmp_path / HELDOUT)
