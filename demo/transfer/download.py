"""The result to take along: the PNG that is shown, without loss, or the same picture as JPEG or WebP.

png = build(path, status)               # the button of the PNG, whose value is the result's file
file = converted_file(path, ".webp", 90)

Whatever the kind, a file is what `core.provenance.save` writes: with the recipe and the photo's date, without its place.
"""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from core.images.save import MAX_QUALITY, QUALITY
from core.provenance import converted
from demo.shared import messages
from demo.shared.events import Answer, connect
from demo.shared.requests import RequestError
from demo.shared.uploads import file_of, uploaded
from demo.shared.widgets import DOWNLOAD, QUIET, Upload

KINDS = {"JPEG": ".jpg", "WebP": ".webp"}
ABOUT = (
    "Each file carries its recipe and the date of the photo; where it was taken is left out. "
    "JPEG has no transparency: such a photo is laid on white."
)

# Whether there is an app that the result can be handed to, as on phones; else the button is not shown.
CAN_SHARE = """
const file = new File(["png"], "result.png", { type: "image/png" });
document.documentElement.classList.toggle("can-share", Boolean(navigator.canShare?.({ files: [file] })));
"""
SHARE = """async (png) => {
  try {
    const answer = await fetch(png.url);
    if (!answer.ok) throw new Error(answer.statusText);
    const file = new File([await answer.blob()], png.orig_name, { type: "image/png" });
    await navigator.share({ files: [file] });
  } catch (error) { // where the visitor has not changed their mind, the file is downloaded, or it is said why not
    if (error.name !== "AbortError") document.getElementById("download").click();
  }
}"""


def converted_file(path: str, suffix: str, quality: float) -> str:
    """A result's PNG as a file of another kind, beside which it has the same name; the page may serve it.

    Raises:
        RequestError: the quality is not one. ProvenanceError, ImageError: as `core.provenance.converted`.
    """
    if quality not in range(1, MAX_QUALITY + 1):
        raise RequestError(f"The quality must be 1 to {MAX_QUALITY}.")
    return file_of(Path(path).with_suffix(suffix).name, converted(path, suffix, int(quality)))


def take(suffix: str, png: Upload, quality: float) -> Answer:
    """A button was pressed: the file for the browser, or what is wrong."""
    try:
        path = uploaded(png, "result")
        if path is None:
            raise RequestError("There is no result yet to be downloaded.")
        return {"file": converted_file(path, suffix, quality)}
    except Exception as error:
        return {"file": None, "status": messages.problem(error)}


def build(png: str | None, status: gr.HTML) -> gr.DownloadButton:
    """Lay the buttons out and connect them; returns that of the PNG, whose value is the result.

    Args:
        png: the result that the page opens with.
        status: where it is said what is wrong.
    """
    with gr.Row(elem_id="downloads"):
        button = gr.DownloadButton(
            "Download PNG", png, interactive=bool(png), size="md", scale=2, min_width=150,
            elem_id="download",
        )  # fmt: skip
        share = gr.Button("Share", size="md", min_width=74, elem_id="share")
        others = [
            gr.Button(kind, size="md", min_width=74, elem_id=f"as-{kind.lower()}") for kind in KINDS
        ]
        quality = gr.Number(
            QUALITY,
            minimum=1,
            maximum=MAX_QUALITY,
            precision=0,
            label="Quality, JPEG and WebP",
            min_width=150,
            scale=2,
            elem_id="quality",
        )
    gr.HTML(messages.caption(ABOUT), elem_id="download-about", js_on_load=CAN_SHARE)
    share.click(None, button, None, js=SHARE, **QUIET)
    file = gr.File(visible=False)
    given, answered = {"png": button, "quality": quality}, {"file": file, "status": status}
    options: dict[str, Any] = {"preprocess": False} | QUIET
    for other, suffix in zip(others, KINDS.values(), strict=True):
        done = connect(other.click, partial(take, suffix), given, answered, **options)
        done.success(None, file, None, js=DOWNLOAD)
    return button
