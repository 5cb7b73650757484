"""The paired test: clear cases either way, undecided ones, ties and gaps."""

import itertools

import numpy as np
import pytest

from core.metrics.paired_test import compare

RNG = np.random.default_rng(0)
BASE = RNG.lognormal(3, 1, 64)


def test_a_clear_difference_holds_one_way_and_fails_the_other() -> None:
    lower = BASE * RNG.uniform(0.5, 0.9, 64)
    held, failed = compare(lower, BASE, "lower"), compare(lower, BASE, "higher")
    assert (held.verdict, failed.verdict) == ("holds", "does not hold")
    assert held.direction == failed.direction == "lower"
    assert (held.pairs, held.lower, held.higher) == (64, 64, 0)
    assert held.effect == -1
    assert held.difference == pytest.approx(np.median(lower - BASE))
    assert held.p < 1e-6
    assert held.summary().startswith("lower in 64 of 64 pairs, median difference -")
    assert held.summary().endswith("effect -1.00, p < 0.0001")


def test_turned_round_everything_changes_its_sign_only() -> None:
    other = BASE + RNG.normal(2, 3, 64)
    one, two = compare(other, BASE, "higher"), compare(BASE, other, "lower")
    assert one.verdict == two.verdict
    assert (one.p, one.effect, one.difference) == (two.p, -two.effect, -two.difference)
    assert (one.lower, one.higher) == (two.higher, two.lower)


def test_without_a_difference_it_cannot_be_told() -> None:
    """Over 400 draws without any difference, about one in a hundred is taken for one."""
    noise = np.random.default_rng(1).normal(size=(400, 64))
    verdicts = [compare(row, np.zeros(64), "lower").verdict for row in noise]
    assert verdicts.count("cannot be told") >= 390


def test_a_faint_difference_over_many_pairs_cannot_be_told_either() -> None:
    change = np.random.default_rng(2).normal(0.1, 1, 4000)
    result = compare(change, 0, "higher")
    assert result.p < 1e-6
    assert result.effect < 0.3
    assert result.verdict == "cannot be told"


def test_effect_and_p_value_of_a_small_case_by_hand() -> None:
    """Ranks 1 to 6, the first against: (2+3+4+5+6 - 1) / 21. Of the 64 ways to give signs, 4 are at least as extreme."""
    change = np.array([-1, 2, 3, 4, 5, 6.0])
    totals = [sum(signs) for signs in itertools.product(*[(-r, r) for r in range(1, 7)])]
    result = compare(change, np.zeros(6), "higher")
    assert result.effect == pytest.approx(19 / 21)
    assert (
        result.p
        == pytest.approx(sum(abs(total) >= 19 for total in totals) / 64)
        == pytest.approx(4 / 64)
    )
    assert result.verdict == "cannot be told"


def test_five_pairs_are_too_few_however_clear() -> None:
    assert compare([1, 2, 3, 4, 5], [2, 4, 6, 8, 10], "lower").verdict == "cannot be told"


def test_ties_count_for_both_sides() -> None:
    """Four pairs of 64 differ, all one way: no strong effect, as dropping the ties would make it."""
    specks = np.zeros(64)
    specks[:4] = [15, 30, 30, 45]
    result = compare(np.zeros(64), specks, "lower")
    assert result.lower == 4
    assert -0.15 < result.effect < 0
    assert result.verdict == "cannot be told"


def test_only_ties_are_equal() -> None:
    result = compare([0.0] * 64, [0.0] * 64, "lower")
    assert (result.verdict, result.direction, result.p, result.effect) == (
        "cannot be told",
        "equal",
        1,
        0,
    )
    assert result.summary().startswith("lower in 0 and higher in 0 of 64 pairs")


def test_pairs_with_a_gap_on_either_side_are_left_out() -> None:
    lower, base = BASE - 1, BASE.copy()
    lower[:3], base[3:5] = np.nan, np.nan
    result = compare(lower, base, "lower")
    assert (result.pairs, result.verdict) == (59, "holds")
    assert result.difference == pytest.approx(-1)


def test_gaps_only_leave_nothing_to_compare() -> None:
    result = compare([np.nan] * 8, [1.0] * 8, "lower")
    assert (result.pairs, result.verdict) == (0, "cannot be told")
    assert result.summary() == "no pairs to compare"


def test_a_number_can_stand_for_the_second() -> None:
    assert compare(RNG.uniform(0.3, 0.8, 64), 1, "lower").verdict == "holds"


def test_bad_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="'lower' or 'higher'"):
        compare([1], [2], "better")
    with pytest.raises(ValueError, match="as many values on both sides"):
        compare([1, 2], [1, 2, 3], "lower")
