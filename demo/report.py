"""The tab Report: each claim of the report beside what was measured, and whether it holds.

    with gr.Tab("Report"):
        build()

Shows gallery/report.json, which `python -m gallery.report` writes; nothing is computed here. The endpoint /report gives
the same to programs (`gradio_client`).
"""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from core.metrics.paired_test import FAILS, HOLDS, UNKNOWN
from demo.i18n.catalogue import ENGLISH, translate
from demo.i18n.language import language_of
from demo.shared import messages
from demo.shared.templates import render
from demo.shared.uploads import file_of
from demo.shared.widgets import DOWNLOAD, QUIET
from gallery import report as written
from gallery.claims.finding import NOT_YET, Finding
from gallery.report import AVERAGES, INTRODUCTION, Report, averages_table

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
    pairs), and averages by mode, model and measure. Verdicts are "holds", "does not hold", "cannot be told", "not measured yet"
    and, of what stands beside a claim, "not claimed"; empty without a report.
    """
    found = read()
    return json.loads(written.to_json(found)) if found else {}


def page(found: Report) -> str:
    """The whole report as HTML: all claims in one table, then each with its tests, folded where there are many."""
    averages = {mode: averages_table(rows) for mode, rows in found.averages.items()}
    return render(
        "report.html",
        introduction=INTRODUCTION,
        tally=found.verdicts(),
        marks=MARKS,
        not_yet=NOT_YET,
        sections=found.sections,
        tallied=tallied,
        averages_text=AVERAGES,
        averages=averages,
    )


def tallied(findings: Sequence[Finding]) -> str:
    """How many tests ended how: "2 hold, 1 does not hold"."""
    counts = Counter(finding.verdict for finding in findings)
    words = {HOLDS: ("holds", "hold"), FAILS: ("does not hold", "do not hold")}
    parts = []
    for verdict in (*MARKS, *(counts.keys() - MARKS.keys())):
        if count := counts[verdict]:
            one, many = words.get(verdict, (verdict, verdict))
            parts.append(f"{count} {one if count == 1 else many}")
    return ", ".join(parts)


def markdown_file(found: Report, request: gr.Request) -> str:
    """The report as Markdown in the visitor's language, a file that the page may serve."""
    language = language_of(request)
    name = written.MARKDOWN.name if language == ENGLISH else f"REPORT.{language}.md"
    text = written.markdown(found, partial(translate, language=language))
    return file_of(name, text.encode())


def build() -> None:
    """Lay the tab out; call inside `gr.Blocks`."""
    found = read()
    gr.HTML(page(found) if found else messages.notice(MISSING), elem_id="report")
    if found:
        button = gr.Button("Download as Markdown", elem_id="report-download")
        file = gr.File(visible=False)

        def take(request: gr.Request) -> str:
            return markdown_file(found, request)

        button.click(take, None, file, **QUIET).success(None, file, None, js=DOWNLOAD)
    gr.api(report, api_name="report", queue=False)
