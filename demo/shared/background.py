"""Refining while the page goes on: work in a thread of its own, whose steps are read as an iterator.

    for step in refine(stylizer, painting, contents, batches=20):
        print(step.done, step.style_loss)

The report's way, 风格迁移 with 20 more batches on one painting (`core.training.refine`).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from PIL import Image

from core.inference.stylizer import STYLE_SIDE, Cancelled, StyledModel, Stylizer
from core.training.refine import refine as run_refining
from core.training.step import StepResult
from demo.server.turns import TURNS, Job

T = TypeVar("T")


def in_background(
    work: Callable[[Callable[[T], None], Job], None], stop: threading.Event
) -> Iterator[T]:
    """What `work` gives while it runs in a thread of its own; what it raises is raised here.

    Args:
        work: takes the function to give with, and the job whose turns it takes, which it must let others have between two
            batches.
        stop: set when nobody listens any more; `work` must end soon after.
    """
    given: SimpleQueue[tuple[T] | Exception | None] = SimpleQueue()

    def run() -> None:
        try:
            with TURNS.job("refining") as job:
                work(lambda item: given.put((item,)), job)
            given.put(None)
        except Exception as error:  # raised again where the items are read
            given.put(error)

    thread = threading.Thread(target=run, name="refine", daemon=True)
    thread.start()
    try:
        while isinstance(item := given.get(), tuple):
            yield item[0]
        if item is not None:
            raise item
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Step:
    """What refining has reached after `done` batches; `last` says that it ended there."""

    done: int
    styled: StyledModel
    style_loss: float | None
    last: bool = False


def refine(
    stylizer: Stylizer,
    style: Image.Image,
    contents: Sequence[Path],
    batches: int,
    style_side: int = STYLE_SIDE,
    stop: threading.Event | None = None,
) -> Iterator[Step]:
    """`core.training.refine` as an iterator: a step after each batch, the last one twice, the second time marked `last`.

    Training runs in a thread of its own and ends with the iterator, also when that is closed before its end or when
    `stop` is set; then the last step repeats what had been reached, and before the first batch there is none.
    """
    stop = stop or threading.Event()
    reached: Step | None = None

    def work(give: Callable[[Step], None], job: Job) -> None:
        def on_step(
            done: int, _: int, result: StepResult, reached: Callable[[], StyledModel]
        ) -> None:
            give(Step(done, reached(), result.style_loss))

        def stopped() -> bool:
            return job.stopped(stop)

        styled = run_refining(stylizer, style, contents, batches, style_side, on_step, stopped)
        give(Step(batches, styled, None, last=True))

    try:
        for step in in_background(work, stop):
            reached = (
                replace(step, style_loss=reached.style_loss) if step.last and reached else step
            )
            yield reached
    except Cancelled:
        if reached:
            yield replace(reached, last=True)
