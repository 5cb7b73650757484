"""The tab Report: each claim of the report beside what was measured, and whether it holds.

    with gr.Tab("Report"):
        build()

Shows gallery/report.json, which `python -m gallery.report` writes; nothing is computed here. The endpoint /report gives
the same to programs (`gradio_client`).
"""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gradio as gr

from core.metrics.paired_test import FAILS, HOLDS, UNKNOWN
from demo.shared import messages
from gallery import report as written
from gallery.claims.finding import NOT_YET, Claim, Finding, Section
from gallery.grids.results import title_of
from gallery.report import AVERAGES, CHANGE, INTRODUCTION, SHOWN, Report, number, title_of_column

MISSING = "There is no report yet: run `python -m gallery.report`, then start the page again."
MARKS = {
    HOLDS: ("holds", "✓"),
    FAILS: ("fails", "✗"),
    UNKNOWN: ("unknown", "?"),
    NOT_YET: ("not-yet", "…"),
}


def read() -> Report | None:
    """The report as it was written, None where there is none that can be read."""
    try:
        return written.from_json(written.DATA.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def report() -> dict[str, Any]:
    """The report: sections with claims, each with its tests (case, verdict, the values in words and as numbers, the paired test,
    pairs), and averages by mode, model
    and measure. Verdicts are "holds", "does not hold", "cannot be told" and "not measured yet"; empty without a report.
    """
    found = read()
    return json.loads(written.to_json(found)) if found else {}


def page(found: Report) -> str:
    """The whole report as HTML."""
    parts = [f'<p class="lead">{_inline(INTRODUCTION)}</p>', _tally(found.verdicts())]
    parts += [_section(section) for section in found.sections]
    return f'<article class="claims">{"".join(parts)}{_averages(found)}</article>'


def _tally(verdicts: Mapping[str, int]) -> str:
    """How many tests ended how, as large figures."""
    items = (
        f'<li class="{MARKS[verdict][0]}"><b>{count}</b> {html.escape(verdict)}</li>'
        for verdict, count in verdicts.items()
    )
    return f'<ul class="tally" aria-label="Tests by their outcome">{"".join(items)}</ul>'


def _section(section: Section) -> str:
    title = re.sub(r"\((.+)\)", r'<span lang="zh">\1</span>', html.escape(section.title))
    claims = "".join(map(_claim, section.claims))
    return f"<section><h2>{title}</h2><p>{_inline(section.text)}</p>{claims}</section>"


def _claim(claim: Claim) -> str:
    done = [finding for finding in claim.findings if finding.verdict != NOT_YET]
    waiting = [finding for finding in claim.findings if finding.verdict == NOT_YET]
    body = f'<ul class="tests">{"".join(map(_finding, done))}</ul>' if done else ""
    if waiting:
        count = f"{len(waiting)} {'test' if len(waiting) == 1 else 'tests'} not measured yet"
        lines = "".join(f"<li>{_inline(f.case)}: {_inline(f.text)}</li>" for f in waiting)
        body += f"<details><summary>{count}</summary><ul>{lines}</ul></details>"
    return (
        f"<section class='claim'><h3>{_inline(claim.says)}</h3>"
        f'<p class="how"><i>{_inline(claim.where)}</i> Measured: {_inline(claim.how)}.</p>{body}</section>'
    )


def _finding(finding: Finding) -> str:
    """Verdict, case and the two values; behind them what the test found."""
    name, mark = MARKS.get(finding.verdict, ("unclaimed", "·"))
    more = f'<span class="test">{_inline(finding.tested)}</span>' if finding.tested else ""
    return (
        f'<li><span class="verdict {name}"><span aria-hidden="true">{mark}</span> {html.escape(finding.verdict)}</span>'
        f'<span class="case">{_inline(finding.case)}</span><span class="values">{_inline(finding.text)}</span>{more}</li>'
    )


def _averages(found: Report) -> str:
    columns = [*SHOWN, CHANGE]
    heads = ["model", *map(title_of_column, columns)]
    parts = ["<section><h2>Averages</h2>", f"<p>{_inline(AVERAGES)}</p>"]
    for mode, rows in found.averages.items():
        parts.append(f"<h3>{html.escape(mode.capitalize())}</h3>")
        body = [
            [title_of(row), *(number(means.get(name)) for name in columns)]
            for row, means in rows.items()
        ]
        parts.append(_table(heads, body) if body else "<p>No picture has been rendered yet.</p>")
    return "".join([*parts, "</section>"])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(f"<td>{html.escape(cell)}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _inline(text: str) -> str:
    """Plain text as HTML; what stands between backticks is code, between asterisks stressed."""
    return re.sub(
        r"\*(.+?)\*", r"<em>\1</em>", re.sub("`(.+?)`", r"<code>\1</code>", html.escape(text))
    )


def build() -> None:
    """Lay the tab out; call inside `gr.Blocks`."""
    found = read()
    gr.HTML(page(found) if found else messages.notice(MISSING), elem_id="report")
    if found and written.MARKDOWN.is_file():
        gr.DownloadButton("Download as Markdown", str(written.MARKDOWN), elem_id="report-download")
    gr.api(report, api_name="report", queue=False)
