"""The style of the form's paintings as a small file, which any place for a painting takes (`core.inference.style_file`).

button = build()                        # inside the recipe
connect(button, form, loaded)           # inside `gr.Blocks`
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from core.inference.style_file import SUFFIX, load_painting
from core.save_style import save_style_of
from demo.server.turns import TURNS
from demo.shared import events, messages
from demo.shared.events import Answer
from demo.shared.requests import checked
from demo.shared.uploads import new_file
from demo.shared.widgets import DOWNLOAD, PAINTING
from demo.transfer.form import TransferForm

SAVE = "Save the style of the painting as a file"
ABOUT = (
    "A style file is small: it holds the numbers of the painting or mix, not the picture. "
    "Drop it where a painting goes."
)


def saved_style(form: TransferForm) -> str:
    """The style of the form's paintings in a file that the page may serve.

    Raises:
        RequestError, SettingsError, ImageError, WeightsError, EncoderError: one sentence.
    """
    request = form.request_of()
    _, styles = checked(request)
    path = new_file(f"{'-'.join(Path(style).stem for style in styles)}{SUFFIX}")
    with TURNS:
        save_style_of([load_painting(style) for style in styles], request.settings, path)
    return path


def take(**values: Any) -> Answer:
    """The button for a style file was pressed: the file for the browser, or what is wrong."""
    try:
        return {"style_file": saved_style(TransferForm(**values)), "loaded": ""}
    except Exception as error:
        return {"style_file": None, "loaded": messages.problem(error)}


def build() -> gr.Button:
    """The button, with a line about it."""
    gr.HTML(messages.caption(ABOUT))
    return gr.Button(SAVE, size="sm", elem_id="save-style")


def connect(button: gr.Button, form: Mapping[str, Any], said: gr.HTML) -> None:
    """Let the button give the file; what is wrong is said in `said`."""
    file = gr.File(visible=False)
    answered = {"style_file": file, "loaded": said}
    done = events.connect(button.click, take, form, answered, **PAINTING)
    done.success(None, file, None, js=DOWNLOAD)
