"""Turns: one at a time, first come first served, others between two batches of a long job."""

import threading
from collections.abc import Generator

import pytest

from demo.server.turns import Turns, in_turns
from tests.waiting import wait_for


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(), list[int]()

    def visit(number: int) -> None:
        with turns:
            order.append(number)

    with turns:
        visitors = [threading.Thread(target=visit, args=(number,)) for number in range(20)]
        for number, visitor in enumerate(visitors, 1):
            visitor.start()
            wait_for(lambda number=number: len(turns._waiting) == number)  # type: ignore[misc]
    for visitor in visitors:
        visitor.join(60)
    assert order == list(range(20))


def test_a_picture_waits_for_one_batch_of_a_refining_at_most() -> None:
    turns, log, stop = Turns(), list[str](), threading.Event()
    begun, go_on = threading.Event(), threading.Semaphore(0)

    def refine() -> None:
        with turns.job("refining") as job:
            for batch in range(4):
                job.stopped(stop)
                log.append(f"batch {batch}")
                begun.set()
                go_on.acquire()

    def picture() -> None:
        with turns:
            log.append("picture")

    refining = threading.Thread(target=refine)
    refining.start()
    assert begun.wait(60)
    visitor = threading.Thread(target=picture)
    visitor.start()
    wait_for(lambda: turns._waiting)
    for _ in range(4):
        go_on.release()
    visitor.join(60)
    refining.join(60)
    assert log == ["batch 0", "picture", "batch 1", "batch 2", "batch 3"]


def test_a_job_tells_how_long_it_takes() -> None:
    turns = Turns()
    with turns.job("refining") as job:
        assert turns.job_running is job and job.seconds_left() is None
        job.say(40.0)
        left = job.seconds_left()
        assert left is not None and 30 < left <= 40
    assert turns.job_running is None


def test_a_turn_is_given_back_after_an_error() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broke"), turns.job("refining"):
        raise ValueError("it broke")
    with turns:
        assert turns.job_running is None


def test_an_iterator_computes_in_turns_and_rests_between() -> None:
    turns, closed = Turns(), list[bool]()

    def steps() -> Generator[bool, None, None]:
        try:
            for _ in range(3):
                yield turns._taken
        finally:
            closed.append(True)

    run = in_turns(steps(), turns)
    assert next(run) is True and turns._taken is False
    run.close()
    assert closed == [True]
    assert list(in_turns(steps(), turns)) == [True] * 3
