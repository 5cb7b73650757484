"""What the page says in words, as HTML: about a result, while refining, when something is wrong, when a model is missing."""

import html
import logging
import re

from demo.jobs import USER_ERRORS, Painting

OUR_FAULT = "Something went wrong on the server; its log says what."
STARTING = '<div class="refining"><progress></progress><p>Refining: the first batch…</p></div>'


def facts(painting: Painting) -> str:
    """The line under a result: model, times, sizes."""
    seconds = painting.seconds
    parts = [painting.model]
    if painting.batches:
        ended = "refined with" if painting.batches_done == painting.batches else "stopped after"
        parts.append(f"{ended} {painting.batches_done} of {painting.batches} batches")
    parts += [
        f"model load {seconds.model:.2f} s",
        f"style pass {seconds.style:.2f} s",
        f"transform {seconds.transform:.2f} s",
        f"total {seconds.total:.2f} s",
        f"photo {px(painting.content_size)}, painting {px(painting.style_size)}",
        f"result {px(painting.after.size)}",
    ]
    return f'<p class="facts">{"".join(f"<span>{html.escape(part)}</span>" for part in parts)}</p>'


def progress(painting: Painting) -> str:
    """The line under a draft: a bar, the loss, the time left."""
    done, asked = painting.batches_done, painting.batches
    left = painting.seconds.style / done * (asked - done)
    loss = "" if painting.style_loss is None else f" · style loss {painting.style_loss:.3g}"
    return (
        f'<div class="refining"><progress max="{asked}" value="{done}"></progress>'
        f"<p>Refining: {done} of {asked} batches{loss} · about {left:.0f} s left</p></div>"
    )


def caption(text: str) -> str:
    """The line under a picture that was chosen."""
    return f'<p class="caption">{html.escape(text)}</p>'


def problem(error: Exception) -> str:
    """One sentence about what went wrong; what was not the visitor's doing goes to the log instead."""
    return f'<p class="problem" role="alert">{html.escape(sentence(error))}</p>'


def sentence(error: Exception) -> str:
    """The sentence of `problem` as plain text."""
    if isinstance(error, USER_ERRORS):
        return str(error)
    logging.getLogger(__name__).error(OUR_FAULT, exc_info=error)
    return OUR_FAULT


def notice(text: str) -> str:
    """A remark set apart; `commands` stand between backticks."""
    return f'<p class="notice">{re.sub("`(.+?)`", _code, html.escape(text))}</p>'


def _code(found: re.Match[str]) -> str:
    return f"<code>{found[1]}</code>"


def px(size: tuple[int, int]) -> str:
    """Width and height of a picture."""
    return f"{size[0]} × {size[1]} px"
