"""The tab Many: a photo in every painting of the gallery at once, and several photos in one painting.

    with gr.Blocks() as blocks, gr.Tab("Many"):
        build()

The two halves are `demo.many_sheet` and `demo.many_photos`.
"""

import gradio as gr

from demo import jobs, many_photos, many_sheet, sentences


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    titles = jobs.model_titles()
    if not titles:
        gr.HTML(sentences.notice(jobs.TRAIN_FIRST))
    many_sheet.build(titles)
    many_photos.build(titles)
