"""MetaStyle as one program and as one module, wherever it is installed.

metastyle                                       # lists the commands
metastyle stylize --content photo.jpg --style painting.jpg
metastyle-demo --port 8000                      # the page

import metastyle
model = metastyle.from_pretrained("flagship")   # all names of core/__init__.py
"""

from collections.abc import Sequence
from typing import Any

import core

if "from_pretrained" not in getattr(core, "__all__", ()):
    raise ImportError(
        f"MetaStyle needs its own package core, and {core.__file__} is another of that name, which Python finds first; "
        "start elsewhere, take it out of PYTHONPATH, or install MetaStyle in an environment of its own."
    )

from core.__main__ import COMMANDS as OF_CORE
from core.program import Command, Program

ABOUT = """MetaStyle: a network looks at a painting and writes another, which repaints photos.
The page is another program: metastyle-demo."""
FIRST = ("stylize", "video", "train", "export")
COMMANDS = {
    **{name: OF_CORE[name] for name in FIRST},
    "gallery": Command("gallery.build:main", "render the gallery's grids, or those of your own"),
    "report": Command("gallery.report:main", "test the report's claims on the gallery's grids"),
    **{name: command for name, command in OF_CORE.items() if name not in FIRST},
}


def __getattr__(name: str) -> Any:
    """The names of `core` are names of this module too."""
    if name not in core.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(core, name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program `metastyle`; returns the command's exit code."""
    return Program("metastyle", ABOUT, COMMANDS).main(arguments)


def demo(arguments: Sequence[str] | None = None) -> int:
    """The program `metastyle-demo`: serves the page until it is interrupted."""
    from app import main as serve

    return serve(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
