"""README.md is short, and README.zh.md says what it says: the same sections, code, tables, pictures and links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md"))
SWITCH = {"README.md", "README.zh.md"}  # each links to the other
CELL = re.compile(r"[\w/-]*\d[\w/-]*(?:[.,]\d+)*", re.ASCII)


def parts(text: str, pattern: str) -> list[str]:
    return re.findall(pattern, text, re.M | re.S)


def cells(text: str) -> list[list[str]]:
    """Of each row of the tables: names and numbers."""
    rows = [line for line in text.split("\n") if line.startswith("|") and "---" not in line]
    return [CELL.findall(row) for row in rows]


def test_the_readme_stays_short_enough_for_a_newcomer() -> None:
    assert len(ENGLISH.splitlines()) <= 140


@pytest.mark.parametrize(
    "pattern",
    [r"^```.*?^```", r"!\[[^]]*\]\(([^)]+)\)", r"`python [^`]+`", r"^#+ ()"],
    ids=["code", "pictures", "commands", "sections"],
)
def test_both_readmes_have_the_same(pattern: str) -> None:
    assert parts(ENGLISH, pattern) == parts(CHINESE, pattern)


def test_both_readmes_lead_to_the_same_places_and_to_each_other() -> None:
    english, chinese = (set(parts(text, r"\]\(([^)]+)\)")) for text in (ENGLISH, CHINESE))
    assert english - SWITCH == chinese - SWITCH
    assert "README.zh.md" in english and "README.md" in chinese


def test_both_readmes_have_the_same_numbers_in_their_tables() -> None:
    english, chinese = cells(ENGLISH), cells(CHINESE)
    assert len(english) == len(chinese) > 20
    for ours, theirs in zip(english, chinese, strict=True):
        assert set(ours) == set(theirs)
