"""A method for which memory does not suffice for pictures from a size on, as for PyTorch on a GPU."""

from typing import Any

import torch
from PIL import Image

from core.baselines.adapter import Method, PixelStyle

LARGE = 64  # px, longest side
GPU_ERROR = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")
CPU_ERROR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")


class Hungry(Method):
    """Paints nothing; to be put among `core.baselines.adapter.METHODS`."""

    name, title, steps = "hungry", "Hungry", 1

    def refine(self, style: Image.Image, *_: Any) -> PixelStyle:
        """Raises torch.OutOfMemoryError for a large photo."""
        if self.photo is not None and max(self.photo.size) >= LARGE:
            raise GPU_ERROR
        return PixelStyle(refined=1)
