"""Events by name: a handler takes named values, and answers with a dictionary of named ones.

    def paint(request: gr.Request, photo: Upload, size: float) -> Iterator[Answer]:
        yield {"status": "Reading the photo…", "go": gr.Button(visible=False)}
        yield {"result": path}                                # what is not named stays as it is

    connect(go.click, paint, inputs={"photo": photo, "size": size}, outputs={"result": result, "status": status, "go": go})

A handler knows of no component, so that tests and other handlers call it with plain values.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency
from gradio.utils import is_prop_update

Answer = Mapping[str, Any]


def connect(
    listener: Callable[..., Dependency],
    handler: Callable[..., Any],
    inputs: Mapping[str, Block],
    outputs: Mapping[str, Block],
    **options: Any,
) -> Dependency:
    """Let an event call `handler(name=value, …)` and put its answers into the components of the same names.

    Args:
        listener: the event, such as `button.click`.
        handler: a function, or a generator function whose answers come one after another. A `gr.Request` or a
            `gr.EventData` comes first among its parameters.
        inputs: the component behind each of the handler's other parameters.
        outputs: the component behind each name that an answer may have.
        options: of the event, as Gradio has them.
    """

    def placed(answer: Answer) -> Any:
        return {outputs[name]: _own(value) for name, value in answer.items()} or gr.skip()

    @functools.wraps(handler)
    def call(*arguments: Any, **values: Any) -> Any:
        return placed(handler(*arguments, **values))

    @functools.wraps(handler)
    def follow(*arguments: Any, **values: Any) -> Iterator[Any]:
        with closing(handler(*arguments, **values)) as answers:
            yield from map(placed, answers)

    called = follow if inspect.isgeneratorfunction(handler) else call
    return listener(called, None, [*outputs.values()], inputs_kwargs=dict(inputs), **options)


def _own(value: Any) -> Any:
    """The value as Gradio may have it: it takes the content out of an update, which may be answered again."""
    return dict(value) if is_prop_update(value) else value
