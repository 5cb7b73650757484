"""What can be taken away from the tab Compare: PNG, PDF, zip and CSV, for visitors and, as endpoints, for programs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from core.files import short
from demo.compare.selection import Choice, of_appendix, read
from demo.shared import messages
from demo.shared.requests import REFINED, RequestError
from demo.shared.uploads import file_of
from demo.shared.widgets import DOWNLOAD, UNOPENED
from gallery.grids import export as exports
from gallery.grids.results import Grid
from gallery.pictures import STYLES

NOTHING = "There is no picture in this grid yet, so there is nothing to take away."


def png_file(choice: Choice, shown: int) -> str:
    """The grid that is shown, as a PNG file. Raises RequestError where there is no picture."""
    style = choice.styles[shown]
    grids = _with_pictures(choice, [read(choice, style)])
    return file_of(f"{choice.file_name}_{style.name}.png", exports.grid_png(grids[0]))


def pdf_file(choice: Choice, shown: int) -> str:
    """All grids of the choice that have pictures, a page each. Raises as `png_file`."""
    title = f"MetaStyle, {choice.title}, {choice.mode}"
    return file_of(f"{choice.file_name}.pdf", exports.grids_pdf(_with_pictures(choice), title))


def zip_file(choice: Choice, shown: int) -> str:
    """All pictures of the choice, with their numbers. Raises as `png_file`."""
    return file_of(f"{choice.file_name}_pictures.zip", exports.cells_zip(_with_pictures(choice)))


def csv_file(choice: Choice, shown: int) -> str:
    """All numbers of the choice. Raises RequestError where nothing was measured."""
    grids = _with_pictures(choice)
    if not exports.numbers(grids):
        raise RequestError("Nothing in this selection was measured yet.")
    return file_of(f"{choice.file_name}_measures.csv", exports.numbers_csv(grids))


FILES: dict[str, Callable[[Choice, int], str]] = {
    "This grid as PNG": png_file,
    "All paintings as PDF": pdf_file,
    "Pictures as zip": zip_file,
    "Numbers as CSV": csv_file,
}


def _with_pictures(choice: Choice, grids: list[Grid] | None = None) -> list[Grid]:
    grids = grids or [read(choice, style) for style in choice.styles]
    found = [grid for grid in grids if grid.pictures]
    if not found:
        raise RequestError(NOTHING)
    return found


# ---- for visitors ----


def build() -> list[gr.Button]:
    """A button for each kind of file."""
    return [gr.Button(label, size="md", min_width=130, elem_classes="export") for label in FILES]


def connect(buttons: list[gr.Button], choice: gr.State, shown: gr.State, status: gr.HTML) -> None:
    """Let the buttons of `build` work on the choice; what goes wrong is said in `status`. Then /compare and
    /measures, on components that are never shown.
    """
    file = gr.File(visible=False)  # from which the browser takes it
    for button, make in zip(buttons, FILES.values(), strict=True):
        done = button.click(partial(export, make), [choice, shown], [file, status], **UNOPENED)
        done.success(None, file, None, js=DOWNLOAD)
    with gr.Column(visible=False):
        appendix = gr.Textbox("A", label='appendix: "A" or "B"')
        style = gr.Textbox(STYLES[0].name, label="style: name of one of the eight paintings")
        mode = gr.Textbox(REFINED, label='mode: "instant" or "refined"')
        picture, numbers = gr.File(label="grid"), gr.JSON(label="measures")
        never = gr.Button()
    hidden: dict[str, Any] = {"show_progress": "hidden"}
    never.click(compare, [appendix, style, mode], picture, api_name="compare", **hidden)
    never.click(measures, [appendix, mode], numbers, api_name="measures", queue=False, **hidden)


def export(
    make: Callable[[Choice, int], str], choice: Choice, shown: int
) -> tuple[str | None, Any]:
    """A button was pressed: (the file for the browser, nothing) or (nothing, what is wrong)."""
    try:
        return make(choice, shown), gr.skip()
    except Exception as error:
        return None, messages.problem(error)


# ---- for programs ----


def compare(appendix: str, style: str, mode: str) -> str:
    """A grid of the gallery as a PNG: the style and the contents along the top, a row for each model of the appendix;
    what was not rendered is left open.

    appendix: "A" (original and improved models) or "B" (ablations). style: name of one of the eight paintings.
    mode: "instant" or "refined".
    """
    choice = of_appendix(appendix, mode)
    names = [picture.name for picture in choice.styles]
    if style not in names:
        have = ", ".join(names)
        raise RequestError(f"There is no grid of the style {short(style)}; there are: {have}.")
    return png_file(choice, names.index(style))


def measures(appendix: str, mode: str) -> list[dict[str, Any]]:
    """The numbers of all grids of an appendix: for each picture its mode, style, row and content by name, its model with its
    channels where it is not as wide as the report's, then every measure by name, null where it had nothing to look at.

    appendix: "A" (original and improved models) or "B" (ablations). mode: "instant" or "refined".
    """
    choice = of_appendix(appendix, mode)
    return exports.numbers([read(choice, style) for style in choice.styles])
