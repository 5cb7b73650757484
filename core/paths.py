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


def checkpoints_folder(package: Path = PACKAGE) -> Path:
    """The folder of the shipped models and encoders; it is not checked whether it exists."""
    return package.parent / "checkpoints" if is_clone(package) else package / "checkpoints"


def work_folder(package: Path = PACKAGE) -> Path:
    """The folder that results of training and rendering go to by default."""
    return package.parent if is_clone(package) else Path.cwd()


CHECKPOINTS = checkpoints_folder()
WORK = work_folder()
GALLERY = PACKAGE.parent / "gallery"  # the pictures that are shipped; there may be none
