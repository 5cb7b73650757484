"""The tab Weight growth: the report's figure 5 from training logs, the law behind it, and what stopping the growth does.

    with gr.Tab("Weight growth") as tab:
        build(tab)

Logs are those of shipped models, the visitor's own (CSV or TensorBoard) and, on the computer that trains, of the folders in
`runs/`, whose curves move as rows are written. `core.analysis.training_logs` reads, `core.analysis.growth_law`
fits, `core.analysis.heldout_comparison` compares.
"""

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from gradio.components.plot import PlotData

from core.analysis.curves import LOSSES, TrainingLog
from core.analysis.growth_law import SCALE_FREE, fit_growth
from core.training.log_writer import PERCENT
from demo.growth import logs as growth_sources
from demo.growth import text
from demo.growth.figure import LOSS_TITLES, Curves, View, figure, is_thinned
from demo.growth.logs import (
    FIGURE_5,
    MAX_RUNS,
    Runs,
    Source,
    Upload,
    layers_of,
    names_of,
    read,
    readable,
    running,
    shipped,
    sources,
    studied,
)
from demo.growth.tables import heldout, laws
from demo.shared import messages
from demo.shared.pace import duration
from demo.shared.requests import RequestError
from demo.shared.templates import macros
from demo.shared.uploads import new_file
from demo.shared.widgets import DOWNLOAD, LIGHT, QUIET

LAYER = SCALE_FREE[0]
LINEAR, LOGARITHMIC = "linear", "logarithmic"
WINDOW, WIDEST = 20, 200  # iterations
REFRESH = 5.0  # seconds
QUANTILES = [f"p{share}" for share in PERCENT]
CSV_COLUMNS = ["model", "layer", *QUANTILES, "rms", "fitted_law", "law_c_1", "turns", *LOSSES]
# A finger on the figure shall scroll the page; where there is a mouse, dragging zooms.
TOUCH = "matchMedia('(pointer: coarse)').matches"
WITH_POINTER = f"(_, ...order) => [{TOUCH}, ...order]"
SEEN_WITH_POINTER = f"(seen, _, ...order) => [seen, {TOUCH}, ...order]"


@lru_cache(maxsize=16)
def drawn(sources: tuple[Source, ...], view: View) -> PlotData | None:
    """The figure, remembered: opening the tab shall not wait for it."""
    return figure(_curves(sources), view)


def _curves(sources: Sequence[Source]) -> list[Curves]:
    return [Curves(read(source), source.title, source.color) for source in sources]


# ---- events of the page ----


def draw(
    touch: object,
    models: Sequence[str],
    runs: Runs,
    files: Sequence[Upload] | None,
    layer: str | None,
    scale: str,
    loss: str,
    window: float,
) -> tuple[Any, ...]:
    """Return (figure, laws, what there is to say, layers to choose from) for what the controls say."""
    try:
        chosen, wrong = readable(sources(models, runs, files))
        layers = layers_of([read(source) for source in chosen])
        layer = layer if layer in layers else next(iter(layers), LAYER)
        loss = loss if loss in LOSSES else LOSSES[0]
        mean_of = min(WIDEST, max(1, int(window)))
        view = View(layer, scale == LOGARITHMIC, loss, mean_of, bool(touch))
        plot = drawn(chosen, view)
        shown = gr.Plot(plot, visible=plot is not None)
        table, said = laws(chosen, layer), wrong + _status(chosen, view, runs)
    except Exception as error:
        return gr.skip(), gr.skip(), messages.problem(error), gr.skip()
    return shown, table, said, gr.Dropdown(_titled(layers), value=layer)


def open_tab(*order: Any) -> tuple[Any, ...]:
    """`draw`, and the trainings there are now."""
    names = running()
    return *draw(*order), gr.Dropdown(names, visible=bool(names))


def watch(runs: Runs) -> gr.Timer:
    """The curves of running trainings are looked at again every few seconds."""
    return gr.Timer(active=bool(names_of(runs)))


def tick(seen: Any, *order: Any) -> tuple[Any, ...]:
    """`draw`, where rows were written since the last look; what is said tells the time anyway."""
    try:
        now: Any = [source.stamps for source in sources((), order[2], None)]
    except (RequestError, OSError):
        now = None
    plot, table, said, layers = draw(*order)
    if now == seen:
        return seen, gr.skip(), gr.skip(), said, gr.skip()
    return now, plot, table, said, layers


def export(
    _: object, models: Sequence[str], runs: Runs, files: Sequence[Upload] | None, layer: str
) -> tuple[Any, Any]:
    """(a CSV file with every logged row of what is shown, nothing) or (nothing, what is wrong)."""
    try:
        chosen, _ = readable(sources(models, runs, files))
        if not chosen:
            raise RequestError(text.NOTHING)
        path = new_file("weight-growth.csv")
        write_csv(Path(path), [(source.title, read(source)) for source in chosen], layer)
        return path, gr.skip()
    except Exception as error:
        return None, messages.problem(error)


def write_csv(path: Path, logs: Sequence[tuple[str, TrainingLog]], layer: str) -> None:
    """Every logged row: a line for each model and iteration; cells are empty where nothing was logged."""
    table = pd.concat([_logged(title, log, layer) for title, log in logs])
    table = table.reindex(columns=CSV_COLUMNS).reset_index()
    table["iteration"] = table["iteration"].map("{:.12g}".format)
    table[["model", "iteration", "layer", *CSV_COLUMNS[2:]]].to_csv(
        path, index=False, float_format="%.6g", lineterminator="\n"
    )


def _logged(title: str, log: TrainingLog, layer: str) -> pd.DataFrame:
    """One log's rows by iteration: the layer's weights with their laws, and the losses."""
    parts: list[Any] = []
    for name, series in log.losses.items():
        parts.append(pd.Series(series.values, series.iterations, name=name))
    if found := log.layers.get(layer):
        times = found.iterations
        weights = pd.DataFrame(found.quantiles, times, QUANTILES)
        weights = weights.assign(layer=layer, rms=found.rms)
        if law := fit_growth(times, found.rms, log.lr):
            weights = weights.assign(fitted_law=law.rms(times), law_c_1=law.unit(times))
        turns = log.turns(layer)
        if turns is not None:
            weights["turns"] = turns
        parts.append(weights)
    rows = pd.concat(parts, axis=1).sort_index() if parts else pd.DataFrame()
    return rows.rename_axis("iteration").assign(model=title)


def _status(chosen: Sequence[Source], view: View, runs: Runs) -> str:
    """A line for each thing that there is to say: in one text, what begins with a name would not be a sentence."""
    curves = _curves(chosen)
    if not curves:
        return messages.notice(text.NOTHING)
    parts = [text.not_drawn(it.title, it.log) for it in curves if not _is_drawn(it.log, view)]
    lacking = [it.title for it in curves if it.log.layers and view.layer not in it.log.layers]
    if lacking and len(lacking) < len(curves):
        parts.append(text.without_layer(lacking, view.layer))
    followed = {growth_sources.RUNS / name: name for name in names_of(runs)}
    for source in chosen:
        if source.folder in followed:
            times = [series.iterations for series in read(source).losses.values()]
            reached = max((each[-1] for each in times if len(each)), default=0)
            ago = duration(time.time() - source.written)
            name = followed[source.folder]
            parts.append(f"{name}: iteration {reached:,.0f}, written {ago} ago.")
    parts += [text.THINNED] if is_thinned(curves, view) else []
    return "".join(map(messages.caption, parts))


def _is_drawn(log: TrainingLog, view: View) -> bool:
    return view.layer in log.layers or view.loss in log.losses


def _titled(layers: Sequence[str]) -> list[tuple[str, str]]:
    notes = {LAYER: " (figure 5)", SCALE_FREE[1]: " (the 32 branches)"}
    return [(name.removesuffix(".weight") + notes.get(name, ""), name) for name in layers]


# ---- layout ----


def warm() -> None:
    """Draw the figure that the tab opens with, so that its first visitor need not wait for it."""
    names = [name for name in FIGURE_5 if name in shipped()]
    for touch in (False, True):
        draw(touch, names, None, None, LAYER, LINEAR, LOSSES[0], WINDOW)


def build(tab: gr.Tab) -> None:
    """Lay the tab out and connect it; the figure is drawn when the tab is opened."""
    words = macros("growth/text.html")
    gr.HTML(str(words.introduction()))
    order = _controls()
    said = gr.HTML(elem_id="growth-said")
    plot = gr.Plot(visible=False, show_label=False, elem_id="growth-figure")
    with gr.Row(elem_id="growth-actions"):
        save = gr.Button("Every logged row as CSV", size="md", min_width=200, elem_id="growth-csv")
        file = gr.File(visible=False)
        gr.HTML(f'<p class="remark">{text.HANDLING}</p>', elem_classes="growth")
    gr.HTML(str(words.law()))
    table = gr.HTML(elem_id="growth-laws")
    gr.HTML(str(words.cure()))
    gr.HTML(heldout(), elem_id="growth-heldout")

    _, _, runs, _, layer, *_ = order
    outputs, seen, timer = [plot, table, said, layer], gr.State(), gr.Timer(REFRESH, active=False)
    pointed: dict[str, Any] = {"js": WITH_POINTER} | LIGHT
    tab.select(open_tab, order, [*outputs, runs], **pointed)
    for control in order[1:]:
        listen = control.change if isinstance(control, gr.File) else control.input
        listen(draw, order, outputs, **pointed)
    runs.input(watch, runs, timer, **QUIET)
    timer.tick(tick, [seen, *order], [seen, *outputs], js=SEEN_WITH_POINTER, **LIGHT)
    made = save.click(export, order[:5], [file, said], **LIGHT)
    made.success(None, file, None, js=DOWNLOAD)


def _controls() -> list[Any]:
    """What is shown is chosen with these, in the order in which `draw` takes them."""
    names, trainings = shipped(), running()
    touch = gr.Checkbox(visible=False)
    with gr.Row(elem_classes="growth-controls"):
        first = [name for name in FIGURE_5 if name in names] or names[:4]
        models = gr.CheckboxGroup(
            [*names, *((title, name) for name, title in studied().items())],
            value=first,
            label="Models",
            visible=bool(names),
            min_width=320,
            scale=2,
        )
        layer = gr.Dropdown(
            _titled([LAYER]), value=LAYER, label="Layer", min_width=400, elem_id="growth-layer"
        )
        scale = gr.Radio(
            [LINEAR, LOGARITHMIC],
            value=LINEAR,
            label="Scale",
            min_width=200,
            elem_id="growth-scale",
        )
    with gr.Row(elem_classes="growth-controls"):
        losses = [(title, name) for name, title in LOSS_TITLES.items()]
        loss = gr.Dropdown(losses, value="loss", label="Loss", filterable=False, min_width=200)
        window = gr.Slider(
            1, WIDEST, value=WINDOW, step=1, label="Loss: mean of iterations", min_width=240
        )
        runs = gr.Dropdown(
            trainings,
            value=[],
            label="Running trainings",
            multiselect=True,
            max_choices=MAX_RUNS,
            visible=bool(trainings),
            filterable=False,
            min_width=200,
            elem_id="growth-run",
        )
    with gr.Accordion("Your own log", open=False, elem_id="growth-own"):
        files = gr.File(label=text.OWN, file_count="multiple", height=130, elem_id="growth-files")
    return [touch, models, runs, files, layer, scale, loss, window]
