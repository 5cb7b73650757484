"""Held-out losses: what is measured, what is written, and the comparison of models whose growth was stopped with free growth."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.analysis import heldout_losses
from core.analysis.curves import LogError
from core.analysis.heldout_comparison import (
    RunSettings,
    Summary,
    find_heldout,
    read_pairs,
    summarise,
)
from core.analysis.heldout_losses import (
    DATA,
    FIELDS,
    GALLERY,
    HELDOUT,
    Unseen,
    evaluate,
    training_losses,
)
from core.heldout import main
from core.images.convert import to_tensor
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.metrics.features import MEASURES
from core.models.checkpoint import Model
from core.models.losses import GramLoss
from core.models.model_card import read_run
from core.models.registry import VARIANTS
from core.training.objective import Objective
from tests.conftest import draw, shipped_encoder
from tests.runs import write_about, write_heldout, write_run

# ---- measuring ----


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are painted and measured at 48 instead of 256 px."""
    monkeypatch.setattr(heldout_losses, "STYLE_SIDE", 48)


@pytest.mark.usefixtures("small")
def test_each_pair_has_a_row_of_own_and_fixed_measures(tiny_model: Callable[[str], Model]) -> None:
    stylizer = Stylizer(tiny_model("original-500"), shipped_encoder("vgg16"), cache=StyleCache())
    contents = {"one": draw(1), "two": draw(2)}
    paintings = [Unseen(GALLERY, "wave", draw(3)), Unseen(DATA, "night", draw(4))]
    rows = list(evaluate(stylizer, contents, paintings, shipped_encoder("vgg19")))
    assert [(row["set"], row["style"], row["content"]) for row in rows] == [
        (GALLERY, "wave", "one"),
        (GALLERY, "wave", "two"),
        (DATA, "night", "one"),
        (DATA, "night", "two"),
    ]
    assert all(tuple(row) == FIELDS for row in rows)
    assert all(float(row[field]) > 0 for row in rows for field in FIELDS[3:])
    assert len({row["own_style_loss"] for row in rows}) == 4


def test_own_losses_are_those_of_training() -> None:
    objective = Objective(VARIANTS["improved-500"], shipped_encoder("vgg19"), 100.0)
    photo, painting = draw(1, (48, 48)), draw(2, (48, 48))
    target = objective.style(to_tensor(painting)[None]).target
    assert isinstance(objective.style_loss, GramLoss)
    assert training_losses(objective, photo, photo, target)[0] == 0
    assert training_losses(objective, painting, photo, target)[1] == pytest.approx(0, abs=1e-9)
    content, style = training_losses(objective, photo, painting, target)
    assert content > 0
    half = Objective(VARIANTS["improved-500"], shipped_encoder("vgg19"), 50.0)
    assert training_losses(half, photo, painting, target) == pytest.approx((content, style / 2))


def test_the_four_outside_styles_are_always_there() -> None:
    found = heldout_losses.unseen_paintings(None)
    assert [painting.group for painting in found] == [GALLERY] * 4
    assert found[2].name == "kandinsky_composition_viii"


def test_a_model_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["improved-500", "best"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no trained model named best;")
    assert said.count("\n") == 1


# ---- comparing ----


def labels(*parents: Path) -> dict[str, list[Summary]]:
    """The rows of all runs in these folders, by what a reader sees of the model."""
    rows: dict[str, list[Summary]] = {}
    for row in summarise(find_heldout(*parents)):
        rows.setdefault(row.label, []).append(row)
    return rows


FREE_GROWTH = "improved-500, free growth (8 channels)"
DECAY = "improved-500, decay (8 channels)"
FIXED_NORM = "improved-500, fixed-norm (8 channels)"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_heldout(tmp_path)
    pairs = read_pairs(tmp_path / HELDOUT).set_index(["set", "style", "content"])
    assert len(pairs) == 48
    assert pairs["own_loss"][DATA, "painting 11", "photo, 1"] == 24 + 72
    with open(tmp_path / HELDOUT, newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == FIELDS
    assert set(FIELDS[5:]) <= set(MEASURES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [HELDOUT, "model.json"]


def test_a_model_is_compared_with_its_baseline(tmp_path: Path) -> None:
    """What names a folder has does not matter: who is whose baseline is in the cards."""
    write_heldout(tmp_path / "a")
    write_heldout(tmp_path / "b", 0.9, growth="fixed-norm")
    write_run(tmp_path / "a")
    free, _, mitigated, on_data = summarise(find_heldout(tmp_path))
    assert (free.label, free.group, free.seeds, free.pairs) == (FREE_GROWTH, GALLERY, 1, 24)
    assert (free.mitigation, free.baseline, free.changes, free.against) == ("", None, (), "")
    geometric = 4 * math.factorial(24) ** (1 / 24)
    assert free.means["own_loss"].value == pytest.approx(geometric)
    assert free.means["gram_share"].value == pytest.approx(0.2)
    assert free.growth is not None and free.growth.value == pytest.approx(
        math.sqrt(1 + 30 * 1e-6 / 0.04**2), rel=1e-4
    )
    assert (mitigated.label, mitigated.growth) == (FIXED_NORM, None)
    assert mitigated.against == "10.0 % lower; lower for 12 of 12 paintings, p = 0.00049"
    assert (mitigated.mitigation, str(mitigated.baseline)) == ("fixed-norm", FREE_GROWTH)
    assert [each.change for each in mitigated.changes] == pytest.approx([-0.1])
    assert on_data.group == DATA


def test_a_baseline_in_the_same_number_format_goes_before_another(tmp_path: Path) -> None:
    write_heldout(tmp_path / "a", 1.2, (DATA,), dtype="bfloat16")
    write_heldout(tmp_path / "b", 0.9, (DATA,), dtype="float32", growth="decay")
    (_, decay) = summarise(find_heldout(tmp_path))
    assert [each.change for each in decay.changes] == pytest.approx([0.9 / 1.2 - 1])
    write_heldout(tmp_path / "c", 1.0, (DATA,), dtype="float32")
    bfloat16, decay, float32 = summarise(find_heldout(tmp_path))
    assert (bfloat16.baseline, float32.baseline) == (None, None)
    assert str(decay.baseline) == "improved-500, free growth (8 channels, float32)"
    assert [each.change for each in decay.changes] == pytest.approx([-0.1])


@pytest.mark.parametrize("other", [{"crop": 128}, {"of_iterations": 600}])
def test_a_run_trained_otherwise_is_no_baseline(tmp_path: Path, other: dict[str, Any]) -> None:
    write_heldout(tmp_path / "a", crop=256)
    write_heldout(tmp_path / "b", 0.9, growth="decay", **({"crop": 256} | other))
    *_, row = summarise(find_heldout(tmp_path))
    assert (row.mitigation, row.baseline, row.changes) == ("decay", None, ())


@pytest.mark.slow
def test_seeds_are_taken_together(tmp_path: Path) -> None:
    for seed, free, decay in ((1, 1.0, 0.9), (2, 1.2, 1.3), (3, 1.1, 0.8)):
        write_heldout(tmp_path / f"run-{seed}", free, (GALLERY,), seed=seed)
        write_heldout(tmp_path / f"other-{seed}", decay, (GALLERY,), seed=seed, growth="decay")
    ((free_row,), (row,)) = labels(tmp_path)[FREE_GROWTH], labels(tmp_path)[DECAY]
    assert free_row.seeds == 3
    total = free_row.means["own_loss"]
    one = 4 * math.factorial(24) ** (1 / 24)
    assert (total.value, total.low, total.high) == pytest.approx((1.1 * one, one, 1.2 * one))
    changes = [each.change for each in row.changes]
    assert changes == pytest.approx([0.9 - 1, 1.3 / 1.2 - 1, 0.8 / 1.1 - 1])
    assert row.difference == "10.0 % lower, 8.3 % higher, 27.3 % lower"
    assert row.test == "lower in 2 of 3 seeds, clearly lower in 2, clearly higher in 1"


def test_a_mean_that_one_painting_makes_is_not_clear(tmp_path: Path) -> None:
    """One is far better, eleven are a little worse."""
    write_heldout(tmp_path / "one")
    write_heldout(tmp_path / "two", 1.1, growth="decay")
    table = (tmp_path / "two" / HELDOUT).read_text().splitlines()
    better = [
        line.replace(line.split(",")[-8], "0.1").replace(line.split(",")[-7], "0.3")
        for line in table[-2:]
    ]
    (tmp_path / "two" / HELDOUT).write_text("\n".join([*table[:-2], *better]) + "\n")
    *_, on_data = summarise([tmp_path / "one", tmp_path / "two"])
    assert on_data.against == "30.8 % lower; lower for 1 of 12 paintings, p = 0.02"
    assert on_data.changes[0].clear == ""


@pytest.mark.slow
def test_runs_that_are_not_all_there_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    for seed in (42, 1, 2):
        groups = (GALLERY,) if seed == 2 else (GALLERY, DATA)
        write_heldout(tmp_path / f"free-{seed}", 1.0, groups, seed=seed)
    for seed in (1, 2, 3):
        write_heldout(tmp_path / f"decay-{seed}", 0.9, seed=seed, growth="decay")
    write_heldout(tmp_path / "fixed", 1.2, seed=1, growth="fixed-norm")
    rows = {(row.label, row.group): row for row in summarise(find_heldout(tmp_path))}
    assert (rows[FREE_GROWTH, GALLERY].seeds, rows[FREE_GROWTH, DATA].seeds) == (3, 2)
    assert len(rows[DECAY, GALLERY].changes) == 2
    assert rows[DECAY, DATA].seeds == 3
    found = [each.change for each in rows[DECAY, DATA].changes]
    assert found == pytest.approx([-0.1]), "the one that both have"
    assert (
        rows[DECAY, DATA].test == "lower in 1 of 1 seeds, clearly lower in 1, clearly higher in 0"
    )
    assert rows[FIXED_NORM, DATA].against.startswith("20.0 % higher; lower for 0 of 12 paintings")


def test_of_two_runs_with_one_seed_the_first_counts(tmp_path: Path) -> None:
    write_heldout(tmp_path / "a", 1.0, (DATA,))
    write_heldout(tmp_path / "b", 5.0, (DATA,))
    (row,) = summarise(find_heldout(tmp_path))
    assert (row.seeds, row.pairs) == (1, 24)
    assert row.means["own_content_loss"].value == pytest.approx(math.factorial(24) ** (1 / 24))


def test_losses_of_nothing_are_not_compared(tmp_path: Path) -> None:
    write_heldout(tmp_path / "one", 0.0)
    write_heldout(tmp_path / "two", float("nan"), growth="decay")
    *_, row = summarise([tmp_path / "one", tmp_path / "two"])
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


def test_settings_say_what_sets_a_model_apart(tmp_path: Path) -> None:
    write_about(tmp_path, "original-500", growth="decay", crop=128, dtype="float32")
    card = read_run(tmp_path)
    assert card is not None
    assert str(RunSettings.of(card)) == "original-500, decay (8 channels, crops of 128 px, float32)"


def test_losses_without_a_card_are_refused(tmp_path: Path) -> None:
    write_heldout(tmp_path / "one")
    (tmp_path / "one" / "model.json").unlink()
    with pytest.raises(LogError, match=r"no model\.json that tells how they came about\.$"):
        summarise(find_heldout(tmp_path))


@pytest.mark.parametrize("text", ["set,style\nx,y\n", "", "set,style,content\n\x00", None])
def test_another_table_is_refused(tmp_path: Path, text: str | None) -> None:
    write_heldout(tmp_path)
    path = tmp_path / HELDOUT
    path.write_text(path.read_text().replace(",0.5", ",half") if text is None else text)
    with pytest.raises(LogError, match=r"is not a table written by python -m core\.heldout\.$"):
        read_pairs(path)
