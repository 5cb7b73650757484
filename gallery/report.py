"""What the report says, what was measured, what holds: REPORT.md, and the tab Report's data.

    python -m gallery.report                 # after gallery.build and gallery.timing: writes REPORT.md and report.json

Claims about pictures are tested in `gallery.claims.pictures`, about time and size in
`gallery.claims.costs`, about weight growth in `gallery.claims.growth`. A claim that fails is shown
as failing; one whose models or cells are missing says what it needs.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.commandline import run_command
from core.files import check_output, write_atomic
from core.metrics.features import MEASURES, average
from core.metrics.paired_test import ALPHA, FAILS, HOLDS, MIN_EFFECT, UNKNOWN
from core.paths import WORK
from core.program import command_parser, path_of
from gallery.claims.costs import cost_section
from gallery.claims.finding import NOT_YET, Finding, Section
from gallery.claims.growth import growth_section
from gallery.claims.numbers import Numbers
from gallery.claims.pictures import MIN_CHANGE, picture_sections
from gallery.grids.paths import MODES, mode_of
from gallery.grids.results import title_of, title_of_measure
from gallery.pictures import CONTENTS, FOLDER, STYLES
from gallery.timing import TIMINGS

MARKDOWN, DATA = FOLDER / "REPORT.md", FOLDER / "report.json"
FIGURES = 9  # significant digits of the numbers in report.json
VERDICTS = (HOLDS, FAILS, UNKNOWN, NOT_YET)
SHOWN = (
    "gram_share",
    "mean_std_share",
    "content_share",
    "ssim",
    "specks",
    "color_distance",
    "accent_recall",
    "sharpness",
)
CHANGE = "Change with the painting, RMS of 255"
HEADS = ("case", "measured", "pairs", "verdict")  # of the tables of tests in REPORT.md
INTRODUCTION = (
    f"Each claim of the report beside what was measured here: on up to {len(CONTENTS) * len(STYLES)} pairs of the gallery's "
    f"{len(CONTENTS)} photos and {len(STYLES)} paintings, at 256 px, once with instant pictures (one MetaNet pass) and once "
    "with refined ones (20 batches on the painting, the report's own way). Pairs are tested by Wilcoxon's signed-rank test "
    f"with the rank-biserial correlation as effect: a claim holds, or does not, where p < {ALPHA:g} and the effect is at least "
    f"{MIN_EFFECT:g} either way; else it cannot be told. A model whose pictures of one photo hardly differ from painting to "
    f"painting (by less than {MIN_CHANGE:g} of 255, last table) has fewer than 64 different pictures: then the verdict must also "
    "hold over the photos alone, and over the paintings alone. One run of each model was trained, and tests over pairs know "
    "nothing of how much another run would differ."
)
AVERAGES = (
    "Means over all pairs, of ratios geometric ones. *Left* is the share of the distance between photo and painting that "
    "remains: 0 is the painting's own value, 1 the photo's. The last column is how much two paintings' pictures of one "
    f"photo differ; below {MIN_CHANGE:g}, the model hardly looked at the painting."
)


Averages = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Report:
    """All that the report says.

    Attributes:
        sections: the claims.
        averages: mode -> row -> measure, or `CHANGE` -> mean over pairs, None where there is none.
    """

    sections: tuple[Section, ...]
    averages: dict[str, Averages]

    def verdicts(self) -> dict[str, int]:
        """How many tests ended how."""
        claims = [claim for section in self.sections for claim in section.claims]
        found = Counter(finding.verdict for claim in claims for finding in claim.findings)
        return {verdict: found[verdict] for verdict in VERDICTS}


def measured(numbers: Numbers | None = None, timings: Path = TIMINGS) -> Report:
    """The report of what lies in the gallery, in the logs and in timings.json.

    Its figures are those of report.json: three digits of what was rounded before may be others.
    """
    numbers = numbers or Numbers()
    sections = (*picture_sections(numbers), cost_section(timings), growth_section())
    return from_json(to_json(Report(sections, averages(numbers))))


def averages(numbers: Numbers) -> dict[str, Averages]:
    """Mode -> row -> measure -> mean, to three digits, of every row with any measurements."""
    found = {}
    for mode in MODES:
        rows = {row: mode_of(row, mode) for row in numbers.rows if numbers.rendered(mode, row)}
        found[mode] = {row: _row_averages(numbers, place, row) for row, place in rows.items()}
    return found


def _row_averages(numbers: Numbers, mode: str, row: str) -> dict[str, float | None]:
    means = {name: average(name, numbers.values(mode, row, name).tolist()) for name in SHOWN}
    means[CHANGE] = numbers.change_with_style(mode, row)
    return {
        name: None if math.isnan(value) else float(f"{value:.3g}") for name, value in means.items()
    }


def to_json(report: Report) -> str:
    """The report as JSON, for `from_json` and the tab Report.

    Figures carry `FIGURES` digits: the last ones of a sum differ from processor to processor.
    """
    return json.dumps(_rounded(asdict(report)), indent=1, ensure_ascii=False)


def _rounded(value: Any) -> Any:
    """JSON values with every float, at any depth, rounded to `FIGURES` significant digits."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.{FIGURES}g}") if isinstance(value, float) else value


def from_json(text: str) -> Report:
    """What `to_json` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        return TypeAdapter(Report).validate_json(text)
    except ValidationError as error:
        raise ValueError("this is not the data of a report") from error


def title_of_column(name: str) -> str:
    """Of a measure: its title with its unit; `CHANGE` as it is."""
    return title_of_measure(name) if name in MEASURES else name


def summary(report: Report) -> str:
    """How many tests ended how, in a sentence."""
    counts = report.verdicts()
    ended = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return f"{sum(counts.values())} tests. {ended}."


def markdown(report: Report, say: Callable[[str], str] = str) -> str:
    """The text of REPORT.md.

    Args:
        say: gives each English text in the language of the reader; by default as it is.
    """
    lines = [f"# {say('What the report says, and what was measured')}"]
    for paragraph in ("Generated by `python -m gallery.report`.", INTRODUCTION, summary(report)):
        lines += ["", say(paragraph)]
    for section in report.sections:
        lines += ["", f"## {say(section.title)}", "", say(section.text)]
        for claim in section.claims:
            how = f"*{claim.where}.* Measured: {claim.how}."
            lines += ["", f"### {say(claim.says)}", "", say(how), ""]
            lines += markdown_table(map(say, HEADS), (_cells(it, say) for it in claim.findings))
    lines += ["", f"## {say('Averages')}", "", say(AVERAGES)]
    for mode, rows in report.averages.items():
        lines += ["", f"### {say(mode.capitalize())}", ""]
        if not rows:
            lines += [say("No picture has been rendered yet.")]
            continue
        heads, table = averages_table(rows)
        lines += markdown_table(map(say, heads), (map(say, row) for row in table))
    return "\n".join(lines) + "\n"


def averages_table(rows: Averages) -> tuple[list[str], list[list[str]]]:
    """A mode's averages as heads and lines of text."""
    columns = (*SHOWN, CHANGE)
    lines = []
    for row, means in rows.items():
        lines.append([title_of(row), *(number(means.get(name)) for name in columns)])
    return ["model", *map(title_of_column, columns)], lines


def number(value: float | None) -> str:
    """Three significant digits, a dash for none."""
    return "–" if value is None else f"{value:.3g}"


def _cells(finding: Finding, say: Callable[[str], str]) -> list[str]:
    pairs = "–" if finding.pairs is None else str(finding.pairs)
    verdict = say(finding.verdict)
    verdict = verdict if finding.verdict == NOT_YET else f"**{verdict}**"
    return [say(finding.case), say(finding.sentence), pairs, verdict]


def markdown_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    heads = list(heads)
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def work(out: Path) -> int:
    """Measure, and write both files into a folder; returns the exit code."""
    check_output(out / DATA.name)
    check_output(out / MARKDOWN.name)
    report = measured()
    write_atomic(out / DATA.name, to_json(report).encode())
    write_atomic(out / MARKDOWN.name, markdown(report).encode())
    print(f"{out / MARKDOWN.name}: {summary(report)}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = command_parser("gallery.report", __doc__)
    default = WORK / "gallery"
    parser.add_argument(
        "--out", type=path_of, default=default, help="folder (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: work(options.out))


if __name__ == "__main__":
    raise SystemExit(main())
