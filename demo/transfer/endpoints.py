"""The Transfer tab's endpoints for programs: /stylize, /refine and /models (`gradio_client`, or tools of an assistant).

client.predict(handle_file("photo.jpg"), handle_file("painting.jpg"), strength=0.8, colours="photo", api_name="/stylize")
client.predict(handle_file("photo.jpg"), handle_file("a.jpg"), style_2=handle_file("b.jpg"), mix="0.7 0.3", api_name="/stylize")
"""

import re
from collections.abc import Iterator
from typing import Any

import gradio as gr

from core.inference.model_store import model_store
from core.inference.stylizer import STYLE_SIDE
from core.provenance import command_line
from core.settings import COLOURS, STYLE, SettingsError
from core.training.refine import REFINE_BATCHES
from demo.shared import messages, requests
from demo.shared.controls import DEFAULT_SIZE, OWN, settings_of
from demo.shared.requests import REFINED, StylizeRequest
from demo.shared.uploads import saved, uploaded
from demo.shared.widgets import MODEL_WORK, Upload

Answer = tuple[str, dict[str, object]]
MIX = "weights of the paintings, as in 0.7 0.3; empty for equal ones"


def stylize(
    content: Upload,
    style: Upload,
    model: str,
    mode: str,
    batches: float,
    size: float,
    style_side: float,
    strength: float = 1.0,
    colours: str = STYLE,
    detail: float = OWN,
    style_2: Upload = None,
    style_3: Upload = None,
    style_4: Upload = None,
    mix: str = "",
    mask: Upload = None,
    outside: Upload = None,
    mask_softness: float | None = None,
    mask_invert: bool = False,
    mask_alpha: bool = False,
) -> Answer:
    """Repaint a photo in the style of a painting, or between up to four. Returns the picture, a PNG without loss, named
    CONTENT__STYLE__MODEL.png, with the recipe to make it again, and what there is to say about it: model, times in seconds,
    sizes in px, settings, command.

    Args:
        content: the photo.
        style: the painting.
        model: one of /models, or gatys or johnson, the methods without a trained model, which take minutes.
        mode: "instant" or "refined".
        batches: of refining, 1 to 100.
        size: longest side of the result in px, 16 to 2048, or 0 for the photo's own.
        style_side: smaller side in px at which the painting is read, 64 to 512: the larger, the finer the strokes.
        strength: 0 to 1.5; 0 is the photo, 1 the painting's style in full.
        colours: "style" for the painting's, "photo" for the photo's, "recolour" to give the painting the photo's first.
        detail: longest side in px at which the photo is painted before it is resized, or 0 for the result's.
        style_2: a second painting to mix in.
        style_3: a third painting.
        style_4: a fourth painting.
        mix: weights of the paintings in their order, as in "0.7 0.3"; empty for equal ones.
        mask: a picture, white where the style goes; none for everywhere.
        outside: with a mask, the painting for outside it; none for the photo itself.
        mask_softness: width in px of the mask's soft edge; none for a fiftieth of the longest side.
        mask_invert: style where the mask is black instead.
        mask_alpha: the photo's own transparency is the mask: style where it is opaque.
    """
    *_, result = _answers(
        [content, style, style_2, style_3, style_4, mask, outside],
        mix,
        model=model,
        mode=mode,
        batches=batches,
        size=size,
        style_size=style_side,
        strength=strength,
        colours=colours,
        detail=detail,
        softness=mask_softness,
        invert=mask_invert,
        alpha=mask_alpha,
    )
    return result


def refine(
    content: Upload,
    style: Upload,
    model: str,
    batches: float,
    size: float,
    style_side: float,
    strength: float = 1.0,
    colours: str = STYLE,
    detail: float = OWN,
    mask: Upload = None,
    outside: Upload = None,
    mask_softness: float | None = None,
    mask_invert: bool = False,
    mask_alpha: bool = False,
) -> Iterator[Answer]:
    """Repaint a photo with a model refined on the painting, the report's way. Yields, every two batches, a draft of at
    most 512 px with what there is to say about it, and at the end the result; cancel the job to stop early.

    Args:
        content: the photo.
        style: the painting.
        model: one of /models, or gatys or johnson, the methods without a trained model, which take minutes.
        batches: of refining, 1 to 100.
        size: longest side of the result in px, 16 to 2048, or 0 for the photo's own.
        style_side: smaller side in px at which the painting is read, 64 to 512: the larger, the finer the strokes.
        strength: 0 to 1.5; 0 is the photo, 1 the painting's style in full.
        colours: "style" for the painting's, "photo" for the photo's, "recolour" to give the painting the photo's first.
        detail: longest side in px at which the photo is painted before it is resized, or 0 for the result's.
        mask: a picture, white where the style goes; none for everywhere.
        outside: with a mask, the painting for outside it; none for the photo itself.
        mask_softness: width in px of the mask's soft edge; none for a fiftieth of the longest side.
        mask_invert: style where the mask is black instead.
        mask_alpha: the photo's own transparency is the mask: style where it is opaque.
    """
    yield from _answers(
        [content, style, None, None, None, mask, outside],
        "",
        model=model,
        mode=REFINED,
        batches=batches,
        size=size,
        style_size=style_side,
        strength=strength,
        colours=colours,
        detail=detail,
        softness=mask_softness,
        invert=mask_invert,
        alpha=mask_alpha,
    )


def _answers(pictures: list[Upload], mix: str, **chosen: Any) -> Iterator[Answer]:
    try:
        content, style, second, third, fourth, mask, outside = map(uploaded, pictures)
        settings = settings_of(**chosen, mix=weights(mix))
        styles = [style, *(more for more in (second, third, fourth) if more)]
        masks = [mask] if mask else []
        for painting in requests.repaint(StylizeRequest(content, styles, settings, masks, outside)):
            about = painting.to_json()
            if painting.recipe:
                about["command"] = command_line(painting.recipe, out=painting.file_name)
            yield saved(painting), about
    except Exception as error:
        raise gr.Error(messages.sentence(error), print_exception=False) from error


def weights(text: str | None) -> list[float]:
    """The numbers of "0.7 0.3" or "0.7, 0.3".

    Raises:
        SettingsError: there is something else in it.
    """
    try:
        return [float(word) for word in re.split(r"[\s,;]+", (text or "").strip()) if word]
    except (TypeError, ValueError) as error:
        raise SettingsError('The weights of a mix must be numbers, as in "0.7 0.3".') from error


def models() -> dict[str, str]:
    """The trained models: name -> title. The first is the one the page offers."""
    return model_store().titles()


def build(model: gr.Dropdown, mode: gr.Radio) -> None:
    """Offer them, on components that are never shown, with the page's own choices of model and mode as defaults."""
    with gr.Column(visible=False):
        content, style, second, third, fourth, mask, outside = (
            gr.Image(label=label, type="filepath", image_mode=None)
            for label in (
                "photo",
                "painting",
                "painting 2",
                "painting 3",
                "painting 4",
                "mask",
                "painting outside the mask",
            )
        )
        batches = gr.Number(REFINE_BATCHES, label="batches of refining, 1 to 100", precision=0)
        size = gr.Number(
            DEFAULT_SIZE, label="longest side, 16 to 2048 px; 0 for the photo's own", precision=0
        )
        style_side = gr.Number(
            STYLE_SIDE, label="the painting is read at 64 to 512 px", precision=0
        )
        strength = gr.Number(1.0, label="strength, 0 to 1.5")
        colours = gr.Radio(COLOURS, value=STYLE, label="colours")
        detail = gr.Number(
            OWN, label="painted at this longest side in px; 0 for the result's", precision=0
        )
        mix = gr.Textbox("", label=MIX)
        softness = gr.Number(None, label="width of the mask's soft edge in px")
        invert = gr.Checkbox(label="style where the mask is black")
        alpha = gr.Checkbox(label="the photo's transparency is the mask")
        answer = [gr.File(label="picture"), gr.JSON(label="info")]
        never = gr.Button()
    sizes, look, edge = (
        [batches, size, style_side],
        [strength, colours, detail],
        [mask, outside, softness, invert, alpha],
    )
    refined = [content, style, model, *sizes, *look, *edge]
    never.click(refine, refined, answer, api_name="refine", preprocess=False, **MODEL_WORK)
    order = [content, style, model, mode, *sizes, *look, second, third, fourth, mix, *edge]
    never.click(stylize, order, answer, api_name="stylize", preprocess=False, **MODEL_WORK)
    gr.api(models, api_name="models", queue=False)
