"""The tables of the READMEs: they are what the models, the losses and the report say, and a wrong mark is refused."""

import json
import math
from pathlib import Path

import pytest

from core.inference.model_store import ModelStore
from gallery import readme_tables, report, tables
from gallery.readme_tables import TABLES, TableError
from gallery.tables import READMES, fill, main
from tests.runs import write_about, write_heldout

MARKS = "# Title\n\n<!-- begin table {} -->\nold\n<!-- end table -->\n\nText.\n"


@pytest.mark.artifacts
@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_the_tables_are_those_of_what_is_shipped(path: Path) -> None:
    """Where this fails, run `python -m gallery.tables`."""
    text = path.read_text(encoding="utf-8")
    assert fill(text, path.name) == text


@pytest.mark.artifacts
def test_every_table_is_shown_somewhere() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in READMES)
    assert [name for name in TABLES if f"<!-- begin table {name} -->" not in shown] == []


def test_methods_are_told_as_multiples_of_one_photo(tmp_path: Path) -> None:
    """Medians 0.5 s for a photo, 60 s for optimising one; what was not timed is a dash."""
    timings = tmp_path / "timings.json"
    seconds = {"instant photo": [0.5, 0.4, 9.0], "gatys photo": [60.0], "instant painting": [0.25]}
    timings.write_text(json.dumps({"methods": seconds}))
    gatys, johnson, *_ = readme_tables.methods(timings)
    assert (gatys["a new painting"], gatys["a new photo"]) == ("nothing beforehand", "120")
    assert (johnson["a new painting"], johnson["a new photo"]) == ("–", "–")


def test_what_stands_between_the_marks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "two", lambda: [{"a": "1", "b": "2"}])
    text = MARKS.format("two")
    filled = fill(text, "README.md")
    assert filled == text.replace("old\n", "| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert fill(filled, "README.md") == filled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MARKS.format("best"), r"^README\.md asks for a table best, and there are: models, "),
        ("<!-- begin table models -->\n| a |\n", r"^README\.md has a table that begins and does"),
        (MARKS.format("models") + "<!-- begin table growth -->\n", "begins and does not end"),
    ],
)
def test_wrong_marks_are_refused(text: str, said: str) -> None:
    with pytest.raises(TableError, match=said):
        fill(text, "README.md")


def test_a_table_without_rows_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "two", lambda: [])
    with pytest.raises(
        TableError, match=r"^README\.md asks for a table two, which has no rows yet"
    ):
        fill(MARKS.format("two"), "README.md")


def test_the_command_writes_once_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(MARKS.format("two"))
    monkeypatch.setitem(TABLES, "two", lambda: [{"a": "1"}])
    monkeypatch.setattr(tables, "READMES", (readme,))
    assert main(["--check"]) == 1
    assert "old" in readme.read_text(), "checking changes nothing"
    assert "README.md is out of date" in capsys.readouterr().out
    assert main([]) == 0 and "| 1 |" in readme.read_text()
    assert main(["--check"]) == 0
    assert list(tmp_path.iterdir()) == [readme]


def test_without_a_report_the_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(MARKS.format("claims"))
    monkeypatch.setattr(tables, "READMES", (readme,))
    monkeypatch.setattr(report, "DATA", tmp_path / "report.json")
    assert main([]) == 1
    assert capsys.readouterr().err == (
        "error: There is no report yet: run python -m gallery.report first.\n"
    )
    assert "old" in readme.read_text()


def test_models_are_told_by_their_cards(tmp_path: Path) -> None:
    """A card says what a model is, whatever its folder is called."""
    losses = {"content_loss": 2.0, "style_loss": 5.0, "tv_loss": 0.1}
    more = {"iterations": 1364, "style_weight": 12.0, "last_epoch": losses}
    write_about(tmp_path / "mine", "original-500", **more)
    with ModelStore(tmp_path).in_use():
        (model,) = readme_tables.models()
        (row,) = readme_tables.training()
    assert [*model.values()] == ["mine", "VGG16", "five ResidualBlocks", "mean/std", "500", "8"]
    assert [*row.values()] == ["mine", "1,364", "–", "12", "2", "5", "2.5", "–", "–"]


def test_held_out_losses_are_of_the_paintings_held_out_of_the_data(
    tmp_path: Path,
) -> None:
    for seed, factor in ((1, 1.0), (2, 3.0)):
        write_heldout(tmp_path / "seeds" / str(seed), factor, seed=seed, growth="decay")
    with ModelStore(tmp_path).in_use():
        (row,) = readme_tables.heldout()
    model, runs, growth, content, *_ = row.values()
    assert (model, runs, growth) == ("improved-500, decay (8 channels)", "2", "–")
    one = math.factorial(24) ** (1 / 24)  # the geometric mean of 1, 2 ... 24
    assert content == f"{2 * one:#.3g} ({one:#.3g} to {3 * one:#.3g})"
