"""A GPU for as long as a picture takes, on a Hugging Face Space with ZeroGPU; elsewhere the program's own device.

    result = stylize_instantly(photo, paintings, settings, masks, outside)

ZeroGPU lends a GPU to functions under `@spaces.GPU`, which it runs in a process of their own: what goes in and what
comes out is pickled, and nothing can be said to the function meanwhile. Instant pictures go that way. Refining shows
drafts and can be stopped, so it stays on the CPU.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr
import torch

from core.pipeline import stylize_image
from core.result import StylizeResult

try:
    import spaces
except ImportError:
    spaces = None

SECONDS = 20  # that a visitor's share of the GPU is asked for; loading a model is included

Work = Callable[..., StylizeResult]


def _stylize(*given: Any) -> StylizeResult:
    """`stylize_image` of these arguments, on the GPU where this process has one from a Space."""
    device = "cuda" if spaces is not None and torch.cuda.is_available() else None
    return stylize_image(*given, device=device)


def on_lent_gpu(work: Work) -> Work:
    """The function, run on a lent GPU where the `spaces` package is installed; itself elsewhere.

    Where no GPU is to be had (the visitor's share of the day is used up), it is run here.
    """
    if spaces is None:
        return work
    lent = spaces.GPU(duration=SECONDS)(work)

    def with_gpu(*given: object) -> StylizeResult:
        try:
            return lent(*given)  # type: ignore[no-any-return]
        except gr.Error:
            return work(*given)

    return with_gpu


stylize_instantly = on_lent_gpu(_stylize)
