"""What an event may hold, checked before its handler sees it: programs send whatever they like.

    check(fn.inputs, values)            # or gr.Error, one sentence which names the input and not what was sent

By the kind of the component: a number for a slider, a text for a text box, an uploaded file for a picture. What a number or a
name may be is for the handlers to say.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

MAX_NUMBER = 1e15
MAX_PATH = 4096  # characters


def check(components: Sequence[Any], values: Sequence[object]) -> None:
    """Raises gr.Error where there are too few or too many values, or one is of the wrong kind."""
    if len(values) != len(components):
        raise refusal(f"This takes {len(components)} values, and {len(values)} were sent.")
    for component, value in zip(components, values, strict=True):
        if value is None or component.stateful:
            continue
        wanted, is_right = _rule(component)
        if not is_right(value):
            label = getattr(component, "label", None)
            named = f'The value of "{label}"' if label else "A value"
            raise refusal(f"{named} must be {wanted}.")


def refusal(sentence: str) -> gr.Error:
    """A sentence for who sent a wrong request; nothing is logged."""
    return gr.Error(sentence, print_exception=False)


def is_number(value: object) -> bool:
    """Whether it is a finite number of a sensible size; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_NUMBER


def _is_text(value: object) -> bool:
    """Whether it is a text that can be written in UTF-8: JSON can hold halves of characters."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_file(value: object) -> bool:
    """Whether it has the form of an uploaded file, or of a picture in a data URL."""
    if not isinstance(value, Mapping):
        return False
    path, url = value.get("path"), value.get("url")
    if path is None:
        return isinstance(url, str)
    if not (isinstance(path, str) and _is_text(path) and isinstance(url, str | None)):
        return False
    return len(path) <= MAX_PATH and "\0" not in path


def _are_files(value: object) -> bool:
    return all(map(_is_file, value)) if isinstance(value, list) else _is_file(value)


def _is_choice(component: Any) -> Callable[[object], bool]:
    """Of choices that are numbers a number, of others a text; which ones there are changes while the page runs."""
    numbers = bool(component.choices) and all(is_number(choice) for _, choice in component.choices)
    one = is_number if numbers else _is_text
    if getattr(component, "multiselect", False) or isinstance(component, gr.CheckboxGroup):
        return lambda value: isinstance(value, list) and all(map(one, value))
    return one


def _rule(component: Any) -> tuple[str, Callable[[object], bool]]:
    """What an input of that kind must be, in words and as a function."""
    if isinstance(component, gr.Number | gr.Slider):
        return "a number", is_number
    if isinstance(component, gr.Checkbox):
        return "true or false", lambda value: isinstance(value, bool)
    if isinstance(component, gr.Dropdown | gr.Radio | gr.CheckboxGroup):
        return "one of its choices", _is_choice(component)
    if isinstance(component, gr.Textbox | gr.Code):
        return "a text", _is_text
    if isinstance(component, gr.File | gr.UploadButton):
        return "uploaded files", _are_files
    if isinstance(component, gr.Image | gr.Video):
        return "an uploaded file", _is_file
    return "what the page sends", lambda value: True
