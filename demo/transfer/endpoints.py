"""The Transfer tab's endpoints for programs: /stylize, /refine and /models (`gradio_client`, or tools of an assistant).

client.predict(handle_file("photo.jpg"), handle_file("painting.jpg"), strength=0.8, colours="photo", api_name="/stylize")
client.predict(handle_file("photo.jpg"), handle_file("a.jpg"), style_2=handle_file("b.jpg"), mix="0.7 0.3", api_name="/stylize")
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from core.inference.model_store import model_store
from core.reproduce import command_line
from core.training.refine import REFINE_BATCHES
from demo.shared import endpoint_look, requests
from demo.shared.endpoint_look import CROP, LOOK, MASK, MASKS, MIX, MORE, EndpointLook, takes
from demo.shared.requests import REFINED, StylizeRequest
from demo.shared.uploads import saved, uploaded
from demo.shared.widgets import LONG_WORK, MODEL_WORK, Upload

Answer = tuple[str, dict[str, object]]


@takes(LOOK, MIX, MASK, MASKS, CROP)
def stylize(
    content: Upload,
    style: Upload,
    model: str,
    mode: str,
    batches: float,
    size: float,
    *look: Any,
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
    """
    chosen = EndpointLook.of(stylize, look, mode=mode, batches=batches)
    photo, painting = uploaded(content), uploaded(style)
    *_, result = _answers(chosen.request(photo, painting, model, size))
    return result


@takes(LOOK, MORE, MASK, MASKS, CROP)
def refine(
    content: Upload, style: Upload, model: str, batches: float, size: float, *look: Any
) -> Iterator[Answer]:
    """Repaint a photo with a model refined on the painting, the report's way. Yields, every two batches, a draft of at
    most 512 px with what there is to say about it, and at the end the result; cancel the job to stop early.

    Args:
        content: the photo.
        style: the painting.
        model: one of /models, or gatys or johnson, the methods without a trained model, which take minutes.
        batches: of refining, 1 to 100.
        size: longest side of the result in px, 16 to 2048, or 0 for the photo's own.
    """
    chosen = EndpointLook.of(refine, look, mode=REFINED, batches=batches)
    photo, painting = uploaded(content), uploaded(style)
    yield from _answers(chosen.request(photo, painting, model, size))


def _answers(request: StylizeRequest) -> Iterator[Answer]:
    for painting in requests.repaint(request):
        about = painting.to_json()
        if painting.recipe:
            about["command"] = command_line(painting.recipe, out=painting.file_name)
        yield saved(painting), about


def models() -> dict[str, str]:
    """The trained models: name -> title. The first is the one the page offers."""
    return model_store().titles()


def build(model: gr.Dropdown, mode: gr.Radio) -> None:
    """Offer them, on components that are never shown, with the page's own choices of model and mode as defaults."""
    with gr.Column(visible=False):
        content, style = map(endpoint_look.picture, ("photo", "painting"))
        batches = gr.Number(REFINE_BATCHES, label="batches of refining, 1 to 100", precision=0)
        size = endpoint_look.longest_side()
        refined = [content, style, model, batches, size]
        endpoint_look.offer(refine, refined, "picture", api_name="refine", **LONG_WORK)
        painted = [content, style, model, mode, batches, size]
        endpoint_look.offer(stylize, painted, "picture", api_name="stylize", **MODEL_WORK)
    gr.api(models, api_name="models", queue=False)
