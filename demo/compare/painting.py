"""Painting what is missing of a grid of the tab Compare, and the view of the grid that goes with it."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from demo.compare import grid_html as compare_html
from demo.compare import plots, render
from demo.compare.selection import OWN, Choice, read
from demo.shared import messages
from demo.shared.events import Answer
from demo.shared.sessions import WORKING, RunningJobs
from gallery.grids.backends import why_not
from gallery.grids.results import Grid


class Job(threading.Event):
    """A visitor's painting, which ends once this is set.

    Attributes:
        shown: which of the styles that visitor looks at.
        left: whether another grid was chosen meanwhile, which then is not to be painted over.
    """

    def __init__(self, shown: int) -> None:
        super().__init__()
        self.shown, self.left = shown, False


RUNNING = RunningJobs()
MAX_ROWS = 16  # that one press paints, since others wait meanwhile: a choice of one's own may have more than a hundred


def view(choice: Choice, shown: int) -> dict[str, Any]:
    """Title, grid, status, the button that paints, the one that stops."""
    missing, asked = missing_of(paintable(choice, shown)), missing_of(next_of(choice, shown))
    words = "Paint the missing picture" if missing == 1 else f"Paint the missing {missing} pictures"
    if asked < missing:
        words = f"Paint {asked} of the {missing} missing pictures"
    paint = gr.Button(words, visible=missing > 0)
    stop = gr.Button(visible=False)
    return {**grid_of(choice, shown), "status": "", "paint": paint, "stop": stop}


def grid_of(choice: Choice, shown: int) -> dict[str, str]:
    """Its title, and the grid."""
    grid = read(choice, choice.styles[shown])
    title = compare_html.title_html(choice, grid)
    return {"title": title, "grid": compare_html.grid_html(choice, grid)}


def paintable(choice: Choice, shown: int) -> list[Grid]:
    """The rows that can be painted, of the style shown, or in a choice of one's own of all styles, it first."""
    styles = [choice.styles[shown]]
    if choice.kind == OWN:
        styles += [style for style in choice.styles if style != styles[0]]
    found = []
    for grid in [read(choice, style) for style in styles]:
        rows = tuple(row for row in grid.rows if not why_not(row.name))
        found.append(replace(grid, rows=rows))
    return found


def next_of(choice: Choice, shown: int) -> list[Grid]:
    """What the button paints: the first of the rows of `paintable` that lack something."""
    grids, left = [], MAX_ROWS
    for grid in paintable(choice, shown):
        rows = tuple(row for row in grid.rows if render.gaps(row))[:left]
        left -= len(rows)
        grids.append(replace(grid, rows=rows))
    return grids


def missing_of(grids: Sequence[Grid]) -> int:
    """How many pictures they lack."""
    return sum(len(render.gaps(row)) for grid in grids for row in grid.rows)


def paint_missing(
    request: gr.Request, choice: Choice, shown: int, measure: str
) -> Iterator[Answer]:
    """The view and the charts, as the rows come; a sentence where something is wrong, with what was painted before."""
    job, said, started = Job(shown), "", time.perf_counter()
    buttons = {"paint": WORKING["go"], "stop": WORKING["stop"]}
    try:
        with RUNNING.job(request, job):
            for step in render.paint(next_of(choice, shown), job):
                if job.left:
                    break
                status = compare_html.progress_html(step, time.perf_counter() - started)
                grid = grid_of(choice, job.shown) if step.changed else {}
                yield {**grid, **buttons, "status": status}
    except Exception as error:
        said = messages.problem(error)
    if job.left:
        yield {"stop": gr.Button(visible=False)}
    else:
        yield {**view(choice, job.shown), **plots.charts(choice, measure), "status": said}
