"""The log of a training run: two CSV files, appended row by row, readable while training goes on.

- `log.csv`: one row per iteration: epoch, style, seconds, each loss,
  the generated filters' norm and largest value.
- `weights.csv`: every 10 iterations, the distribution of each trained layer's weights (the report's
  figure 5 shows `transform_net.downsampling.1.weight`).

A reader must expect a cut last line and ignore it; `read_rows` does.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from core.files import write_atomic

LOG_FIELDS = (
    "iteration", "epoch", "style", "seconds", "content_loss", "style_loss", "tv_loss", "loss",
    "filter_norm", "filter_max", "skipped",
)  # fmt: skip
PERCENT = (0, 7, 16, 31, 50, 69, 84, 93, 100)
WEIGHT_FIELDS = ("iteration", "layer", *(f"p{p}" for p in PERCENT), "rms")
WEIGHTS_EVERY = 10
SAMPLE = 1 << 16


@lru_cache
def _points(device: torch.device) -> Tensor:
    return torch.tensor([p / 100 for p in PERCENT], device=device)


def weight_summary(weight: Tensor) -> Tensor:
    """Quantiles at `PERCENT` and the root mean square of a weight tensor, on its device.

    Minimum, maximum and RMS are exact; beyond 65,536 values the quantiles between are those of an
    even sample of them.
    """
    flat = weight.detach().flatten().float()
    sample = flat[:: -(-flat.numel() // SAMPLE)]
    found = torch.quantile(sample, _points(flat.device))  # 9, with the sample's own extremes
    low, high = torch.aminmax(flat)
    rms = flat.square().mean().sqrt()
    return torch.cat([torch.stack([low]), found[1:-1], torch.stack([high, rms])])


def trained_layers(net: nn.Module) -> dict[str, Tensor]:
    """The filters and matrices (no biases) that training changes, by their full name."""
    return {name: value for name, value in net.named_parameters() if name.endswith(".weight")}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The complete rows of a CSV file, as strings; a last line without its end,
    or with fields missing, is left out.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    return [row for row in rows if None not in row and None not in row.values()]


def rows_before(path: Path, iteration: int) -> bytes:
    """A log as a CSV file, without the rows from an iteration on and without a cut last line."""
    with open(path, encoding="utf-8", newline="") as file:
        fields = next(csv.reader(file))
    return csv_table(fields, [row for row in read_rows(path) if int(row["iteration"]) < iteration])


def csv_table(fields: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """A CSV file with these columns of the rows, numbers with six digits."""
    table = io.StringIO()
    for values in (fields, *([row[field] for field in fields] for row in rows)):
        write_row(table, values)
    return table.getvalue().encode()


def open_log(path: Path, fields: tuple[str, ...], start: int) -> IO[str]:
    """A CSV file to append rows to; those from iteration `start` on are dropped first."""
    head = ",".join(fields).encode() + b"\n"
    write_atomic(path, rows_before(path, start) if path.is_file() and start else head)
    return open(path, "a", newline="", encoding="utf-8")


def write_row(file: IO[str], values: Sequence[object]) -> None:
    """Append a row, numbers with six digits, where others can read it at once."""
    texts = [f"{value:.6g}" if isinstance(value, float) else value for value in values]
    csv.writer(file, lineterminator="\n").writerow(texts)
    file.flush()


def run_figures(log: Path, done: int, per_epoch: int) -> dict[str, Any]:
    """What a model's card says of the course of its training, from the first `done` rows of its log."""
    rows = [row for row in read_rows(log) if int(row["iteration"]) < done]
    tail = [row for row in rows[-per_epoch:] if not row["skipped"]]
    return {
        "styles_seen": len({row["style"] for row in rows}),
        "skipped": sum(bool(row["skipped"]) for row in rows),
        "hours": round(sum(float(row["seconds"]) for row in rows) / 3600, 3),
        "last_epoch": {
            key: sum(float(row[key]) for row in tail) / max(1, len(tail))
            for key in ("content_loss", "style_loss", "tv_loss")
        },
    }


class RunLog:
    """Appends to the two files of a run's folder; on resuming,
    rows from `start` on are dropped first.

    Args:
        folder: the run's folder; made if missing.
        start: the iteration that comes next.
    """

    def __init__(self, folder: Path, start: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = open_log(folder / "log.csv", LOG_FIELDS, start)
        self._weights = open_log(folder / "weights.csv", WEIGHT_FIELDS, start)

    def iteration(self, row: dict[str, object]) -> None:
        """One row of `log.csv`; keys are `LOG_FIELDS`."""
        write_row(self._log, [row[field] for field in LOG_FIELDS])

    def weights(self, iteration: int, layers: Iterable[tuple[str, Tensor]]) -> None:
        """One row of `weights.csv` for each layer."""
        named = list(layers)
        summaries = torch.stack([weight_summary(weight) for _, weight in named]).tolist()
        for (name, _), summary in zip(named, summaries, strict=True):
            write_row(self._weights, [iteration, name, *summary])

    def close(self) -> None:
        self._log.close()
        self._weights.close()
