"""MetaStyle's library: networks, training, stylising, measures. What most people need of it:

    from core import from_pretrained, load_image, save_png, stylize_image

    model = from_pretrained("flagship")                          # or a folder of your own
    photo, painting = load_image("photo.jpg"), load_image("painting.jpg")
    save_png(stylize_image(photo, painting, stylizer=model).image, "out.png")

`stylize_image` takes all that can be set about a picture, as `Settings`. The network alone is
`model.encode_style(painting)(photo)`. The commands:
`python -m core`.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"]:  # as `python -m core.stylize` begins
    import core.starting  # noqa: F401

if TYPE_CHECKING:
    from core.images.decode import load_image
    from core.images.save import save_png
    from core.inference.model_store import from_pretrained
    from core.pipeline import stylize_image
    from core.settings import Settings

__all__ = ["Settings", "from_pretrained", "load_image", "save_png", "stylize_image"]
_HOMES = {
    "Settings": "core.settings",
    "from_pretrained": "core.inference.model_store",
    "load_image": "core.images.decode",
    "save_png": "core.images.save",
    "stylize_image": "core.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import what `__all__` lists when it is first asked for:
    the list of commands needs no PyTorch.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
