"""The logs that the tab Weight growth can show: of shipped models, of running trainings, and those that visitors bring.

chosen, wrong = readable(sources(["original-500"], None, None))
log = read(chosen[0])                       # a core.analysis.curves.TrainingLog, remembered until its files change
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from core.analysis.curves import LogError, TrainingLog
from core.analysis.growth_law import SCALE_FREE
from core.analysis.heldout_comparison import SEEDS, RunSettings
from core.analysis.training_logs import FILES, find_logs, read_files, read_folder
from core.files import short
from core.inference.model_store import model_store
from core.models.model_card import read_run
from core.models.registry import MODELS
from core.paths import WORK
from core.training.data import SEED
from demo.shared import messages
from demo.shared.requests import RequestError
from demo.shared.uploads import uploaded
from gallery.grids.charts import COLORS, OTHERS

RUNS = WORK / "runs"
FIGURE_5 = ("original-500", "improved-500", "original-1000", "improved-1000")
FRESH = 300  # seconds after its last row, a training counts as running
# Of running trainings in the order in which they were chosen: no two of one colour, nor of a model's of figure 5.
RUNNING_COLORS = ("#3f9c86", "#b0479b", "#3d84b8", "#86a03c", "#8a5a44", "#6b6f76")
OWN_COLOR = "#c06a8b"
MAX_RUNS, MAX_FILES = len(RUNNING_COLORS), 8

Upload = Mapping[str, object]
Runs = str | Sequence[str] | None  # names of folders in `runs/`, or one of them


@dataclass(frozen=True)
class Source:
    """A log that was chosen: its files as they are now, and how it is drawn."""

    title: str
    color: str
    files: tuple[Path, ...]
    stamps: tuple[tuple[int, int], ...]
    folder: Path | None = None

    @property
    def written(self) -> float:
        """When, in seconds."""
        return max((stamp for stamp, _ in self.stamps), default=0) / 1e9

    @classmethod
    def of(
        cls, title: str, color: str, files: Sequence[Path], folder: Path | None = None
    ) -> "Source":
        stats = [file.stat() for file in files]
        stamps = tuple((each.st_mtime_ns, each.st_size) for each in stats)
        return cls(title, color, tuple(files), stamps, folder)


@lru_cache(maxsize=16)
def read(source: Source) -> TrainingLog:
    """The log of a source, until its files change. Raises LogError."""
    return read_folder(source.folder) if source.folder else read_files(source.files, source.title)


def shipped() -> list[str]:
    """Names of the models with logs: those of figure 5, then the registry's others, then any others."""
    have = find_logs(model_store().folder)
    known = [name for name in (*FIGURE_5, *MODELS) if name in have]
    return list(dict.fromkeys([*known, *have]))


def studied() -> dict[str, str]:
    """The runs of the study of weight growth with logs: name -> title. Of runs over seeds, that of the first seed."""
    parent = model_store().folder / SEEDS
    titles = {}
    for name in find_logs(parent):
        card = read_run(parent / name)
        if card is not None and card.training.seed == SEED:
            titles[f"{SEEDS}/{name}"] = str(RunSettings.of(card))
    return titles


def running() -> list[str]:
    """Names of the folders in `runs/` that hold a log, those first that were written last."""
    found = {name: _folder(RUNS / name, name, RUNNING_COLORS[0]) for name in find_logs(RUNS)}
    return sorted(found, key=lambda name: -found[name].written)


def names_of(runs: Runs) -> list[str]:
    """The running trainings that were chosen, each once, in their order."""
    names = [runs] if isinstance(runs, str) else runs or ()
    return list(dict.fromkeys(name for name in names if name))


def sources(models: Sequence[str], runs: Runs, files: Sequence[Upload] | None) -> list[Source]:
    """The chosen logs: shipped ones, then running trainings, then the visitor's own files, as one.

    Raises:
        RequestError, ImageError: what was chosen is not there, or not a file that was uploaded.
    """
    titles = {name: model_store().label(name) for name in shipped()} | studied()
    found = []
    for index, (name, title) in enumerate(titles.items()):
        if name in models:
            color = COLORS.get(name, OTHERS[index % len(OTHERS)])
            found.append(_folder(model_store().folder / name, title, color))
    found += _followed(names_of(runs))
    if files:
        if len(files) > MAX_FILES:
            raise RequestError(f"At most {MAX_FILES} files are read as one log; leave some out.")
        paths = [Path(str(uploaded(file, "log"))) for file in files]
        try:
            found.append(Source.of("own log", OWN_COLOR, paths))
        except OSError as error:
            raise RequestError(
                "Your log is kept for an hour, which is over; take it out and drop it again."
            ) from error
    return found


def _followed(names: Sequence[str]) -> list[Source]:
    """Running trainings, each in a colour of its own."""
    if len(names) > MAX_RUNS:
        raise RequestError(f"At most {MAX_RUNS} trainings are drawn at once; leave some out.")
    there = running() if names else []
    found = []
    for name, color in zip(names, RUNNING_COLORS, strict=False):
        if name not in there:
            raise RequestError(f"The training {short(name)} is not there any more; leave it out.")
        live = _folder(RUNS / name, name, color)
        if time.time() - live.written < FRESH:
            live = replace(live, title=f"{name}, in training")
        found.append(live)
    return found


def _folder(folder: Path, title: str, color: str) -> Source:
    files = [folder / name for name in FILES if (folder / name).is_file()]
    return Source.of(title, color, files, folder)


def readable(chosen: Sequence[Source]) -> tuple[tuple[Source, ...], str]:
    """Those of the sources that can be read, and what is wrong with the first of the others."""
    good, wrong = [], ""
    for source in chosen:
        try:
            read(source)
            good.append(source)
        except LogError as error:
            wrong = wrong or messages.problem(error)
    return tuple(good), wrong


def layers_of(logs: Sequence[TrainingLog]) -> list[str]:
    """All layers, those of figure 5's kind first."""
    names = list(dict.fromkeys(name for log in logs for name in log.layers))
    return sorted(names, key=lambda name: (name not in SCALE_FREE, names.index(name)))
