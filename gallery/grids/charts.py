"""The measurements as plotly figures: bars per model, a heatmap and boxes per style, always with
the spread, not just a mean.

    figure = heatmap([read_grid("refined", style, APPENDICES["A"].rows, CONTENTS) for style in STYLES], "specks")
    figure.write_html("specks.html")

Averages are those of `core.metrics.features.average`, geometric for shares and ratios. Paper is
white and text dark, for a figure that is taken away; marks are of middle lightness, so that it
stands on dark pages too, which clear the paper and set the colour of its text.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.inference.model_store import model_store
from core.metrics.features import MEASURES, average
from gallery.grids.results import Grid, title_of_measure

COLORS = {
    "flagship": "#d0533f",
    "original-500": "#dba24a",
    "original-1000": "#b3701f",
    "improved-500": "#9095dd",
    "improved-1000": "#5f65bf",
    "ablation-vgg16": "#3f9c86",
    "ablation-resnet": "#c06a8b",
    "ablation-mse": "#86a03c",
    "gatys": "#8c8c8c",
    "johnson": "#5f86a0",
}
OTHERS = ("#a58a70", "#7fa6a0", "#a97fb5", "#9a9a5a")
# From the ideal: pale is near, dark is far.
DISTANCES = [[0.0, "#f8f1e2"], [0.5, "#c3c6ea"], [1.0, "#8589d0"]]
ON_PALE = "#24211f"
TEXT, LINES = "#857a6a", "rgba(133, 122, 106, 0.3)"
PAPER, INK, CLEAR = "#ffffff", "#4d453a", "rgba(0,0,0,0)"
# What all figures of the page have in common.
LAYOUT: dict[str, Any] = {
    "paper_bgcolor": PAPER,
    "plot_bgcolor": CLEAR,
    "font": {"color": INK},
    "modebar": {"bgcolor": CLEAR, "color": TEXT, "activecolor": "#5b60b5"},
    "hoverlabel": {"bgcolor": "#24211f", "font": {"color": "#fdfaf4"}, "bordercolor": "#24211f"},
    "showlegend": False,
}
BAR_HEIGHT, CELL_HEIGHT, BOX_HEIGHT, LEGEND_HEIGHT = 46, 44, 17, 40  # px
TOP, BOTTOM = 68, 52  # px: the title, the axis
LABEL_WIDTH = 18  # letters of a style's title in one line


def bars(grids: Sequence[Grid], measure: str) -> go.Figure:
    """One bar a model: the average over all pairs, its whisker the middle half of them.

    Args:
        grids: of the same rows, one for each style.
        measure: a name of `core.metrics.features.MEASURES`.

    Raises:
        KeyError: there is no such measure.
    """
    names = _rows(grids)
    pairs = [
        _known(value for grid in grids for value in _values(grid, name, measure)) for name in names
    ]
    means = [average(measure, values) for values in pairs]
    quartiles = [np.percentile(values or [math.nan], (25, 75)) for values in pairs]
    low, high = np.transpose(quartiles)
    figure = go.Figure(
        go.Bar(
            y=_models(names),
            x=means,
            orientation="h",
            width=0.62,
            marker_color=[_color(name, names) for name in names],
            # An average may lie outside the middle half: then a whisker has no length there.
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.maximum(high - means, 0),
                "arrayminus": np.maximum(means - low, 0),
                "color": TEXT,
                "thickness": 1.5,
                "width": 5,
            },
            customdata=[*zip(map(len, pairs), map(_short, low), map(_short, high), strict=True)],
            hovertemplate="%{y}: %{x:.3g}<br>middle half of %{customdata[0]} pairs: "
            "%{customdata[1]} to %{customdata[2]}<extra></extra>",
        )
    )
    height = max(BAR_HEIGHT * len(names), CELL_HEIGHT * len(grids))
    about = "the whiskers hold the middle half of all pairs of painting and photo"
    _lay_out(figure, height, measure, "Average per model", about)
    figure.update_yaxes(autorange="reversed")
    return figure


def heatmap(grids: Sequence[Grid], measure: str) -> go.Figure:
    """Styles down, models across: the average over the contents, the darker the farther from the
    ideal; see `bars`.
    """
    names = _rows(grids)
    values = [[_known(_values(grid, name, measure)) for name in names] for grid in grids]
    means = [[average(measure, cell) for cell in row] for row in values]
    figure = go.Figure(
        go.Heatmap(
            x=_models(names),
            y=_labels(grids),
            z=[[from_ideal(mean, measure) for mean in row] for row in means],
            text=[[_short(mean) for mean in row] for row in means],
            customdata=[[_spread(cell) for cell in row] for row in values],
            texttemplate="%{text}",
            textfont={"color": ON_PALE},
            hovertemplate="%{y}<br>%{x}: %{text}<br>%{customdata}<extra></extra>",
            hoverongaps=False,
            zmin=0,
            colorscale=DISTANCES,
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    title, about = "Average per painting and model", "the darker, the farther from the ideal"
    _lay_out(figure, CELL_HEIGHT * len(grids), None, title, about)
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def boxes(grids: Sequence[Grid], measure: str) -> go.Figure:
    """For each style a box a model, over the contents, each of them a dot; see `bars`."""
    names, labels = _rows(grids), _labels(grids)
    figure = go.Figure()
    for name in names:
        label_of_model = model_store().label(name)
        points = [
            (label, value, content.title)
            for label, grid in zip(labels, grids, strict=True)
            for value, content in zip(_values(grid, name, measure), grid.contents, strict=True)
            if not math.isnan(value)
        ]
        figure.add_box(
            y=[label for label, _, _ in points],
            x=[value for _, value, _ in points],
            text=[title for *_, title in points],
            name=label_of_model,
            orientation="h",
            boxpoints="all",
            jitter=0.4,
            pointpos=0,
            marker={"size": 4, "opacity": 0.75, "color": _color(name, names)},
            line={"width": 1.3},
            hoveron="points",
            hovertemplate=f"{label_of_model}<br>%{{text}}: %{{x:.3g}}<extra></extra>",
        )
    height = (BOX_HEIGHT * len(names) + 10) * len(grids) + LEGEND_HEIGHT
    about = "a dot each; the boxes hold the middle half"
    _lay_out(figure, height, measure, "Every photo, per painting and model", about)
    figure.update_layout(
        boxmode="group",
        boxgap=0.22,
        boxgroupgap=0.1,
        showlegend=True,
        legend={
            "bgcolor": CLEAR,
            "orientation": "h",
            "yref": "container",
            "yanchor": "bottom",
            "y": 0,
        },
        legend_xanchor="left",
        legend_x=0,
    )
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=labels)
    return figure


def from_ideal(value: float, measure: str) -> float:
    """How far a value is from the measure's ideal, 0 upwards; for ratios whose ideal is 1,
    half and double are as far.
    """
    ideal = MEASURES[measure].ideal
    if MEASURES[measure].is_ratio and ideal and value > 0:
        return abs(math.log(value / ideal))
    return abs(value - ideal)


def _rows(grids: Sequence[Grid]) -> list[str]:
    """The rows that have numbers, in their order."""
    rows = [row for grid in grids for row in grid.rows]
    measured = {row.name for row in rows if any(cell.numbers for cell in row.cells)}
    return [name for name in dict.fromkeys(row.name for row in rows) if name in measured]


def _values(grid: Grid, name: str, measure: str) -> list[float]:
    """One for each content, NaN where there is none."""
    row = next((row for row in grid.rows if row.name == name), None)
    if row is None:
        return [math.nan] * len(grid.contents)
    return [cell.numbers.get(measure, math.nan) for cell in row.cells]


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _models(names: Sequence[str]) -> list[str]:
    """The models' labels in two lines, so that they leave room for the bars."""
    return [model_store().label(name).replace(" (", "<br>(") for name in names]


def _labels(grids: Sequence[Grid]) -> list[str]:
    wrapped = [textwrap.wrap(grid.style.title, LABEL_WIDTH, max_lines=2) for grid in grids]
    return ["<br>".join(lines) for lines in wrapped]


def _color(name: str, names: Sequence[str]) -> str:
    others = [other for other in names if other not in COLORS]
    return COLORS.get(name) or OTHERS[others.index(name) % len(OTHERS)]


def _short(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{_short(min(values))} to {_short(max(values))} over {len(values)} photos"


def _lay_out(figure: go.Figure, height: int, measure: str | None, title: str, about: str) -> None:
    figure.update_layout(
        LAYOUT,
        height=height + TOP + BOTTOM,
        margin={"l": 8, "r": 18, "t": TOP, "b": BOTTOM},
        font={"family": "Source Sans Pro, sans-serif", "size": 13},
        dragmode=False,
        title={
            "text": f'{title}<br><span style="font-size: 12px">{about}</span>',
            "font": {"size": 15},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 14, "t": 22},
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
    )
    axes = {"fixedrange": True, "automargin": True}
    figure.update_xaxes(gridcolor=LINES, zerolinecolor=TEXT, **axes)
    figure.update_yaxes(gridcolor=CLEAR, ticksuffix="  ", **axes)
    if measure:
        figure.update_xaxes(title=title_of_measure(measure), rangemode="tozero")
        ideal = {"color": "#3f9c86", "width": 1.5, "dash": "dot"}
        figure.add_vline(x=MEASURES[measure].ideal, line=ideal)
