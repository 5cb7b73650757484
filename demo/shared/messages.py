"""What the page says in words, as HTML: about a result, while refining, when something is wrong, when a model is missing."""

import logging
from collections.abc import Sequence

from core.commandline import UserError, lacks_memory
from core.inference.stylizer import STYLE_SIDE
from core.settings import AUTO, MATCH, PHOTO, RECOLOUR, STYLE
from demo.server.cleaner import is_full
from demo.server.refusals import FULL, NO_MEMORY, OUR_FAULT
from demo.shared.pace import PACE, duration
from demo.shared.requests import JobResult
from demo.shared.templates import macros

COLOURS_SAID = {
    STYLE: "colours as the network paints them",
    PHOTO: "the photo's colours",
    RECOLOUR: "painting recoloured to the photo",
    MATCH: "colours matched to the painting",
}
SHOWN_LIGHT = "Shown by a light copy; the PNG that you download is without loss."
_HTML = macros("shared/messages.html")


def facts(painting: JobResult, address: str | None = None) -> str:
    """The line under a result: model, what was set, times, sizes.

    Args:
        address: the query that leads to it, for the page's address; "" where none can, None to leave the address alone.
    """
    seconds = painting.seconds
    parts = [
        painting.painted.settings.model,
        *refined(painting),
        *_chosen(painting),
        f"model load {seconds['model']:.2f} s",
        f"style pass {seconds['style']:.2f} s",
        f"transform {seconds['transform']:.2f} s",
        f"total {seconds['total']:.2f} s",
        f"photo {px(painting.content_size)}, painting {px(painting.style_size)}",
        f"result {px(painting.after.size)}",
    ]
    notes = [painting.painted.note, SHOWN_LIGHT if painting.is_large else ""]
    return facts_line(parts, " ".join(filter(None, notes)), address)


def facts_line(parts: Sequence[str], note: str = "", address: str | None = None) -> str:
    """Facts about a result, side by side, the first of them set apart; below them a note."""
    return str(_HTML.facts(parts, note, address))


def refined(painting: JobResult) -> list[str]:
    """How far a result was refined; nothing of one that was painted at once."""
    if not painting.batches:
        return []
    ended = "refined with" if painting.batches_done == painting.batches else "stopped after"
    return [f"{ended} {painting.batches_done} of {painting.batches} {_unit(painting)}"]


def _chosen(painting: JobResult) -> list[str]:
    """Settings that are not as by default."""
    settings, recipe = painting.painted.settings, painting.recipe
    parts = []
    if recipe and len(recipe.styles) > 1 and not recipe.more_masks:
        shares = settings.weights(len(recipe.styles))
        parts.append("mix " + " / ".join(f"{share:.0%}" for share in shares).replace("%", " %"))
    if settings.strength != 1:
        parts.append(f"strength {100 * settings.strength:g} %")
    if settings.colours != AUTO:
        parts.append(COLOURS_SAID[settings.colours])
    if settings.style_size != STYLE_SIDE:
        parts.append(f"style size {settings.style_size} px")
    if settings.style_crop:
        parts.append("painting cropped")
    if settings.detail:
        parts.append(f"painted at {px(painting.painted.working_size)}")
    if settings.mask_alpha:
        parts.append("masked by its transparency")
    elif recipe and recipe.mask:
        if recipe.more_masks:
            parts.append(f"{len(recipe.masks)} masks")
        parts.append("masked, another painting elsewhere" if recipe.outside else "masked")
    return parts


def progress(painting: JobResult) -> str:
    """The line under a draft: a bar, the loss, the time left."""
    done, asked, reached = painting.batches_done, painting.batches, painting.painted.style_loss
    loss = "" if reached is None else f" · style loss {reached:.3g}"
    text = f"Refining: {done} of {asked} {_unit(painting)}{loss} · about {duration(painting.seconds_left)} left"
    return progress_line(text, done, asked)


def _unit(painting: JobResult) -> str:
    return "steps" if painting.painted.settings.model == "gatys" else "batches"


def caption(text: str) -> str:
    """The line under a picture that was chosen."""
    return str(_HTML.caption(text))


def problem(error: Exception) -> str:
    """One sentence about what went wrong; what was not the visitor's doing goes to the log instead."""
    return problem_line(sentence(error))


def problem_line(text: str) -> str:
    """A sentence about what went wrong, which is read out at once."""
    return str(_HTML.problem(text))


def sentence(error: Exception) -> str:
    """The sentence of `problem` as plain text."""
    if isinstance(error, UserError):
        return str(error)
    if is_full(error):
        return FULL
    said = NO_MEMORY if lacks_memory(error) else OUR_FAULT
    logging.getLogger(__name__).error(said, exc_info=error)
    return said


def notice(text: str) -> str:
    """A remark set apart; `commands` stand between backticks."""
    return str(_HTML.notice(text))


def px(size: tuple[int, int]) -> str:
    """Width and height of a picture."""
    return f"{size[0]} × {size[1]} px"


def progress_line(text: str, done: int = 0, of: int = 0) -> str:
    """A bar and a line; a bar that only says that something is done where there is no number."""
    return str(_HTML.progress(text, done, of))


def heading(text: str, about: str = "") -> str:
    """A heading with a line below it."""
    return str(_HTML.heading(text, about))


def starting(model: str, batches: int) -> str:
    """The line until the first batch is done, with how long all will take where this machine has refined before."""
    seconds = PACE.seconds(model)
    lasts = "" if seconds is None else f" · about {duration(batches * seconds)} in all"
    return progress_line(f"Refining: the first batch…{lasts}")
