"""The style of the form's paintings as a small file, which any place for a painting takes (`core.inference.style_file`).

build(form, loaded)                     # inside the recipe
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from core.inference.style_file import SUFFIX, load_painting
from core.save_style import save_style_of
from demo.server.turns import TURNS
from demo.shared import messages
from demo.shared.events import Answer, connect
from demo.shared.requests import checked, give_back
from demo.shared.uploads import new_file
from demo.shared.widgets import DOWNLOAD, PAINTING
from demo.transfer.form import TransferForm

SAVE = "Save the style of the painting as a file"
ABOUT = (
    "A style file is small: it holds the numbers of the painting or mix, not the picture. "
    "Drop it where a painting goes."
)


def take(**values: Any) -> Answer:
    """The button for a style file was pressed: the file for the browser, or what is wrong."""
    try:
        request = TransferForm(**values).request_of()
        _, styles = checked(request)
        path = new_file(f"{'-'.join(Path(style).stem for style in styles)}{SUFFIX}")
        with TURNS:
            paintings = [load_painting(style) for style in styles]
            give_back(paintings)
            save_style_of(paintings, request.settings, path)
        return {"style_file": path, "loaded": ""}
    except Exception as error:
        return {"style_file": None, "loaded": messages.problem(error)}


def build(form: Mapping[str, Any], said: gr.HTML) -> None:
    """The button that gives the file, with a line about it; what is wrong is said in `said`."""
    gr.HTML(messages.caption(ABOUT))
    button, file = gr.Button(SAVE, size="sm", elem_id="save-style"), gr.File(visible=False)
    answered = {"style_file": file, "loaded": said}
    done = connect(button.click, take, form, answered, **PAINTING)
    done.success(None, file, None, js=DOWNLOAD)
