"""HTML from templates: files beside their tab, in which every value is escaped.

    render("report.html", sections=sections)        # demo/report.html
    macros("shared/messages.html").caption("Chelsea the cat")
    component("many/sheet", elem_id="sheet")        # demo/many/sheet.html and, for what it does, demo/many/sheet.js

The filter `inline` marks up plain text: what stands between backticks is code, between asterisks stressed; `chinese` marks a
name in brackets.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape


def inline(text: str) -> Markup:
    """Plain text as HTML, with `code` and *stress*."""
    marked = re.sub("`(.+?)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*(.+?)\*", r"<em>\1</em>", marked))


def chinese(text: str) -> Markup:
    """A title as HTML; its Chinese name, in brackets, is marked as Chinese."""
    return Markup(re.sub(r"\((.+)\)", r'<span lang="zh">\1</span>', str(escape(text))))


FOLDER = Path(__file__).parents[1]
ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
ENVIRONMENT.filters |= {"inline": inline, "chinese": chinese}


def render(name: str, /, **values: Any) -> str:
    """The template of that path under demo/, filled with the values."""
    return ENVIRONMENT.get_template(name).render(values)


@cache
def macros(name: str) -> Any:
    """The macros of a template, as functions that return safe HTML."""
    return ENVIRONMENT.get_template(name).module


def component(
    name: str, value: Any = None, words: Mapping[str, Any] | None = None, **options: Any
) -> gr.HTML:
    """A component of our own, whose template and script are demo/`name`.html and demo/`name`.js.

    Args:
        words: what the template is filled with.
        options: of `gr.HTML`; others are properties for the script.
    """
    script = (FOLDER / f"{name}.js").read_text("utf-8")
    own = {"html_template": render(f"{name}.html", **(words or {})), "js_on_load": script}
    return gr.HTML(value, apply_default_css=False, **(own | options))
