"""The figure of the tab Weight growth (the report's figure 5): bands, RMS with its laws, turns, losses, above one another.

    view = View("transform_net.downsampling.1.weight")
    plot = figure([Curves(log, "original-500", "#dba24a")], view)     # for gr.Plot

Of each curve at most 300 points are drawn. Text is for white paper, as exported pictures are; on a dark page
demo/growth/growth.css sets it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from gradio.components.plot import PlotData
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from core.analysis.curves import Distribution, Floats, Series, TrainingLog
from core.analysis.growth_law import fit_growth, has_no_scale
from core.training.log_writer import PERCENT
from demo.shared.plots import plot_data
from gallery.grids.charts import LAYOUT, LINES, TEXT

MAX_POINTS = 300
FONTS = "Source Sans Pro, Noto Sans CJK SC, sans-serif"
PANEL, RMS, TURNS, LOSS, GAP = 124, 230, 160, 210, 42  # px
TOP, BOTTOM, LEFT, RIGHT = 30, 44, 52, 10  # px
ALPHAS = (0.14, 0.26, 0.4, 0.58)  # of the bands, outer to inner
LINEAR_BELOW = 0.01  # of weights, on the logarithmic scale, which has two signs
TICKS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0)
BANDS = "bands between min, 7, 16, 31, 50, 69, 84, 93 % and max"
LOSS_TITLES = {
    "loss": "Total loss",
    "content_loss": "Content loss",
    "style_loss": "Style loss, weighted",
    "tv_loss": "Total variation, weighted",
}


@dataclass(frozen=True)
class Curves:
    """A training log with the title and colour (#rrggbb) it is drawn with."""

    log: TrainingLog
    title: str
    color: str


@dataclass(frozen=True)
class View:
    """What is drawn of them, and how.

    Attributes:
        layer: whose weights; runs without it have only their losses drawn.
        logarithmic: all vertical axes; weights on one that is linear below 0.01, as they have signs.
        loss: which of `core.analysis.curves.LOSSES`.
        window: losses are means over that many iterations.
        touch: dragging a finger scrolls the page and does not zoom, and titles fit a phone.
    """

    layer: str
    logarithmic: bool = False
    loss: str = "loss"
    window: int = 1
    touch: bool = False

    @property
    def scale(self) -> str:
        """Of a vertical axis, as plotly names it."""
        return "log" if self.logarithmic else "linear"


def figure(runs: Sequence[Curves], view: View) -> PlotData | None:
    """Everything there is to draw of these runs; None where that is nothing."""
    layer, loss = view.layer, view.loss
    weights = [run for run in runs if layer in run.log.layers]
    turning = [run for run in weights if has_no_scale(layer) and run.log.turns(layer) is not None]
    losses = [run for run in runs if loss in run.log.losses]
    spread = [run for run in weights if np.isfinite(run.log.layers[layer].quantiles).any()]

    # Of each panel: its height in px, what draws it, of which runs.
    panels: list[tuple[int, Callable[..., None], Sequence[Curves]]] = [
        *((PANEL, _draw_spread, [run]) for run in spread),
        (RMS, _draw_rms, weights),
        (TURNS, _draw_turns, turning),
        (LOSS, _draw_losses, losses),
    ]
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        return None

    heights = [height for height, *_ in panels]
    whole = sum(heights) + GAP * (len(heights) - 1)
    plot = make_subplots(
        len(panels), 1, shared_xaxes=True, vertical_spacing=GAP / whole, row_heights=heights
    )
    shown = f"{layer} {view.logarithmic} {loss} {len(weights)} {len(turning)} {len(losses)}"
    _lay_out(plot, whole, shown, view.touch)
    for row, (_, draw, drawn) in enumerate(panels, 1):
        draw(plot, row, drawn, view)
    plot.update_xaxes(row=len(panels), title="iteration", showticklabels=True)
    # The axis of iterations ends where the weights do, if a run without that layer goes on much longer.
    ends = [run.log.layers[layer].iterations[-1] for run in weights]
    others = [run.log.losses[loss] for run in losses if layer not in run.log.layers]
    latest = max((each.iterations[-1] for each in others if len(each.iterations)), default=0)
    if ends and latest > 1.1 * max(ends):
        plot.update_xaxes(range=[0, 1.02 * max(ends)])
    return plot_data(plot, "weight-growth")


def _draw_spread(plot: go.Figure, row: int, runs: Sequence[Curves], view: View) -> None:
    """A panel of the distribution of a layer's weights in one run."""
    [run] = runs
    _bands(plot, row, run, run.log.layers[view.layer], view.logarithmic)
    _title(plot, row, _named(run) + ("" if view.touch or row > 1 else f": {BANDS}"))


def _draw_rms(plot: go.Figure, row: int, runs: Sequence[Curves], view: View) -> None:
    """The panel of the RMS of a layer's weights, beside two laws."""
    logged = "" if view.touch else "solid as logged, "
    _title(plot, row, f"RMS: {logged}dashed the fitted law, dotted with c = 1")
    for run in runs:
        layer = run.log.layers[view.layer]
        points = thin(len(layer.rms))
        times = layer.iterations[points]
        _line(plot, row, run, times, layer.rms[points], run.title)
        law = fit_growth(layer.iterations, layer.rms, run.log.lr)
        if law:
            fitted, report = f"{run.title}, fitted", f"{run.title}, law with c = 1"
            _line(plot, row, run, times, law.rms(times), fitted, dash="dash", width=1.3)
            _line(plot, row, run, times, law.unit(times), report, dash="dot", width=1.3)
    plot.update_yaxes(row=row, type=view.scale, nticks=7)
    plot.update_xaxes(row=row, showticklabels=True)


def _draw_turns(plot: go.Figure, row: int, runs: Sequence[Curves], view: View) -> None:
    """The panel of how far a step turns a layer's filters."""
    unit = "" if view.touch else ", the first step = 1: learning rate / RMS"
    _title(plot, row, f"How far a step turns the filters{unit}")
    for run in runs:
        turns = run.log.turns(view.layer)
        assert turns is not None
        points = thin(len(turns))
        times = run.log.layers[view.layer].iterations[points]
        _line(plot, row, run, times, turns[points], run.title)
    plot.update_yaxes(row=row, type=view.scale, nticks=5)


def _draw_losses(plot: go.Figure, row: int, runs: Sequence[Curves], view: View) -> None:
    """The panel of a loss; runs that no other panel names are named here."""
    smooth = f", mean of {view.window} iterations" if view.window > 1 else ""
    named = [_named(run) for run in runs if not view.touch or view.layer not in run.log.layers]
    title = LOSS_TITLES[view.loss] + smooth
    _title(plot, row, f"{title}: {', '.join(named)}" if named else title)
    for run in runs:
        series = run.log.losses[view.loss]
        points = thin(len(series.values))
        mean = running_mean(series, view.window)[points]
        _line(plot, row, run, series.iterations[points], mean, run.title, width=1.4)
    plot.update_yaxes(row=row, type=view.scale, nticks=6)


def thin(count: int) -> Any:
    """Indices of at most 300 of `count` points, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_POINTS)).round().astype(int))


def running_mean(series: Series, window: int) -> Floats:
    """Mean of the values of the last `window` iterations, for each; NaN are left out, and stay where there is nothing else."""
    values = series.values
    if window <= 1 or not len(values):
        return values
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0.0], np.cumsum(known)])
    last = np.arange(1, len(values) + 1)
    first = np.searchsorted(series.iterations, series.iterations - window, side="right")
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums[last] - sums[first]) / (counts[last] - counts[first])


def two_signed_log(values: Any) -> Any:
    """sign(w) log10(1 + |w| / 0.01): a logarithmic scale for weights of either sign."""
    values = np.asarray(values, dtype=np.float64)
    return np.sign(values) * np.log10(1 + np.abs(values) / LINEAR_BELOW)


def _bands(plot: go.Figure, row: int, run: Curves, layer: Distribution, logarithmic: bool) -> None:
    """Nine quantiles from the largest down, the space between neighbours filled, darker towards the median."""
    points = thin(len(layer.rms))
    for place in reversed(range(len(PERCENT))):
        exact = layer.quantiles[points, place]
        # The band lies between this quantile and the next.
        outer = min(place, len(PERCENT) - 2 - place)
        plot.add_scatter(
            row=row,
            col=1,
            x=layer.iterations[points],
            y=two_signed_log(exact) if logarithmic else exact,
            name={0: "min", 50: "median", 100: "max"}.get(PERCENT[place], f"{PERCENT[place]} %"),
            mode="lines",
            line={"color": run.color, "width": 1.6 if PERCENT[place] == 50 else 0.5},
            fill="tonexty" if place < len(PERCENT) - 1 else None,
            fillcolor=f"rgba{(*hex_to_rgb(run.color), ALPHAS[outer])}",
            customdata=exact if logarithmic else None,
            hovertemplate="%{customdata:.6g}" if logarithmic else "%{y:.6g}",
        )
    # Shared by all panels, as figure 5's are.
    plot.update_yaxes(row=row, matches="y" if row > 1 else None, nticks=6)
    if logarithmic:
        ticks = [sign * tick for tick in TICKS for sign in ((-1, 1) if tick else (1,))]
        words = [f"{tick:g}" for tick in ticks]
        plot.update_yaxes(row=row, tickvals=two_signed_log(ticks), ticktext=words)


def _line(
    plot: go.Figure, row: int, run: Curves, x: Floats, y: Floats, name: str, **style: Any
) -> None:
    plot.add_scatter(
        row=row,
        col=1,
        x=x,
        y=y,
        name=name,
        mode="lines" if len(x) > 1 else "markers",
        line={"color": run.color, "width": 2} | style,
        hovertemplate="%{y:.6g}",
    )


def _named(run: Curves) -> str:
    safe = run.title.replace("&", "&amp;").replace("<", "&lt;")
    return f'<b style="color:{run.color}">{safe}</b>'


def _title(plot: go.Figure, row: int, text: str) -> None:
    top = plot.layout[f"yaxis{row if row > 1 else ''}"].domain[1]
    place = {"x": 0, "xref": "paper", "xanchor": "left"}
    place |= {"y": top, "yref": "paper", "yanchor": "bottom"}
    plot.add_annotation(**place, text=text, showarrow=False, align="left", font={"size": 13})


def _lay_out(plot: go.Figure, height: int, revision: str, touch: bool) -> None:
    plot.update_layout(
        LAYOUT,
        template="none",
        height=height + TOP + BOTTOM,
        margin={"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
        font={"family": FONTS, "size": 12},
        hovermode="x unified",
        hoverlabel_font_size=12,
        dragmode=False if touch else "zoom",
        uirevision=revision,  # a refresh keeps the zoom
    )
    axes = {"gridcolor": LINES, "linecolor": TEXT, "ticklen": 3, "tickcolor": TEXT}
    at = {"text": "iteration %{x:,d}"}
    plot.update_xaxes(zeroline=False, showline=True, unifiedhovertitle=at, **axes)
    plot.update_yaxes(zerolinecolor=TEXT, zerolinewidth=0.7, **axes)


def is_thinned(runs: Sequence[Curves], view: View) -> bool:
    """Whether a curve has more points than are drawn."""
    layers = [run.log.layers.get(view.layer) for run in runs]
    losses = [run.log.losses.get(view.loss) for run in runs]
    lengths = [len(each.iterations) for each in (*layers, *losses) if each]
    return max(lengths, default=0) > MAX_POINTS
