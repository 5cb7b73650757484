"""Under the grids of the tab Compare: bars, a heatmap and boxes of one measure, for all paintings of the choice at once."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components.plot import PlotData

from core.metrics.features import MEASURES
from demo.compare.selection import Choice, read
from demo.shared import messages
from demo.shared.plots import plot_data
from gallery.grids.charts import bars, boxes, heatmap
from gallery.grids.results import title_of_measure

FIRST = "gram_share"
CHARTS = {"bars": bars, "heatmap": heatmap, "boxes": boxes}


def charts(choice: Choice, measure: str) -> dict[str, Any]:
    """What there is to say about the measure, and the three plots: a value for each place of `build`."""
    said, values = _figures(choice, measure if measure in MEASURES else FIRST)
    plots = {name: gr.Plot(value, visible=value is not None) for name, value in values.items()}
    return {"note": said, **plots}


def build(choice: Choice) -> tuple[gr.Dropdown, dict[str, Block]]:
    """Lay out the section; returns the measure's dropdown, and the places that `charts` fills, by name."""
    said, values = _figures(choice, FIRST)
    gr.HTML(messages.heading("Measurements"))
    offered = [(title_of_measure(name), name) for name in MEASURES]
    measure = gr.Dropdown(offered, value=FIRST, label="Measure", elem_id="measure")
    note = gr.HTML(said, elem_id="measure-note")
    with gr.Row():
        places = {name: _place(values[name]) for name in ("bars", "heatmap")}
    return measure, {"note": note, **places, "boxes": _place(values["boxes"])}


def _figures(choice: Choice, measure: str) -> tuple[str, Mapping[str, PlotData | None]]:
    grids = [grid for grid in (read(choice, style) for style in choice.styles) if grid.is_measured]
    if not grids:
        return messages.notice("Nothing in this selection was measured yet."), dict.fromkeys(CHARTS)
    plots = {
        name: plot_data(chart(grids, measure), f"{choice.file_name}_{measure}_{name}")
        for name, chart in CHARTS.items()
    }
    about, title = MEASURES[measure], title_of_measure(measure)
    mean = "Averages are geometric. " if about.is_ratio else ""
    said = f"{title}. The ideal, in this respect alone, is {about.ideal:g}: a dotted line, and pale in the map. {mean}"
    return messages.caption(said), plots


def _place(value: PlotData | None) -> gr.Plot:
    with gr.Column(min_width=320):
        return gr.Plot(value, visible=value is not None, show_label=False, elem_classes="chart")
