"""Held-out losses: what is measured, what is written, and the comparison of cured models with their freely grown twins."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core.analysis import heldout
from core.analysis.curves import LogError
from core.analysis.heldout import (
    ASIDE,
    FIELDS,
    HELDOUT,
    OUTSIDE,
    Unseen,
    batch,
    evaluate,
    training_losses,
)
from core.analysis.heldout_comparison import (
    find_heldout,
    free_twin,
    read_pairs,
    split_seed,
    summarise,
)
from core.heldout import main
from core.inference.stylizer import StyleCache, Stylizer
from core.metrics.features import MEASURES
from core.models.checkpoint import Model
from core.models.encoder import Encoder
from core.models.losses import GramLoss
from core.models.registry import VARIANTS
from core.training.objective import Objective
from tests.runs import write_heldout, write_run

# ---- measuring ----


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are painted and measured at 48 instead of 256 px."""
    monkeypatch.setattr(heldout, "STYLE_SIDE", 48)


@pytest.mark.usefixtures("small")
def test_each_pair_has_a_row_of_own_and_fixed_measures(
    tiny_model: Callable[[str], Model],
    encoder: Callable[[str], Encoder],
    drawn: Callable[..., Image.Image],
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


def test_own_losses_are_those_of_training(
    encoder: Callable[[str], Encoder], drawn: Callable[..., Image.Image]
) -> None:
    objective = Objective(VARIANTS["improved-500"], encoder("vgg19"), 100.0)
    photo, painting = batch(drawn(1, (48, 48))), batch(drawn(2, (48, 48)))
    target = objective.style(painting).target
    assert isinstance(objective.style_loss, GramLoss)
    assert training_losses(objective, photo, photo, target)[0] == 0
    assert training_losses(objective, painting, photo, target)[1] == pytest.approx(0, abs=1e-9)
    content, style = training_losses(objective, photo, painting, target)
    assert content > 0
    half = Objective(VARIANTS["improved-500"], encoder("vgg19"), 50.0)
    assert training_losses(half, photo, painting, target) == pytest.approx((content, style / 2))


def test_the_four_outside_styles_are_always_there() -> None:
    found = heldout.unseen(None)
    assert [painting.group for painting in found] == [OUTSIDE] * 4
    assert found[2].name == "kandinsky_composition_viii"


def test_a_model_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["best"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no trained model named") and said.count("\n") == 1


# ---- comparing ----


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_heldout(tmp_path)
    pairs = read_pairs(tmp_path / HELDOUT)
    assert len(pairs) == 48
    assert pairs[ASIDE, "painting 11", "photo, 1"]["own_loss"] == 24 + 72
    with open(tmp_path / HELDOUT, newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == FIELDS
    assert set(FIELDS[5:]) <= set(MEASURES)
    assert [path.name for path in tmp_path.iterdir()] == [HELDOUT]


def test_a_model_is_compared_with_its_freely_grown_twin(tmp_path: Path) -> None:
    write_heldout(tmp_path / "improved-500")
    write_heldout(tmp_path / "improved-500-fixed-norm", 0.9)
    write_run(tmp_path / "improved-500")
    free, _, cured, aside = summarise(find_heldout(tmp_path))
    assert (free.name, free.group, free.seeds, free.pairs, free.against) == (
        "improved-500",
        OUTSIDE,
        1,
        24,
        "",
    )
    assert free.means["own_loss"].value == pytest.approx(4 * math.factorial(24) ** (1 / 24)), (
        "means are geometric"
    )
    assert free.means["gram_share"].value == pytest.approx(0.2)
    assert free.growth is not None and free.growth.value == pytest.approx(
        math.sqrt(1 + 30 * 1e-6 / 0.04**2), rel=1e-4
    )
    assert (cured.name, cured.growth) == ("improved-500-fixed-norm", None)
    assert cured.against == "10.0 % lower; lower for 12 of 12 paintings, p = 0.00049"
    assert aside.group == ASIDE
    assert (free.cure, free.changes) == ("", ())
    assert (cured.cure, cured.changes) == ("fixed-norm", pytest.approx((-0.1,)))


def test_a_run_in_float32_goes_before_the_one_in_bfloat16(tmp_path: Path) -> None:
    write_heldout(tmp_path / "models" / "improved-500", 1.2, (ASIDE,))
    write_heldout(tmp_path / "models" / "improved-500-decay", 0.9, (ASIDE,))
    write_heldout(tmp_path / "seeds" / "improved-500-float32", 1.0, (ASIDE,))
    bfloat16, cured, float32 = summarise(find_heldout(tmp_path / "models", tmp_path / "seeds"))
    assert (cured.twin, cured.changes) == ("improved-500-float32", pytest.approx((-0.1,)))
    assert (bfloat16.twin, float32.twin, float32.against) == ("", "", "")


def test_seeds_are_taken_together(tmp_path: Path) -> None:
    for seed, free, cured in ((1, 1.0, 0.9), (2, 1.2, 1.3), (3, 1.1, 0.8)):
        write_heldout(tmp_path / f"improved-500-crop128-seed{seed}", free, (OUTSIDE,))
        write_heldout(tmp_path / f"improved-500-decay-crop128-seed{seed}", cured, (OUTSIDE,))
    free_row, cured_row = summarise(find_heldout(tmp_path))
    assert (free_row.name, free_row.seeds) == ("improved-500-crop128", 3)
    total = free_row.means["own_loss"]
    one = 4 * math.factorial(24) ** (1 / 24)
    assert (total.value, total.low, total.high) == pytest.approx((1.1 * one, one, 1.2 * one))
    assert cured_row.cure == "decay"
    assert cured_row.changes == pytest.approx((0.9 - 1, 1.3 / 1.2 - 1, 0.8 / 1.1 - 1))
    assert cured_row.against == (
        "10.0 % lower, 8.3 % higher, 27.3 % lower; lower in 2 of 3 seeds, clearly lower in 2, clearly higher in 1"
    )


def test_a_mean_that_one_painting_makes_is_not_clear(tmp_path: Path) -> None:
    """One is far better, eleven are a little worse."""
    write_heldout(tmp_path / "one")
    write_heldout(tmp_path / "one-decay", 1.1)
    table = (tmp_path / "one-decay" / HELDOUT).read_text().splitlines()
    better = [
        line.replace(line.split(",")[-8], "0.1").replace(line.split(",")[-7], "0.3")
        for line in table[-2:]
    ]
    (tmp_path / "one-decay" / HELDOUT).write_text("\n".join([*table[:-2], *better]) + "\n")
    *_, aside = summarise([tmp_path / "one", tmp_path / "one-decay"])
    assert aside.against == "30.8 % lower; lower for 1 of 12 paintings, p = 0.02"


def test_runs_that_are_not_all_there_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    for seed in ("", "-seed1", "-seed2"):
        write_heldout(
            tmp_path / f"one{seed}", 1.0, (OUTSIDE,) if seed == "-seed2" else (OUTSIDE, ASIDE)
        )
    for seed in ("-seed1", "-seed2", "-seed3"):
        write_heldout(tmp_path / f"one-decay{seed}", 0.9)
    write_heldout(tmp_path / "one-fixed-norm-seed1", 1.2)
    rows = {(row.name, row.group): row for row in summarise(find_heldout(tmp_path))}
    assert (rows["one", OUTSIDE].seeds, rows["one", ASIDE].seeds) == (3, 2)
    assert len(rows["one-decay", OUTSIDE].changes) == 2
    assert rows["one-decay", ASIDE].seeds == 3
    assert rows["one-decay", ASIDE].changes == pytest.approx((-0.1,)), "the one that both have"
    assert (
        rows["one-decay", ASIDE].against
        == "10.0 % lower; lower in 1 of 1 seeds, clearly lower in 1, clearly higher in 0"
    )
    assert rows["one-fixed-norm", ASIDE].against.startswith(
        "20.0 % higher; lower for 0 of 12 paintings"
    )


def test_losses_of_nothing_are_not_compared(tmp_path: Path) -> None:
    write_heldout(tmp_path / "one", 0.0)
    write_heldout(tmp_path / "one-decay", float("nan"))
    *_, row = summarise([tmp_path / "one", tmp_path / "one-decay"])
    assert (row.against, row.changes) == ("", ())
    assert math.isnan(row.means["own_loss"].value)


def test_a_table_of_more_paintings_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_heldout(tmp_path)
    before = (tmp_path / HELDOUT).read_bytes()
    assert main([str(tmp_path)]) == 1
    assert "name it with --data, or remove the file" in capsys.readouterr().err
    assert (tmp_path / HELDOUT).read_bytes() == before


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
