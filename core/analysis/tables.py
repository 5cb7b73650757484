"""CSV files as pandas tables: anyone's file, of which only the whole rows are read, with one
sentence for what is wrong in it.

    table = read_table(Path("log.csv"))       # text, a row for each whole line, by its number
    numbers = as_numbers(table, ["iteration", "loss"], "log.csv")     # float64, NaN where empty
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.analysis.curves import LogError

SHOWN_CHARACTERS = 40  # of a cell that holds no number


def read_table(path: Path) -> pd.DataFrame:
    """The whole rows of a CSV file as text,
    indexed by their line number (the columns' names are line 1).

    A file may be read while it is written: a last line that was cut off is left out. Of two columns
    of one name the first counts. UTF-8, with or without a byte order mark.

    Raises:
        LogError: it is no CSV file, or a row has another number of cells than there are columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        whole = text[: text.rfind("\n") + 1]
        reader = csv.reader(io.StringIO(whole, newline=""), strict=True)
        columns = next(reader, [])
        numbered = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(f'"{path.name}" is not a table of comma-separated values.') from error
    if numbered and len(numbered[-1][1]) != len(columns):
        numbered.pop()  # the line that was being written
    for line, row in numbered:
        if len(row) != len(columns):
            raise LogError(
                f'"{path.name}" has {len(row)} values in line {line}, where {len(columns)} belong.'
            )
    lines = [line for line, _ in numbered]
    rows = [row for _, row in numbered]
    table = pd.DataFrame(rows, lines, columns, dtype=object)
    return table.loc[:, ~table.columns.duplicated()]


def as_numbers(table: pd.DataFrame, columns: Sequence[str], file: str) -> pd.DataFrame:
    """Some columns of a `read_table` as float64, NaN where a cell is empty.

    Args:
        file: its name, for the reader of an error.

    Raises:
        LogError: a cell holds something else.
    """
    text = table[list(columns)].replace("", "nan")
    try:
        return text.astype(float)
    except ValueError:
        cells = ((line, cell) for line, row in text.iterrows() for cell in row)
        line, cell = next((line, cell) for line, cell in cells if not is_number(cell))
        shown = cell[:SHOWN_CHARACTERS]
        said = f'"{file}" has {shown!r} in line {line}, where a number belongs.'
        raise LogError(said) from None


def is_number(text: str) -> bool:
    """Whether Python reads a text as a float; `nan` is one."""
    try:
        float(text)
    except ValueError:
        return False
    return True
