"""What leaves the server, in the visitor's language: the page itself, and the answers to its events.

    config = page_in(config, "zh")                          # what Gradio's page starts from
    data = answer_in(block_fn.outputs, data, "zh")          # what a handler gave

Handlers and layouts are written in English alone, and programs read English. Gradio's own I18n would translate labels
in the browser, but of texts that are not marked it misses those that are there before its language file, marked ones
stand as marks in the API's documentation, and what components show it does not translate at all. So `I18N` only takes
to the browser what is looked up there: texts of the page's scripts, and words that Gradio has in English alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from demo.i18n.catalogue import (
    ENGLISH,
    LANGUAGES,
    TAGS,
    in_browser,
    translate,
    translate_all,
    translate_html,
)

I18N = gr.I18n(**{TAGS[language]: in_browser(language) for language in LANGUAGES})
TEXTS = ("label", "info", "placeholder", "title")  # of a component, beside its value and choices


def page_in(config: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Gradio's configuration of a page with what its components show in that language."""
    if language == ENGLISH:
        return {**config, "i18n_translations": None}
    components = [_component_in(component, language) for component in config["components"]]
    return {**config, "components": components}


def _component_in(component: Mapping[str, Any], language: str) -> dict[str, Any]:
    kind = component["type"]
    props = _props_in(kind, component["props"], language)
    if kind == "html":
        props["html_template"] = translate_html(props["html_template"], language)
        props["props"] = translate_all(props.get("props") or {}, language)
    return {**component, "props": props}


def _props_in(kind: str, props: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A component's properties, or those of them that an event changes."""
    known = dict(props)
    for name in TEXTS:
        if isinstance(known.get(name), str):
            known[name] = translate(known[name], language)
    if known.get("choices"):
        known["choices"] = [[translate(str(text), language), it] for text, it in known["choices"]]
    if "value" in known:
        known["value"] = shown_in(kind, known["value"], language)
    return known


def answer_in(outputs: Sequence[Any], data: Sequence[Any], language: str) -> list[Any]:
    """What a handler gave, one item for each of the components `outputs`."""
    if language == ENGLISH:
        return list(data)
    kinds = [component.get_block_name() for component in outputs]
    return [_item_in(kind, item, language) for kind, item in zip(kinds, data, strict=True)]


def _item_in(kind: str, item: Any, language: str) -> Any:
    if isinstance(item, Mapping) and item.get("__type__") == "update":
        return _props_in(kind, item, language)
    return shown_in(kind, item, language)


def shown_in(kind: str, value: Any, language: str) -> Any:
    """What a component of that kind shows; what it holds for handlers (a choice, a number, a text field) stays."""
    shown = SHOWN.get(kind)
    return value if shown is None or value is None else shown(value, language)


def _html(value: Any, language: str) -> Any:
    if isinstance(value, str):
        return translate_html(value, language)
    return translate_all(value, language)


def _pictures(value: Any, language: str) -> Any:
    """Of a gallery: the captions."""
    return [
        {**picture, "caption": translate(picture["caption"], language)}
        if isinstance(picture, Mapping) and picture.get("caption")
        else picture
        for picture in value
    ]


def _plot(value: Any, language: str) -> Any:
    """Of Plotly's: titles, axes, legends, hover texts."""
    if not isinstance(value, Mapping) or value.get("type") != "plotly":
        return value
    return {**value, "plot": json.dumps(figure_in(json.loads(value["plot"]), language))}


def figure_in(figure: Any, language: str) -> Any:
    """A Plotly figure's JSON with all its words, which leaves its numbers alone."""
    if isinstance(figure, str):
        in_one_line = figure.replace("<br>", " ")  # a title may be set in two
        known = translate(in_one_line, language)
        # Of a title, what it lists may be set apart in tags of its own.
        return translate_html(known if known != in_one_line else figure, language)
    if isinstance(figure, Mapping):
        if "bdata" in figure:  # numbers, packed
            return figure
        return {key: figure_in(part, language) for key, part in figure.items()}
    if isinstance(figure, list) and figure and not isinstance(figure[0], int | float):
        return [figure_in(part, language) for part in figure]
    return figure


SHOWN: dict[str, Callable[[Any, str], Any]] = {
    "html": _html,
    "gallery": _pictures,
    "plot": _plot,
    "button": lambda value, language: translate(str(value), language),
}
