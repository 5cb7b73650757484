"""A trained model by its name or its folder, ready to paint.

model = from_pretrained("flagship")
painted = model.encode_style(load_image("painting.jpg"))(load_image("photo.jpg"))
"""

from pathlib import Path

from core.inference.stylizer import Stylizer, get_stylizer
from core.runtime import AUTO, find_device


def from_pretrained(name_or_folder: str | Path = "flagship", device: str | None = None) -> Stylizer:
    """Load a shipped model, or one of your own.

    Args:
        name_or_folder: a folder that `core.train` exported, with `model.json` and weights, or the
            name of a shipped model. A folder of that name in the current folder comes first.
        device: `cpu`, `cuda`, `cuda:N` or `mps`; by default a GPU if there is one. A model is
            loaded once for each device, and models share their encoders.

    Raises:
        WeightsError: there is no such model, or its files are broken; one sentence.
        EncoderError: the encoder that it was trained with is missing or another one.
    """
    if device is None:
        device = str(find_device(AUTO))
    return get_stylizer(str(name_or_folder), device)
