"""Files for a zip: names that differ everywhere, and the zip itself, whole or not at all."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from core.files import distinct_name, replacing


def unlike(name: str, names: set[str]) -> str:
    """The name, with a number after its first part where it is among `names`, to which it is added.

    Names that differ in case alone count as the same, as they do in folders of Windows and macOS.
    """
    content, separator, rest = name.partition("__")
    return distinct_name(content, separator + rest, names)


def zip_file(files: Sequence[str], path: str | Path) -> None:
    """Put files into a zip, without their folders: it is there whole, or not at all.

    Raises:
        OSError: a file cannot be read, or the zip not written.
    """
    with (
        replacing(Path(path)) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for file in files:  # stored: PNG does not get smaller
            archive.write(file, Path(file).name)
