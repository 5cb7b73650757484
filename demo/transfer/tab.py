"""The tab Transfer (风格迁移): a photo and a painting in, the photo repainted out, before and after side by side.

    with gr.Blocks() as blocks, gr.Tab("Transfer"):
        build()

A click on a painting or on a photo paints at once, and so does a picture that is brought along; the button does after other
changes. From a click on Stylize to the picture:

    paint (here) -> TransferForm.request_of -> VISITS.start -> painted (here) -> requests.repaint -> core.pipeline.stylize_image

What a visitor comes back to, by an address or after a reload, is `demo.transfer.arrival`'s. The recipe of the result is
`demo.transfer.provenance`'s, and `demo.transfer.endpoints` offers the same to programs.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from core.baselines.adapter import METHODS
from core.images.library import Picture, my_styles, photographs
from core.images.save import save_png
from core.inference.model_store import model_store
from core.settings import Settings
from demo.shared import controls, mask, messages, mixing, requests
from demo.shared.before_after import before_after, side_by_side
from demo.shared.events import Answer, connect
from demo.shared.pace import PACE, Pace
from demo.shared.picture_place import Placed, bring, chosen, image_input
from demo.shared.requests import INSTANT, REFINED, JobResult, StylizeRequest, repaint
from demo.shared.style_form import MASK_FIELDS, MIX_FIELDS
from demo.shared.uploads import label_of, light_copy, new_file, saved
from demo.shared.widgets import PAINTING, QUIET, another, gallery, random_button
from demo.transfer import arrival, download, endpoints, provenance, style_file
from demo.transfer.address import address_of
from demo.transfer.arrival import Visit
from demo.transfer.form import TransferForm
from demo.transfer.visits import VISITS
from gallery.pictures import MORE_STYLES, STYLES

LOOK_AT_RESULT = """() => {
  const slider = document.getElementById("slider"), top = slider?.getBoundingClientRect().top;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (top < 0 || top > 0.6 * innerHeight) slider.scrollIntoView({ behavior });
}"""
FADE = """(strength) => {
  document.dispatchEvent(new CustomEvent("strength", { detail: strength }));
}"""
CODES = ("command", "python", "settings")  # the recipe, three ways
REFINE_NOW = "Refine now: this model takes up a painting by refining"

# ---- events of the page ----


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


def paint(visit: Visit | None, **values: Any) -> Iterator[Answer]:
    """Drafts while refining, then the result, or a sentence; `values` are those of `TransferForm`.

    The work goes on when the page that asked for it is closed, for some time; see `demo.transfer.visits`.
    """
    visit = visit or Visit.unknown()
    try:
        request = TransferForm(**values).request_of()
        work = VISITS.start(visit.visitor, visit.page, values, lambda stop: painted(request, stop))
        if request.settings.refine:
            yield begins_to_refine(request.settings)
        yield from work.follow()
    except Exception as error:  # the page keeps the previous result, whatever happened
        yield {"status": messages.problem(error)}


def begins_to_refine(settings: Settings, pace: Pace = PACE) -> Answer:
    """What the page shows until the first batch is done: how long all will take, as far as this machine has told."""
    return {
        "status": messages.starting(
            settings.model or model_store().default(), settings.refine, pace
        ),
        "stop": gr.update(value="Stop refining", interactive=True),
        "refine_now": gr.update(visible=False),
    }


def painted(request: StylizeRequest, stop: threading.Event) -> Iterator[Answer]:
    """The page's answers while a request is painted: drafts, then the result with its recipe."""
    before_size, before = None, ""
    for result in repaint(request, stop):
        if before_size != result.before.size:
            before_size, before = result.before.size, _shown(result.before, "before.png")
        after = saved(result)
        is_large = max(result.after.size) > messages.LARGE_SIDE
        shown = light_copy(result.after, after) if is_large else after
        slider = side_by_side(before, shown, *_strength(result))
        if result.recipe is None:
            yield {"slider": slider, "status": messages.progress(result)}
            continue
        codes = provenance.texts(result.recipe, result.file_name)
        yield {
            "slider": slider,
            "status": messages.facts(result, address_of(result.recipe)),
            "download": gr.update(value=after, interactive=True),
            "refine_now": gr.update(visible=_wants_refining(result)),
            **dict(zip(CODES, codes, strict=True)),
        }


def _strength(result: JobResult) -> tuple[float, str]:
    """A finished result's strength in per cent, and a name that it shares with those that differ in nothing else."""
    if result.recipe is None:
        return 0, ""
    recipe = replace(result.recipe, settings=replace(result.recipe.settings, strength=1))
    kind = hashlib.sha256(json.dumps(recipe.to_json(), sort_keys=True).encode()).hexdigest()
    return round(100 * result.recipe.settings.strength, 6), kind


def paint_strength(visit: Visit | None, **values: Any) -> Iterator[Answer]:
    """The slider of the strength was let go: what is painted at once is painted, unless it is what was painted last."""
    latest = VISITS.latest(visit.visitor) if visit else None
    is_quick = values["mode"] == INSTANT and values["model"] not in METHODS
    if is_quick and not (latest and latest.values == values):
        yield from paint(visit, **values)
    else:
        yield {}


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


def _shown(image: Image.Image, name: str) -> str:
    """A file of the photo for the page: of a large one a light copy."""
    if max(image.size) > messages.LARGE_SIDE:
        return light_copy(image, name)
    path = new_file(name)
    save_png(image, path)
    return path


# ---- layout ----


def build() -> tuple[gr.HTML, gr.HTML]:
    """Lay the tab out and connect it; call inside `gr.Blocks`. Returns the photo's place and note."""
    titles = model_store().titles()
    contents, more = photographs(), (*my_styles(), *MORE_STYLES)
    if not titles:
        gr.HTML(messages.notice(requests.TRAIN_FIRST))
    with gr.Row(elem_id="transfer"):
        with gr.Column(scale=6, min_width=340, elem_id="order"):
            with gr.Row(elem_classes="inputs"):
                content, content_note, content_gallery = _input("Photo", contents)
                style, style_note, style_gallery = _input("Painting", STYLES)
            by_chance = random_button("painting")
            form: dict[str, Any] = {"content": content, "style": style}
            form |= controls.build(titles) | controls.build_look()
            mix, mixed = mixing.build(style)
            form |= dict(zip(MIX_FIELDS, mix, strict=True))
            form |= dict(zip(MASK_FIELDS, mask.build(), strict=True))
            mask.offer_alpha(content, form["alpha"])
            go = gr.Button("Stylize", variant="primary", elem_id="go", interactive=bool(titles))
            stop = gr.Button("Stop refining", variant="stop", elem_id="stop")
        with gr.Column(scale=7, min_width=340, visible=bool(titles), elem_id="result"):
            opening = _opening(contents[0], STYLES[0], next(iter(titles), None))
            view, load_button, loaded, keep_style = _result(opening)
    with gr.Accordion("More paintings", open=True):
        more_gallery = gallery(more, "more", columns=7, in_use=style_note)
    visit, due = gr.State(None), arrival.signal()
    view["stop"] = stop
    asked = {"visit": visit} | form

    def paints(event: Callable[..., Any], **options: Any) -> None:
        connect(event, paint, asked, view, **PAINTING, **options)

    def paints_instead(event: Callable[..., Any]) -> None:
        cleared = event(give_up, visit, None, trigger_mode="multiple", **QUIET)
        paints(cleared.then, trigger_mode="multiple")

    go.click(None, js=LOOK_AT_RESULT)
    paints(go.click)
    for shown, pictures, place, note in (
        (content_gallery, contents, content, content_note),
        (style_gallery, STYLES, style, style_note),
        (more_gallery, more, style, style_note),
    ):
        shown.select(None, js=LOOK_AT_RESULT)
        pick, places = picker(pictures), [place, note]
        picked = shown.select(pick, visit, places, trigger_mode="multiple", **QUIET)
        paints(picked.then, trigger_mode="multiple")
    places = [style, style_note]
    by_chance.click(None, js=LOOK_AT_RESULT)
    asked_for = [visit, style_note]
    picked = by_chance.click(random_painting, asked_for, places, trigger_mode="multiple", **QUIET)
    paints(picked.then, trigger_mode="multiple")
    for changed in mixed:
        paints_instead(changed.then)
    for place, note in ((content, content_note), (style, style_note)):
        bring(place, note, styles=place is style)
        place.input(None, js=LOOK_AT_RESULT)
        paints_instead(place.input)
    paints_instead(due.change)
    form["strength"].input(None, form["strength"], None, js=FADE, **QUIET)
    released = form["strength"].release
    connect(released, paint_strength, asked, view, trigger_mode="always_last", **PAINTING)
    refining = view["refine_now"].click(lambda: REFINED, None, form["mode"], **QUIET)
    paints(refining.then)
    stop.click(stop_painting, visit, stop, **QUIET)

    notes = {"content_note": content_note, "style_note": style_note}
    filled = form | notes | {"loaded": loaded, "due": due}
    given = {"file": load_button} | form
    connect(load_button.upload, provenance.load, given, filled, preprocess=False, **QUIET)
    style_file.connect(keep_style, form, loaded)
    arrival.build(form, notes | {"visit": visit, "due": due}, view)
    endpoints.build(form["model"], form["mode"])
    return content, content_note


def _opening(content: Picture, style: Picture, model: str | None) -> JobResult | Exception | None:
    """The result that the page opens with, so that it is never empty; or why there is none."""
    if model is None:
        return None
    try:
        settings = Settings(model=model, size=controls.DEFAULT_SIZE)
        return next(repaint(StylizeRequest(str(content.path()), [str(style.path())], settings)))
    except Exception as error:
        return error


def _input(label: str, pictures: Sequence[Picture]) -> tuple[gr.HTML, gr.HTML, gr.Gallery]:
    """One of the two places for a picture, filled with the first of the gallery under it."""
    name = label.lower()
    with gr.Column(min_width=150):
        choose, is_painting = f"Your {name}", name == "painting"
        image = image_input(
            label, name, pictures[0], camera=True, choose=choose, cropped=is_painting
        )
        note = gr.HTML(messages.caption(label_of(pictures[0])), elem_id=f"{name}-note")
        return image, note, gallery(pictures, f"{name}-gallery", columns=4, in_use=note)


def _result(
    opening: JobResult | Exception | None,
) -> tuple[dict[str, Any], Any, gr.HTML, gr.Button]:
    """What shows a result, by name; the button to load settings, the line that says how that went,
    and the button to save a style."""
    pair, said, codes, fadable = None, "", ("", "", ""), (0.0, "")
    if isinstance(opening, Exception):
        said = messages.problem(opening)
    elif opening and opening.recipe:
        pair, said = (_shown(opening.before, "before.png"), saved(opening)), messages.facts(opening)
        fadable = _strength(opening)
        codes = provenance.texts(opening.recipe, opening.file_name)
    view: dict[str, Any] = {
        "slider": before_after("slider", pair and side_by_side(*pair, *fadable)),
        "status": gr.HTML(said, elem_id="status"),
        "refine_now": gr.Button(REFINE_NOW, visible=False, elem_id="refine-now"),
    }
    view["download"] = download.build(pair and pair[1], view["status"])
    shown, load_button, loaded, keep_style = provenance.build(codes)
    return view | dict(zip(CODES, shown, strict=True)), load_button, loaded, keep_style
