"""The style of paintings, as settings mix and read them, to a style file.

save_style_of([painting], Settings(model="flagship"), "wave.style.safetensors")
save_style_of([first, second], Settings(mix=(0.7, 0.3)), "between.style.safetensors")
"""

from collections.abc import Sequence
from pathlib import Path

from core.baselines.adapter import Backend, Method, find_backend
from core.inference.style_file import Painting, save_style
from core.paintings import colours_of_mix, prepared
from core.settings import RECOLOUR, Settings, SettingsError

REFINED = (
    "A refined style is a network of its own and does not fit a style file; leave refining out."
)
RECOLOURED = "A style file is for any photo; recolouring the painting to one does not go with it."


def save_style_of(
    paintings: Sequence[Painting],
    settings: Settings,
    path: str | Path,
    stylizer: Backend | None = None,
) -> None:
    """Write the style of one to four paintings to a file (`core.inference.style_file`).

    Args:
        settings: its model, mix, style size and crops count.
        stylizer: in place of the model that the settings name.

    Raises:
        SettingsError: the settings do not go with the paintings or with a style file.
        ImageError, WeightsError, EncoderError, OSError: one sentence.
    """
    if settings.refine:
        raise SettingsError(REFINED)
    if settings.colours == RECOLOUR:
        raise SettingsError(RECOLOURED)
    weights = settings.weights(len(paintings))
    read = prepared(paintings, settings)
    backend = stylizer or find_backend(settings.model)
    if isinstance(backend, Method):
        raise SettingsError(f"{backend.name} generates no numbers that a style file could hold.")
    style = backend.mix(read, weights, settings.style_size)
    save_style(backend, style, path, read[0], colours_of_mix(read, weights))
