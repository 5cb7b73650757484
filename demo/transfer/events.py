"""What happens in the tab Transfer: a picture is chosen, a photo is painted, refining is stopped.

From a click on Stylize to the picture:

    paint (here) -> TransferForm.request_of -> VISITS.start -> painted (here) -> requests.repaint -> core.pipeline.stylize_image
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from core.baselines.adapter import METHODS
from core.images.library import Picture
from core.inference.model_store import model_store
from core.provenance import Provenance
from core.settings import Settings
from demo.server.newest import newest_only, order_of
from demo.shared import messages
from demo.shared.before_after import side_by_side
from demo.shared.events import Answer
from demo.shared.picture_place import Placed, chosen
from demo.shared.requests import INSTANT, JobResult, StylizeRequest, repaint
from demo.shared.uploads import BEFORE, light_copy, result_shown, saved
from demo.shared.widgets import another
from demo.transfer import provenance
from demo.transfer.address import address_of
from demo.transfer.arrival import Visit
from demo.transfer.form import TransferForm
from demo.transfer.visits import VISITS, Work

CODES = ("command", "python", "settings")  # the recipe, three ways


def picker(pictures: Sequence[Picture]) -> Callable[..., tuple[Placed, str]]:
    """The handler of a gallery of these pictures: the one that was clicked takes its place above."""

    def pick(visit: Visit | None, event: gr.SelectData) -> tuple[Placed, str]:
        give_up(visit)
        return chosen(pictures[event.index])

    return pick


def random_painting(visit: Visit | None, note: str) -> tuple[Placed, str]:
    """Another painting than the one that the note names takes its place."""
    give_up(visit)
    return another(note)


@newest_only
def paint(request: gr.Request, visit: Visit | None, **values: Any) -> Iterator[Answer]:
    """Drafts while refining, then the result, or a sentence; `values` are those of `TransferForm`.

    The work goes on when the page that asked for it is closed, for some time; see `demo.transfer.visits`. It ends once the
    page has ordered something else.
    """
    whose = visit or Visit.unknown()
    try:
        asked = TransferForm(**values).request_of()

        def start() -> Work:
            return VISITS.start(whose.visitor, whose.page, values, partial(painted, asked))

        if work := order_of(request).begin(start, Work.replace):
            if asked.settings.refine:
                yield begins_to_refine(asked.settings)
            yield from work.follow()
    except Exception as error:  # the page keeps the previous result, whatever happened
        yield {"status": messages.problem(error)}


def begins_to_refine(settings: Settings) -> Answer:
    """What the page shows until the first batch is done: how long all will take, as far as this machine has told."""
    model = settings.model or model_store().default()
    return {
        "status": messages.starting(model, settings.refine),
        "stop": gr.update(value="Stop refining", interactive=True),
        "refine_now": gr.update(visible=False),
    }


def painted(request: StylizeRequest, stop: threading.Event) -> Iterator[Answer]:
    """The page's answers while a request is painted: drafts, then the result with its recipe."""
    size, before = None, ""
    for result in repaint(request, stop):
        if size != result.before.size:
            size, before = result.before.size, light_copy(result.before, BEFORE)
        yield shown(result, before, address_of(result.recipe) if result.recipe else None)


def shown(result: JobResult, before: str, address: str | None) -> Answer:
    """What shows a draft, or a result with its recipe.

    Args:
        before: the file of the photo.
        address: as `messages.facts` takes it.
    """
    if result.recipe is None:
        slider = side_by_side(before, light_copy(result.after, result.file_name))
        return {"slider": slider, "status": messages.progress(result)}
    after = saved(result)
    slider = side_by_side(before, result_shown(result, after), *strength_of(result.recipe))
    codes = provenance.texts(result.recipe, result.file_name)
    return {
        "slider": slider,
        "status": messages.facts(result, address),
        "download": gr.update(value=after, interactive=True),
        "refine_now": gr.update(visible=_wants_refining(result)),
        **dict(zip(CODES, codes, strict=True)),
    }


def strength_of(recipe: Provenance) -> tuple[float, str]:
    """A result's strength in per cent, and a name that it shares with those that differ in nothing else."""
    whole = replace(recipe, settings=replace(recipe.settings, strength=1))
    kind = hashlib.sha256(json.dumps(whole.to_json(), sort_keys=True).encode()).hexdigest()
    return round(100 * recipe.settings.strength, 6), kind


def look_due(visit: Visit | None, **values: Any) -> Answer:
    """Strength, colours or strokes were changed: `due` where the form is painted at once and is not what was painted last."""
    if values["mode"] != INSTANT or values["model"] in METHODS:
        return {}
    latest = VISITS.latest(visit.visitor) if visit else None
    if latest and values == latest.values and not latest.overtaken:
        return {}
    if latest:
        latest.overtaken = True
    return {"due": time.time()}


def _wants_refining(result: JobResult) -> bool:
    """Whether this is a model of the report that has not been refined: it hardly looks at a painting before."""
    settings = result.painted.settings
    return not settings.refine and settings.model not in (*METHODS, "flagship")


def stop_painting(visit: Visit | None) -> Any:
    """Let this visitor's refining end after the batch it is at; returns the stop button as it then looks."""
    if visit:
        VISITS.stop(visit.visitor, visit.page)
    return gr.Button("Stopping after this batch…", interactive=False)


def give_up(visit: Visit | None) -> None:
    """Something else is about to be asked for: this page's refining ends, so that it need not be waited for."""
    if visit:
        VISITS.give_up(visit.visitor, visit.page)
