"""What a visitor finds who comes by an address, comes back, or loads the page again.

    build(form, outputs, view)               # inside `gr.Blocks`

In this order: what the address asks for (`demo.transfer.address`), unless the page is only loaded again or in another language;
what was painted for the visitor within the hour or still is (`demo.transfer.visits`), under the settings that were set since; the
settings that the browser kept. The browser's part is `visitor.js`: it makes the visitor's token, one for each browser tab, and
the page's, keeps the form's values, and says when the page is closed.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from gradio.context import Context

from core.training.refine import REFINE_BATCHES
from demo.shared import messages
from demo.shared.controls import values_of
from demo.shared.events import Answer, connect
from demo.shared.requests import MAX_BATCHES, REFINED, checked
from demo.shared.widgets import QUIET, SILENT
from demo.transfer import address
from demo.transfer.form import TransferForm
from demo.transfer.known_pictures import note_of
from demo.transfer.provenance import mask_values
from demo.transfer.visits import VISITS, Work

ARRIVE = "async (told, ...values) => [(await window.metastyle?.arrival()) ?? null, ...values]"
SETTLE = "(...values) => window.metastyle?.settle(%s, values)"
KEEP = "(...values) => window.metastyle?.keep(%s, values)"
MASK_ON = "(photo, mask) => (window.metastyle ? window.metastyle.maskOn(photo, mask) : mask)"
MAX_NAME = 64  # characters of a token
# Pages that follow a refining after they were loaded again. Each holds one of Gradio's 40 threads; later ones wait for a place.
MAX_FOLLOWERS = 16
REFINE_FIRST = "The address asks for refining, which takes some minutes: press Stylize."
UNREADABLE = (TypeError, ValueError, AttributeError)
FIELDS = {field.name for field in fields(TransferForm)}


@dataclass(frozen=True)
class Visit:
    """Whose page this is: the visitor's token, and the page's own, as the browser made them."""

    visitor: str
    page: str

    @classmethod
    def unknown(cls) -> "Visit":
        """That of a browser which says nothing of itself; nobody comes back to it."""
        return cls(f"unknown-{time.monotonic_ns()}", "")


def arrive(told: str | None, **values: Any) -> Answer:
    """The form as it is to be shown to who has come, and `due` where that is to be painted at once.

    Args:
        told: what the browser says, JSON: visitor, page, the address's query, the form's values that it kept, whether it kept
            them for this browser tab, whether the page is loaded again.
        values: the form's as the page opens.
    """
    try:
        said = json.loads(told or "{}")
        visit = Visit(str(said["visitor"])[:MAX_NAME], str(said["page"])[:MAX_NAME])
    except (ValueError, TypeError, KeyError):
        return {"visit": Visit.unknown()}
    answer: dict[str, Any] = {"visit": visit}
    work = VISITS.come(visit.visitor, visit.page)
    forms = _forms(said, work)
    try:
        asked = address.values_of(str(said.get("query", "")))
        if asked and not (said.get("again") and forms):
            return answer | dict(opened(values | asked))
    except UNREADABLE as error:
        return answer | {"status": messages.problem(error)}
    found = (restored(values | _fields(form), work is None) for form in forms)
    answer |= next(filter(None, found), {})
    if work and work.ended:
        try:
            for latest in work.follow():
                answer |= latest
        except Exception as error:
            answer["status"] = messages.problem(error)
        return answer
    return answer | ({"following": time.time()} if work else {})


def _forms(said: Mapping[str, Any], work: Work | None) -> list[Mapping[str, Any]]:
    """What the form may have held when its visitor left, the latest first."""
    kept = said.get("kept")
    forms: list[Mapping[str, Any]] = [kept] if isinstance(kept, Mapping) else []
    if work is None:
        return forms
    own = forms if said.get("own") else []  # the browser's other tabs have forms too
    return [*({**work.values, **_fields(form)} for form in own), work.values]


def _fields(form: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a form's values that there are."""
    return {name: form[name] for name in FIELDS & set(form)}


def opened(values: Mapping[str, Any]) -> Answer:
    """The form as an address asks for it, to be painted at once unless that takes minutes.

    Raises:
        RequestError, SettingsError, ImageError: one sentence.
    """
    answer = dict(shown(values))
    if values["mode"] == REFINED:
        return answer | {"status": messages.notice(REFINE_FIRST)}
    return answer | {"due": time.time()}


def restored(values: Mapping[str, Any], paint: bool) -> Answer:
    """The form as it was kept; {} where that is no longer possible.

    Args:
        paint: whether to paint it at once, where that is quick.
    """
    try:
        answer = shown(values)
    except UNREADABLE:  # a picture that is no longer kept, a model that has gone
        return {}
    due = paint and values["mode"] != REFINED
    return dict(answer) | ({"due": time.time()} if due else {})


def shown(values: Mapping[str, Any]) -> Answer:
    """The form's components as they show these values, and the notes.

    Raises:
        RequestError, SettingsError, ImageError, TypeError: they are not what the page can paint.
    """
    form = TransferForm(**values)
    request = form.request_of()
    checked(request)
    answer = _fields(values) | values_of(request.settings) | mask_values(request.settings)
    # Neither is in a recipe where the other mode was chosen.
    answer["mode"] = form.mode
    batches = form.batches if form.batches in range(1, MAX_BATCHES + 1) else REFINE_BATCHES
    answer["batches"] = gr.Slider(value=batches, visible=form.mode == REFINED)
    answer["content_note"], answer["style_note"] = note_of(form.content), note_of(form.style)
    return answer


def follow(visit: Visit | None, following: float | None) -> Iterator[Answer]:
    """What is being painted for a visitor who came back, or was."""
    work = VISITS.latest(visit.visitor) if visit and following else None
    if work is None:
        return
    try:
        yield from work.follow()
    except Exception as error:
        yield {"status": messages.problem(error)}


def signal() -> gr.Number:
    """What is not seen and calls its `change` when an answer gives it a time: a State does not outside the queue."""
    return gr.Number(None, visible="hidden")


def leave(visitor: str, page: str) -> None:
    """A page was closed or is loaded again; the browser says so."""
    VISITS.leave(visitor, page)


def build(form: Mapping[str, Any], outputs: Mapping[str, Any], view: Mapping[str, Any]) -> None:
    """Connect it; call inside `gr.Blocks`.

    Args:
        form: the form's components by name.
        outputs: the notes, the visit and `due`, by name.
        view: what shows a result, by name.
    """
    page = Context.root_block
    assert page is not None, "call it inside gr.Blocks"
    told, following = gr.Textbox(visible=False), signal()
    given = {"told": told} | dict(form)
    filled = dict(form) | dict(outputs) | dict(view) | {"following": following}
    unopened: dict[str, Any] = {"preprocess": False} | QUIET
    names = json.dumps(list(form))
    arrived = connect(page.load, arrive, given, filled, js=ARRIVE, **unopened)
    arrived.then(None, [*form.values()], None, js=SETTLE % names, **QUIET)
    quick = {"visit": outputs["visit"], "following": following}
    connect(following.change, follow, quick, view, concurrency_limit=MAX_FOLLOWERS, **SILENT)
    changes = [part.change for part in form.values()]
    gr.on(changes, None, [*form.values()], None, js=KEEP % names, **QUIET)
    photo, mask = form["content"], form["painted"]
    photo.change(None, [photo, mask], mask, js=MASK_ON, **QUIET)
    gr.api(leave, api_name="leave", queue=False, api_visibility="undocumented")
