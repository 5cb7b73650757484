"""The tab Transfer (风格迁移): a photo and a painting in, the photo repainted out, before and after side by side.

    with gr.Blocks() as blocks, gr.Tab("Transfer"):
        build()

A click on a painting or on a photo paints at once, and so do a picture that is brought along, another mix, strength, colours or
strokes; the button does after other changes. What happens then is in `demo.transfer.events`; what a visitor comes back to, by
an address or after a reload, is `demo.transfer.arrival`'s. The recipe of the result is `demo.transfer.provenance`'s, and
`demo.transfer.endpoints` offers the same to programs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.images.library import Picture, my_styles, photographs
from core.settings import Settings
from demo.shared import controls, messages, style_form
from demo.shared.before_after import before_after
from demo.shared.events import Answer, connect
from demo.shared.picture_place import Placed, bring, image_input
from demo.shared.requests import REFINED, StylizeRequest, repaint
from demo.shared.uploads import BEFORE, label_of, light_copy
from demo.shared.widgets import PAINTING, QUIET, gallery, random_button
from demo.transfer import arrival, download, endpoints, events, provenance
from demo.transfer.events import CODES, give_up, paint, picker, random_painting, shown
from gallery.pictures import MORE_STYLES, STYLES

LOOK_AT_RESULT = """() => {
  const slider = document.getElementById("slider"), top = slider?.getBoundingClientRect().top;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (top < 0 || top > 0.6 * innerHeight) slider.scrollIntoView({ behavior });
}"""
FADE = """(detail) => void document.dispatchEvent(new CustomEvent("strength", { detail }))"""
REFINE_NOW = "Refine now: this model takes up a painting by refining"


def build() -> tuple[gr.HTML, gr.HTML]:
    """Lay the tab out and connect it; call inside `gr.Blocks`. Returns the photo's place and note."""
    titles = controls.trained_models()
    contents, more = photographs(), (*my_styles(), *MORE_STYLES)
    with gr.Row(elem_id="transfer"):
        with gr.Column(scale=6, min_width=340, elem_id="order"):
            with gr.Row(elem_classes="inputs"):
                content, content_note, content_gallery = _input("Photo", contents)
                style, style_note, style_gallery = _input("Painting", STYLES)
            by_chance = random_button("painting")
            form: dict[str, Any] = {"content": content, "style": style}
            form |= controls.build(titles)
            look, mixed = style_form.build("", style, content, masked=True)
            form |= look
            go = gr.Button("Stylize", variant="primary", elem_id="go", interactive=bool(titles))
            stop = gr.Button("Stop refining", variant="stop", elem_id="stop")
        with gr.Column(scale=7, min_width=340, visible=bool(titles), elem_id="result"):
            opening = _opening(contents[0], STYLES[0], next(iter(titles), None))
            view, load_button, loaded = _result(opening, form)
    with gr.Accordion("More paintings", open=True):
        more_gallery = gallery(more, "more", columns=7, in_use=style_note)
    visit, due = gr.State(None), arrival.signal()
    view["stop"] = stop

    painting = _Painting(visit, form, view)
    go.click(None, js=LOOK_AT_RESULT)
    painting.after(go.click)
    painting.after_choice(content_gallery.select, picker(contents), content, content_note)
    painting.after_choice(style_gallery.select, picker(STYLES), style, style_note)
    painting.after_choice(more_gallery.select, picker(more), style, style_note)
    painting.after_choice(by_chance.click, random_painting, style, style_note, style_note)
    for changed in mixed:
        painting.instead_after(changed.then)
    for place, note in ((content, content_note), (style, style_note)):
        bring(place, note, styles=place is style)
        place.input(None, js=LOOK_AT_RESULT)
        painting.instead_after(place.input)
    painting.instead_after(due.change)
    form["strength"].input(None, form["strength"], None, js=FADE, **QUIET)
    # As a value of `due` and not as an order: in the line of refining it would wait for nothing.
    let_go: dict[str, Any] = {"preprocess": False, "trigger_mode": "multiple"} | QUIET
    for changed in (
        *(form[slider].release for slider in ("strength", "style_size")),
        *(form[choice].input for choice in ("colours", "detail")),
    ):
        connect(changed, events.look_due, {"visit": visit} | form, {"due": due}, **let_go)
    refine_now, mode = view["refine_now"], form["mode"]
    refining = refine_now.click(lambda: REFINED, None, mode, trigger_mode="multiple", **QUIET)
    painting.after(refining.then)
    stop.click(events.stop_painting, visit, stop, **QUIET)

    notes = {"content_note": content_note, "style_note": style_note}
    filled = form | notes | {"loaded": loaded, "due": due}
    given = {"file": load_button} | form
    connect(load_button.upload, provenance.load, given, filled, preprocess=False, **QUIET)
    arrival.build(form, notes | {"visit": visit, "due": due}, view)
    endpoints.build(form["model"], form["mode"])
    return content, content_note


@dataclass(frozen=True)
class _Painting:
    """Connects what happens on the page to painting.

    Attributes:
        visit: whose page it is.
        form: the components of `TransferForm`, by name.
        view: what shows a result, by name.
    """

    visit: gr.State
    form: Mapping[str, Any]
    view: Mapping[str, Any]

    def after(self, event: Callable[..., Any]) -> None:
        """Paint what the form says; an order that still waits makes room for the new one."""
        asked = {"visit": self.visit, **self.form}
        options: dict[str, Any] = {"js": _busy_by(1), "trigger_mode": "multiple"} | PAINTING
        answered = connect(event, paint, asked, self.view, **options)
        for ending in (answered.success, answered.failure):  # `then` leaves out refused orders
            ending(None, js=_busy_by(-1))

    def instead_after(self, event: Callable[..., Any]) -> None:
        """End the refining that goes on, and paint what the form says."""
        cleared = event(give_up, self.visit, None, trigger_mode="multiple", **QUIET)
        self.after(cleared.then)

    def after_choice(
        self,
        event: Callable[..., Any],
        choose: Callable[..., tuple[Placed, str]],
        place: gr.HTML,
        note: gr.HTML,
        *asked: Any,
    ) -> None:
        """Let `choose` (visit, asked) put a picture in its place, and paint."""
        event(None, js=LOOK_AT_RESULT)
        given = [self.visit, *asked]
        picked = event(choose, given, [place, note], trigger_mode="multiple", **QUIET)
        self.after(picked.then)


def _busy_by(change: int) -> str:
    """The script that marks the picture as busy while orders are not answered; they are counted, as there may be several."""
    return f"""(...values) => {{
  const slider = document.getElementById("slider");
  if (slider) {{
    slider.dataset.orders = Number(slider.dataset.orders ?? 0) + ({change});
    slider.setAttribute("aria-busy", slider.dataset.orders > 0);
  }}
  return values;
}}"""


def _opening(content: Picture, style: Picture, model: str | None) -> Answer:
    """What shows the result that the page opens with, so that it is never empty; or why there is none."""
    if model is None:
        return {}
    try:
        settings = Settings(model=model, size=controls.DEFAULT_SIZE)
        order = StylizeRequest(str(content.path()), [str(style.path())], settings)
        result = next(repaint(order))
        return shown(result, light_copy(result.before, BEFORE), None)
    except Exception as error:
        return {"status": messages.problem(error)}


def _input(label: str, pictures: Sequence[Picture]) -> tuple[gr.HTML, gr.HTML, gr.Gallery]:
    """One of the two places for a picture, filled with the first of the gallery under it."""
    name = label.lower()
    with gr.Column(min_width=150):
        own: dict[str, Any] = {"choose": f"Your {name}", "cropped": name == "painting"}
        image = image_input(label, name, pictures[0], camera=True, **own)
        note = gr.HTML(messages.caption(label_of(pictures[0])), elem_id=f"{name}-note")
        return image, note, gallery(pictures, f"{name}-gallery", columns=4, in_use=note)


def _result(opening: Answer, form: Mapping[str, Any]) -> tuple[dict[str, Any], Any, gr.HTML]:
    """What shows a result, by name; the button to load settings, and the line that says how that went."""
    view: dict[str, Any] = {
        "slider": before_after("slider", opening.get("slider")),
        "status": gr.HTML(opening.get("status", ""), elem_id="status"),
        "refine_now": gr.Button(REFINE_NOW, visible=False, elem_id="refine-now"),
    }
    view["download"] = download.build(opening.get("download", {}).get("value"), view["status"])
    texts = [opening.get(name, "") for name in CODES]
    codes, load_button, loaded = provenance.build(texts, form)
    return view | dict(zip(CODES, codes, strict=True)), load_button, loaded
