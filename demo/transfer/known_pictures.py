"""Which of the gallery's pictures a file is, by its SHA-256.

known_picture(Source.of(path).sha256)            # a Picture, or None for a visitor's own
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from core.images.library import Picture, paintings, photographs
from core.provenance import Source
from demo.shared import messages
from demo.shared.uploads import label_of, uploaded


def gallery_digests() -> dict[str, Picture]:
    """SHA-256 -> picture, for those of the gallery that are there."""
    return {
        _digest(picture.path(), picture.path().stat().st_mtime_ns): picture
        for picture in (*photographs(), *paintings())
        if picture.path().is_file()
    }


@lru_cache(maxsize=512)
def _digest(path: Path, changed: int) -> str:
    return Source.of(path).sha256


def known_picture(digest: str) -> Picture | None:
    """The gallery's picture with this SHA-256."""
    return gallery_digests().get(digest)


def note_of(value: Mapping[str, object] | None) -> str:
    """The line under a place that holds this. Raises ImageError where the file is no longer kept."""
    path = uploaded(value)
    if path is None:
        return ""
    picture = known_picture(Source.of(path).sha256)
    name = str((value or {}).get("orig_name") or Path(path).name)
    return messages.caption(label_of(picture) if picture else name)
