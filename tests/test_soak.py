"""A short part of `make soak`."""

import random
from collections import Counter

import pytest

from tests.soak.__main__ import KINDS, faults, main, soaked
from tests.soak.mutants import mutated, odd, tried, with_checksums, wrong_words

QUICK = ("pictures", "videos", "logs", "models", "styles", "recipes", "addresses", "writers")


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUICK)
def test_what_strangers_send_is_read_or_refused(kind: str) -> None:
    assert faults(soaked(kind, 40, 1)) == []


def test_a_fault_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise IndexError("list index out of range")

    assert tried(broken, (ValueError,)) == "IndexError: list index out of range"
    assert tried(lambda: int("x"), (ValueError,)).startswith("not a sentence")
    assert tried(lambda: 1, ()) == "read"
    assert wrong_words("[Errno 28] No space left.") and wrong_words(None)
    assert wrong_words("The disk is full.") is None
    assert faults(Counter({"read": 3, "refused": 2, "half a file": 2})) == ["2 x half a file"]
    monkeypatch.setitem(KINDS, "logs", lambda *_: ["read", "refused", "half a file"])
    assert main(["--kinds", "logs", "--count", "3"]) == 1
    assert "logs: 1 x half a file" in capsys.readouterr().out
    monkeypatch.setitem(KINDS, "logs", lambda *_: ["refused"] * 60)
    assert main(["--kinds", "logs"]) == 1, "nothing was read, so nothing was tried"


def test_the_same_seed_makes_the_same_mutants() -> None:
    data = bytes(range(256)) * 4
    first, second = random.Random(5), random.Random(5)
    assert [mutated(data, first) for _ in range(20)] == [mutated(data, second) for _ in range(20)]
    value = {"a": [1, {"b": "c"}], "d": None}
    made = [str(odd(value, random.Random(seed))) for seed in range(40)]
    assert made == [str(odd(value, random.Random(seed))) for seed in range(40)]
    assert len(set(made)) > 10 and value == {"a": [1, {"b": "c"}], "d": None}
    assert with_checksums(b"too short") == b"too short"
