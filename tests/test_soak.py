"""A short part of `make soak`."""

import random

import pytest

from tests.soak import faults, mutated, soak, tried


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["pictures", "videos", "logs", "models", "calls", "visitors", "disk"]
)
def test_what_strangers_send_is_read_or_refused(kind: str) -> None:
    assert faults(soak(30, 1, [kind])) == []


def test_a_fault_is_counted() -> None:
    def broken() -> None:
        raise IndexError("list index out of range")

    assert tried(broken, (ValueError,)) == "IndexError: list index out of range"
    assert tried(lambda: int("x"), (ValueError,)).startswith("not a sentence")
    assert tried(lambda: 1, ()) == "read"


def test_the_same_seed_makes_the_same_mutants() -> None:
    data = bytes(range(256)) * 4
    first, second = random.Random(5), random.Random(5)
    assert [mutated(data, first) for _ in range(20)] == [mutated(data, second) for _ in range(20)]
