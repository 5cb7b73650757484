"""Plotly figures on the page, each with a button that gives it as an SVG file, on white paper whatever the page's colours.

gr.Plot(plot_data(bars(grids, "specks"), "specks"))            # the button gives specks.svg
"""

import json
from typing import Any

from gradio.components.plot import PlotData
from plotly.graph_objects import Figure


def plot_data(figure: Figure, file_name: str) -> PlotData:
    """The value of a `gr.Plot`; `file_name`, without an ending, is what the file is called that a visitor takes away."""
    config: dict[str, Any] = {
        "displayModeBar": True,
        "displaylogo": False,
        "scrollZoom": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": file_name, "format": "svg"},
    }
    data = {**json.loads(figure.to_json()), "config": config}
    return PlotData(type="plotly", plot=json.dumps(data))
