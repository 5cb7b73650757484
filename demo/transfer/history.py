"""The results of this visit, in a strip: a click on two of them compares them with a slider.

    transfer.build()
    strip.build()                        # in the same tab; watches the result by its ids: slider, status

Small copies (at most 1024 px, at most 24) lie in the visitor's browser only (IndexedDB) and outlast a reload of the page; they
belong to the browser tab, and the page's server knows nothing of them. `strip.js` does all of it.
"""

from pathlib import Path

import gradio as gr

ABOUT = "Kept in your browser only. Click two to compare them."
STRIP = f"""
<section class="visit" aria-label="This visit's results" hidden>
  <header>
    <h2 class="section">This visit</h2><p class="caption">{ABOUT}</p>
    <button type="button" class="empty">Empty the strip</button>
  </header>
  <div class="results" role="group" aria-label="Results, newest first"></div>
  <p class="said" aria-live="polite"></p>
</section>
<dialog class="comparison" aria-label="Two results compared">
  <div class="stage">
    <img class="left" alt=""><img class="right" alt=""><i></i>
    <input type="range" min="0" max="100" step="1" value="50" aria-label="Where the left picture ends, in per cent">
  </div>
  <div class="names"><p class="left"></p><p class="right"></p></div>
  <button type="button" class="close">Close</button>
</dialog>
"""


def build() -> gr.HTML:
    """The strip, empty and hidden until there is a result; call inside `gr.Blocks`, in the tab of the result."""
    return gr.HTML(
        None,
        html_template=STRIP,
        js_on_load=Path(__file__).with_suffix(".js").read_text("utf-8"),
        elem_id="strip",
        apply_default_css=False,
    )
