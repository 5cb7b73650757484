"""Imports run one way: images -> models -> inference -> metrics -> training -> analysis, baselines -> the rest of
core -> gallery -> demo."""

import ast
import re
from pathlib import Path

import pytest

from core.program import first_paragraph

ROOT = Path(__file__).parents[1]
# Every package may import from those on the lines above its own, and from itself.
ORDER = (
    ("core.files", "core.paths", "core.runtime", "core.commandline"),
    ("core.images",),
    ("core.models",),
    ("core.inference",),
    ("core.settings",),
    ("core.metrics",),
    ("core.training",),
    ("core.analysis", "core.baselines"),
    ("core",),  # the face and the commands
    ("gallery",),
    ("demo",),
    ("app", "tests"),
)


def floor(module: str) -> int:
    """The line of `ORDER` that a module stands on; the longest prefix counts."""
    floors = {
        len(prefix): number
        for number, prefixes in enumerate(ORDER)
        for prefix in prefixes
        if module == prefix or module.startswith(prefix + ".")
    }
    return floors[max(floors)]


def imported(path: Path) -> set[str]:
    """The project's modules that a file imports, anywhere in it: also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            # `from core import train` names a module, `from core.files import write_atomic` a symbol
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name for name in names if is_module(name)}
    return {name for name in found if name.split(".")[0] in ("core", "gallery", "demo", "app")}


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def modules() -> list[Path]:
    folders = ("core", "gallery", "demo")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    own = name_of(path)
    upward = sorted(name for name in imported(path) if floor(name) > floor(own))
    assert not upward, f"{own} imports {', '.join(upward)}, which stand above it"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_packages_beside_each_other_stay_apart(path: Path) -> None:
    """core.analysis knows nothing of core.baselines, nor the other way round; nor one tab of another."""
    own = name_of(path)
    beside = [prefix for prefix in ORDER[floor(own)] if not own.startswith(prefix)]
    mixed = [name for name in imported(path) if any(name.startswith(other) for other in beside)]
    if own.startswith("core.") and floor(own) == 0:
        mixed = []
    tabs = [path.name for path in (ROOT / "demo").iterdir() if (path / "__init__.py").is_file()]
    if own.startswith("demo.") and own.split(".")[1] in tabs:
        below = {"i18n"} if own.startswith("demo.i18n") else {"i18n", "server"}
        below |= set() if own.startswith(("demo.i18n", "demo.server")) else {"shared"}
        others = set(tabs) - {own.split(".")[1], *below}
        mixed += [n for n in imported(path) if n.startswith("demo.") and n.split(".")[1] in others]
    assert not mixed, f"{own} imports {', '.join(sorted(mixed))}"


def test_the_order_sees_an_import_that_runs_upward(tmp_path: Path) -> None:
    """The test's own eyes: an import inside a function counts, and a package's face stands above its rooms."""
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from gallery.pictures import CONTENTS\n    return CONTENTS\n")
    assert "gallery.pictures" in imported(file)
    assert floor("gallery.pictures") > floor("core.images.find")
    assert floor("core.train") > floor("core.training.trainer") > floor("core.models.encoder")


def test_what_help_says_of_a_command_is_whole() -> None:
    named = re.compile(r"(command|command_parser|first_paragraph)\(.*__doc__[,)]")
    commands = [path for path in modules() if named.search(path.read_text("utf-8"))]
    assert len(commands) > 10
    for path in (*commands, ROOT / "app.py"):
        said = first_paragraph(ast.get_docstring(ast.parse(path.read_text("utf-8"))))
        assert said.rstrip(")").endswith((".", "迁移")), f"{path}: {said}"
    assert first_paragraph("One sentence\nin two lines.\n\nMore.") == "One sentence in two lines."
