"""The results of this visit, in a strip: a click on two of them compares them with a slider.

    transfer.build()
    history.build()                      # in the same tab; watches the result by its ids: slider, status

Small copies (at most 1024 px, at most 24) lie in the visitor's browser only (IndexedDB) and outlast a reload of the page; they
belong to the browser tab, and the page's server knows nothing of them. `history.js` does all of it.
"""

import gradio as gr

from demo.shared.templates import component


def build() -> gr.HTML:
    """The strip, empty and hidden until there is a result; call inside `gr.Blocks`, in the tab of the result."""
    return component("transfer/history", elem_id="strip")
