"""A picture before and after, of one size, with a line between them that moves: by mouse, finger and keyboard.

    slider = before_after("slider")
    return side_by_side(path_of_the_photo, path_of_the_result)      # from a handler; or None for nothing

An event "strength" of the document, its detail in per cent, shows what the result is like at that strength before it is
painted: a fade between photo and result. The flagship's pictures up to 100 % are near it (three pairs: 26 to 46 dB, where
pictures of half the size are at 19 to 32), and nothing need be computed for it.

The browser's part is `before_after.js`: a range input stands for the line, so that arrow keys and screen readers work as with any
slider, and the large view is a dialog, which lies above everything else. Mouse and finger are on the pictures themselves
(`sliders.js`), so that these have their own menu, by which they are kept or copied.
"""

from typing import Any

import gradio as gr
from PIL import Image

from demo.shared.templates import component
from demo.shared.uploads import file_url

LEFT_SHARE = "How much of the left picture is shown, in per cent"


def before_after(
    elem_id: str, pair: dict[str, Any] | None = None, before: str = "Photo", after: str = "Result"
) -> gr.HTML:
    """The component; `pair` is of `side_by_side`, `before` and `after` say what they are to those who cannot see them."""
    name, names = "shared/before_after", [before, after]
    return component(name, pair, elem_id=elem_id, names=names, share_label=LEFT_SHARE)


def side_by_side(before: str, after: str, strength: float = 0, kind: str = "") -> dict[str, Any]:
    """Two picture files that the page may serve, as the component's value: addresses, and width / height of both.

    Args:
        strength: of the result, in per cent; 0 where it is not to be faded.
        kind: the same for results that differ in strength alone.
    """
    with Image.open(after) as picture:
        width, height = picture.size
    pair = {"before": file_url(before), "after": file_url(after), "ratio": width / height}
    return pair | ({"strength": strength, "kind": kind} if strength else {})
