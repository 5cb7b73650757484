"""What counts as a picture to be measured."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.images.convert import to_tensor
from core.metrics.picture import Picture, Pixels
from tests.conftest import draw


def test_images_arrays_and_tensors_are_the_same_picture() -> None:
    image = draw(1)
    tensor = to_tensor(image)
    forms: list[Image.Image | np.ndarray | torch.Tensor] = [
        image,
        np.asarray(image) / 255,
        tensor,
        tensor[None],
        tensor.double(),
    ]
    values = [Pixels(form).rgb for form in forms]
    assert all(value.shape == (72, 96, 3) and value.dtype == np.float32 for value in values)
    for value in values[1:]:
        np.testing.assert_allclose(value, values[0], atol=1e-7)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (32, 32)),
        np.zeros((32, 32)),
        np.zeros((32, 32, 3), np.uint8),
        np.full((32, 32, 3), 255.0),
        np.full((32, 32, 3), np.nan),
        torch.zeros(2, 3, 32, 32),
        torch.zeros(3, 32, 32, dtype=torch.uint8),
        np.zeros((32, 15, 3)),
    ],
    ids=[
        "grey",
        "no channels",
        "bytes",
        "0..255",
        "NaN",
        "two pictures",
        "byte tensor",
        "too small",
    ],
)
def test_anything_else_is_refused(picture: Picture) -> None:
    with pytest.raises(ValueError, match="expected"):
        Pixels(picture)
