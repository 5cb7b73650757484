"""HTML from templates: files beside their tab, in which every value is escaped.

    render("report.html", sections=sections)        # demo/report.html
    macros("shared/messages.html").caption("Chelsea the cat")
    component("many/sheet", elem_id="sheet")        # demo/many/sheet.html and, for what it does, its script in COMPONENTS

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
# The scripts of our own components, by the component's name. They come with the page's head, each once: a page has two dozen
# places for a picture, and Gradio sends what is in `js_on_load` anew for each of them.
COMPONENTS: dict[str, tuple[str, ...]] = {
    "many/sheet": ("many/sheet.js",),
    "shared/before_after": ("shared/before_after.js",),
    "shared/mask": ("shared/mask.js",),
    "shared/mixing": ("shared/mixing.js",),
    "shared/picture_place": ("shared/picture_place.js", "shared/picture_crop.js"),
    "transfer/history": ("transfer/history.js",),
}
GIVEN = "element, trigger, props, server, upload, watch"  # by Gradio, to what runs on load
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
    """A component of our own, whose template is demo/`name`.html; its script is in COMPONENTS.

    Args:
        words: what the template is filled with.
        options: of `gr.HTML`; others are properties for the script.
    """
    own = {"html_template": render(f"{name}.html", **(words or {})), "js_on_load": on_load(name)}
    return gr.HTML(value, apply_default_css=False, **(own | options))


@cache
def script_of(name: str) -> str:
    """The script of one of our own components, as it runs for each place that has one."""
    return "\n".join((FOLDER / file).read_text("utf-8") for file in COMPONENTS[name])


def component_scripts() -> str:
    """A script for the page's head, from which each component takes its own."""
    scripts = (
        f"window.ownComponents[{name!r}] = ({GIVEN}) => {{\n{script_of(name)}}};"
        for name in COMPONENTS
    )
    return "\n".join(["window.ownComponents = {};", *scripts])


def on_load(name: str) -> str:
    """What a component runs once it is on the page. Gradio lets a handler listen to those events alone whose names stand
    between quotes in it, so they are told in a comment.
    """
    events = sorted(set(re.findall(r'trigger\("(\w+)"', script_of(name))))
    told = ", ".join(f'"{event}"' for event in events) or "none"
    return f"window.ownComponents[{name!r}]({GIVEN}); // its events: {told}"
