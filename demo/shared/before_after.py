"""A picture before and after, of one size, with a line between them that moves: by mouse, finger and keyboard.

    slider = before_after("slider")
    return side_by_side(path_of_the_photo, path_of_the_result)      # from a handler; or None for nothing

An event "strength" of the document, its detail in per cent, shows what the result is like at that strength before it is
painted: a fade between photo and result. The flagship's pictures up to 100 % are near it (three pairs: 26 to 46 dB, where
pictures of half the size are at 19 to 32), and nothing need be computed for it.

The browser's part is `before_after.js`: a range input lies over the pictures, so that arrow keys and screen readers work as
with any slider, and the large view is a dialog, which lies above everything else.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from demo.shared.uploads import file_url

TEMPLATE = """
<figure class="before-after" hidden>
  <div class="stage">
    <img class="before" alt=""><img class="after" alt=""><i></i>
    <div class="fade" hidden><span>Preview</span></div>
    <input type="range" min="0" max="100" step="1" value="25">
    <button type="button" class="enlarge" aria-label="Enlarge" title="Enlarge">
      <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2 7V2h5M13 2h5v5M18 13v5h-5M7 18H2v-5"/></svg>
    </button>
  </div>
</figure>
<p class="nothing-yet">Nothing is painted yet.</p>
<dialog class="enlarged" aria-label="The picture, enlarged">
  <button type="button" class="close" aria-label="Close the enlarged picture">×</button>
</dialog>
"""
LEFT_SHARE = "How much of the left picture is shown, in per cent"


def before_after(
    elem_id: str,
    pair: dict[str, Any] | None = None,
    before: str = "Photo",
    after: str = "Result",
) -> gr.HTML:
    """The component; `pair` is of `side_by_side`, `before` and `after` say what they are to those who cannot see them."""
    return gr.HTML(
        pair,
        html_template=TEMPLATE,
        js_on_load=Path(__file__).with_suffix(".js").read_text("utf-8"),
        elem_id=elem_id,
        apply_default_css=False,
        names=[before, after],
        share_label=LEFT_SHARE,
    )


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
