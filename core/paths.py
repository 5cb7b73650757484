"""Where files are read from and written to: in a clone and after `pip install`.

    CHECKPOINTS / "flagship" / "model.json"     # a shipped model
    WORK / "runs"                               # a training that runs

| | in a clone, or after `pip install -e .` | after `pip install .` |
|---|---|---|
| `CHECKPOINTS` | `checkpoints/` of the clone | `core/checkpoints/` among the installed packages |
| `WORK` | the clone | the folder that the command is called in |

An installed program so never writes among the installed packages.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent  # the folder core/


def is_clone(package: Path = PACKAGE) -> bool:
    """Whether this folder `core/` lies in a clone of the repository, beside its pyproject.toml."""
    return (package.parent / "pyproject.toml").is_file()


def folders(package: Path = PACKAGE) -> tuple[Path, Path]:
    """The folder of the shipped models and encoders, which need not exist, and the one that results of
    training and rendering go to by default.
    """
    if is_clone(package):
        return package.parent / "checkpoints", package.parent
    return package / "checkpoints", Path.cwd()


CHECKPOINTS, WORK = folders()
GALLERY = PACKAGE.parent / "gallery"  # the pictures that are shipped; there may be none
