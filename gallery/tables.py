"""The tables in the READMEs, written from the models' cards, the held-out losses and report.json.

    python -m gallery.tables            # after gallery.report: fills the tables in
    python -m gallery.tables --check    # changes nothing; exit code 1 where a table is out of date

A README marks where a table belongs; what stands between the marks is replaced:

    <!-- begin table models -->
    <!-- end table -->
"""

import re
from collections.abc import Sequence
from pathlib import Path

from core.commandline import run_command
from core.files import write_atomic
from core.program import command_parser
from gallery.pictures import FOLDER
from gallery.readme_tables import TABLES, TableError
from gallery.report import markdown_table

ROOT = FOLDER.parent
READMES = (
    ROOT / "README.md",
    ROOT / "checkpoints" / "README.md",
    ROOT / "core" / "analysis" / "README.md",
    ROOT / "gallery" / "README.md",
)
MARKED = re.compile(r"(<!-- begin table ([\w-]+) -->\n)(.*?)(<!-- end table -->)", re.DOTALL)
BEGIN = "<!-- begin table "


def fill(text: str, file: str) -> str:
    """A README with its tables as they are now.

    Args:
        file: its name, for the reader of an error.

    Raises:
        TableError: a mark names no table, or has no end.
    """

    def filled(found: re.Match[str]) -> str:
        begin, name, _, end = found.groups()
        if name not in TABLES:
            have = ", ".join(TABLES)
            raise TableError(f"{file} asks for a table {name}, and there are: {have}.")
        rows = TABLES[name]()
        if not rows:
            raise TableError(f"{file} asks for a table {name}, which has no rows yet.")
        lines = markdown_table([*rows[0]], (row.values() for row in rows))
        return f"{begin}{chr(10).join(lines)}\n{end}"

    if text.count(BEGIN) != len(MARKED.findall(text)):
        raise TableError(f"{file} has a table that begins and does not end.")
    return MARKED.sub(filled, text)


def work(check: bool) -> int:
    """Fill in the tables, or with `check` only say what would change; returns the exit code."""
    stale = 0
    for path in READMES:
        before = path.read_text(encoding="utf-8")
        after = fill(before, _name(path))
        if after == before:
            continue
        stale += 1
        if not check:
            write_atomic(path, after.encode())
        print(f"{_name(path)} {'is out of date' if check else 'written'}")
    return 1 if check and stale else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 0 done, 1 not possible or, checked, out of date."""
    parser = command_parser("gallery.tables", __doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, say what would change"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: work(options.check))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


if __name__ == "__main__":
    raise SystemExit(main())
