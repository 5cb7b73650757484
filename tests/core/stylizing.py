"""What tests of `python -m core.stylize` share: its pictures, and a quick order."""

from pathlib import Path

from tests.conftest import draw_folder


def photos_and_paintings(folder: Path) -> tuple[Path, Path]:
    """`photos` (`0000.png`, `0001.png`) and `paintings` (`0050.png`, `0051.png`) in a folder; their paths."""
    draw_folder(folder / "photos", 2)
    draw_folder(folder / "paintings", 2, first_seed=50, size=(70, 70))
    return folder / "photos", folder / "paintings"


def quick(model: Path, pictures: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    """One photo at 40 px, paintings read at 48 px."""
    given = ["--content", str(pictures[0] / "0000.png"), "--model", str(model), "--out", str(out)]
    return [*given, "--size", "40", "--style-size", "48", *more]
