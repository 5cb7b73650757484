"""What the tab Compare shows: one of the report's appendices, or the visitor's own choice of models, styles and contents.

    choice = chosen("A", "refined")
    grids = [read(choice, style) for style in choice.styles]        # from the gallery, completed by what was painted here

Nothing here knows of the page, and nothing computes; see `demo.compare.render`.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.files import short
from core.inference.model_store import model_store
from demo.compare import render
from demo.shared import requests
from demo.shared.requests import RequestError
from demo.shared.uploads import checked_size, uploaded
from gallery.grids import paths
from gallery.grids.backends import REFERENCE_PAINTERS, why_not
from gallery.grids.paths import APPENDICES, MODES
from gallery.grids.results import Grid, read_grid
from gallery.pictures import CONTENTS, STYLES, Picture, paintings, photographs

OWN = "own"
MOST = 8  # styles, contents of an own grid


@dataclass(frozen=True)
class Choice:
    """A grid for each style, with the same rows and contents.

    Attributes:
        kind: `A`, `B` or `own`.
        mode: `instant` or `refined`.
        rows: names of models and references, top to bottom.
    """

    kind: str
    mode: str
    styles: tuple[Picture, ...]
    rows: tuple[str, ...]
    contents: tuple[Picture, ...]

    @property
    def title(self) -> str:
        return f"Appendix {self.kind}" if self.kind in APPENDICES else "Own selection"

    @property
    def file_name(self) -> str:
        """How files about it are called, without an ending: MetaStyle_appendix-A_refined."""
        what = f"appendix-{self.kind}" if self.kind in APPENDICES else "own-selection"
        return f"MetaStyle_{what}_{self.mode}"


def chosen(
    kind: str,
    mode: str,
    rows: Sequence[str] | None = None,
    styles: Sequence[str] | None = None,
    contents: Sequence[str] | None = None,
) -> Choice:
    """The choice behind the values of the page's inputs.

    Args:
        kind: `A`, `B` or `own`; the other arguments count for `own` only.
        rows: some of `offered_rows()`.
        styles, contents: names of the gallery's, or values that `accept_upload` gave; at most 8 each.

    Raises:
        RequestError, ImageError: one sentence for the visitor.
    """
    if kind != OWN:
        return of_appendix(kind, mode)
    _check_mode(mode)
    if not (rows and styles and contents):
        raise RequestError("Choose at least one model, one painting and one photo.")
    if len(styles) > MOST or len(contents) > MOST:
        raise RequestError(f"A grid has room for {MOST} photos, a choice for {MOST} paintings.")
    offered = offered_rows()
    if unknown := [row for row in rows if row not in offered]:
        have = ", ".join(offered)
        raise RequestError(f"There is no model named {short(unknown[0])}; choose from {have}.")
    models = tuple(row for row in offered if row in rows)
    pictures = _pictures(styles, paintings(), "painting")
    return Choice(kind, mode, pictures, models, _pictures(contents, photographs(), "photo"))


def of_appendix(kind: str, mode: str) -> Choice:
    """One of the report's appendices, A or B. Raises RequestError for another, or another mode."""
    _check_mode(mode)
    if kind not in APPENDICES:
        have = " or ".join(APPENDICES)
        raise RequestError(f"There is no appendix named {short(kind)}; choose {have}.")
    return Choice(kind, mode, STYLES, APPENDICES[kind].rows, CONTENTS)


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        raise RequestError(f"There is no mode named {short(mode)}; choose {' or '.join(MODES)}.")


def read(choice: Choice, style: Picture) -> Grid:
    """The grid of one of the styles: what was rendered for the gallery and what was painted since the page started."""
    return render.completed(read_grid(choice.mode, style, choice.rows, choice.contents))


def opening() -> Choice:
    """Appendix A in the mode of which the gallery has more; refined where it has both."""
    choices = [chosen("A", mode) for mode in reversed(MODES)]
    return max(choices, key=lambda choice: read(choice, choice.styles[0]).pictures)


def offered_rows() -> list[str]:
    """The rows of an own grid: trained models, then the reference methods that were rendered or can be painted here."""
    rendered = {path.parent.name for path in (paths.RENDERED / paths.REFERENCE).glob("*/*/*.jpg")}
    references = [name for name in REFERENCE_PAINTERS if name in rendered or not why_not(name)]
    return [*model_store().titles(), *references]


def accept_upload(value: Mapping[str, object]) -> tuple[str, str]:
    """(title, value) under which an uploaded picture can be chosen.

    Args:
        value: of a file, from an event with `preprocess=False`.

    Raises:
        ImageError: it is no picture that can be used.
    """
    path = uploaded(value) or ""
    checked_size(path)
    return Path(path).stem, path


def _pictures(values: Sequence[str], offered: Iterable[Picture], what: str) -> tuple[Picture, ...]:
    by_name = {picture.name: picture for picture in offered}
    found: list[Picture] = []
    for value in dict.fromkeys(values):
        picture = by_name.get(value) or _own_picture(value, what)
        others = {other.file for other in found} - {picture.file}
        if alike := sum(Path(file).stem == picture.title for file in others):
            picture = dataclasses.replace(picture, title=f"{picture.title} ({alike + 1})")
        found.append(picture)
    return tuple(found)


def _own_picture(value: str, what: str) -> Picture:
    path = uploaded({"path": value}) if Path(value).is_absolute() else None
    if path is None:
        raise RequestError(f"There is no {what} named {short(value)}.")
    name = f"{requests.file_name(path, '', '').split('__')[0]}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
    return Picture.own(name, Path(path))
