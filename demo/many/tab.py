"""The tab Many: a photo in every painting of the gallery at once, and several photos in one painting.

    with gr.Blocks() as blocks, gr.Tab("Many"):
        build()

The two halves are `demo.many.sheet` and `demo.many.photos`.
"""

import gradio as gr

from demo.many import photos, sheet
from demo.shared import messages, requests


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    titles = requests.model_titles()
    if not titles:
        gr.HTML(messages.notice(requests.TRAIN_FIRST))
    sheet.build(titles)
    photos.build(titles)
