"""How to make a picture again that carries its recipe: as a command, and as Python.

recipe = read("painted.png")                 # `core.provenance`
print(command_line(recipe))                  # python -m core.stylize --content photo.jpg --style painting.jpg ...
print(python_snippet(recipe))
"""

import shlex
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from core.provenance import ALPHA, Provenance, Source


def command_line(
    recipe: Provenance, files: Mapping[str, str | Path] | None = None, out: str = "painted.png"
) -> str:
    """The command that makes the same file again, quoted for a POSIX shell.

    Args:
        files: SHA-256 -> path of the files at hand; the others are named without a folder.
        out: the file to write.
    """
    words = ["python", "-m", "core.stylize"]
    for option, value in _options(recipe, files or {}, out):
        words += [option, *([value] if isinstance(value, str) else value)]
    return shlex.join(words)


def _options(
    recipe: Provenance, files: Mapping[str, str | Path], out: str
) -> Iterator[tuple[str, str | list[str]]]:
    settings = recipe.settings
    changed = settings.changed()
    yield "--content", _file(recipe.content, files)
    yield "--style", [_file(style, files) for style in recipe.styles]
    if len(recipe.styles) > 1 and not recipe.more_masks:
        yield "--mix", [repr(weight) for weight in settings.mix]
    if recipe.mask:
        yield "--mask", [_file(mask, files) for mask in recipe.masks]
    if settings.mask_alpha:
        yield "--mask", ALPHA
    if recipe.outside:
        yield "--mask-style", _file(recipe.outside, files)
    if "strength" in changed:
        yield "--strength", format((Decimal(repr(settings.strength)) * 100).normalize(), "f")
    for name in ("model", "colours", "size", "detail", "style_size", "refine", "mask_softness"):
        if name in changed:
            yield f"--{name.replace('_', '-')}", str(changed[name])
    if settings.style_crop:
        boxes = [",".join(map(repr, box)) for box in settings.style_crop]
        yield "--style-crop", boxes
    for name in ("mask_invert", "tiles"):
        if name in changed:
            yield f"--{name.replace('_', '-')}", []
    if recipe.refine_contents:
        yield "--refine-content", [_file(photo, files) for photo in recipe.refine_contents]
    yield "--device", recipe.device
    yield "--out", out


def python_snippet(
    recipe: Provenance, files: Mapping[str, str | Path] | None = None, out: str = "painted.png"
) -> str:
    """Python that makes the same file again; arguments as for `command_line`."""
    files, settings = files or {}, recipe.settings
    styles = [_file(style, files) for style in recipe.styles]
    arguments = [repr(_file(recipe.content, files)), repr(styles)]
    given = ", ".join(f"{name}={value!r}" for name, value in settings.changed().items())
    arguments.append(f"Settings({given})")
    masks = [_file(mask, files) for mask in recipe.masks]
    if masks:
        arguments.append(f"mask={masks if len(masks) > 1 else masks[0]!r}")
    if recipe.outside:
        arguments.append(f"outside={_file(recipe.outside, files)!r}")
    if recipe.refine_contents:
        photos = [_file(photo, files) for photo in recipe.refine_contents]
        arguments.append(f"refine_contents={photos!r}")
    arguments.append(f"device={recipe.device!r}")
    call = "".join(f"    {argument},\n" for argument in arguments)
    return (
        "from core.provenance import paint_files, save\nfrom core.settings import Settings\n\n"
        f"painted, recipe = paint_files(\n{call})\nsave(painted, recipe, {out!r})\n"
    )


def _file(source: Source, files: Mapping[str, str | Path]) -> str:
    name = str(files.get(source.sha256, source.name))
    return f"./{name}" if name.startswith("-") and name != "-" else name
