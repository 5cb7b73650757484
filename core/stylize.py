"""Stylise files from the command line.

    python -m core.stylize --content photo.jpg --style painting.jpg
    python -m core.stylize --content photos/ --style paintings/ --model improved-500 --out out/
    python -m core.stylize --content photo.jpg --style painting.jpg --refine 20
    python -m core.stylize --content photo.jpg --style a.jpg b.jpg --mix 0.7 0.3 --strength 80 --colours photo
    python -m core.stylize --content photo.jpg --style painting.jpg --mask mask.png --mask-style other.jpg
    python -m core.stylize --style painting.jpg --save-style wave.style.safetensors
    python -m core.stylize --content photo.jpg --style wave.style.safetensors
    python -m core.stylize --content photo.jpg --sheet
    python -m core.stylize --content photo.jpg --style a.jpg b.jpg --mask sky.png sea.png
    cat photo.jpg | python -m core.stylize --content - --style painting.jpg --out - > painted.png

Every content is painted in every style, to `OUT/CONTENT__STYLE__MODEL.png`; with --mix in all
styles at once. Each file carries the recipe to make it again (`core.provenance`) and the photo's
date, never its place. A transparent photo gives a transparent result, but for JPEG, where it lies
on white. A file that cannot be used is named and skipped. Exit code: 0 all done, 1 nothing could be
done, 2 some files were skipped, 130 or 143 stopped by SIGINT or SIGTERM.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from core.baselines.adapter import find_backend
from core.batch import STDIO, Batch, is_file
from core.files import check_output, printable
from core.images.find import OTHER_SUFFIXES, find_pictures
from core.images.formats import IMAGE_SUFFIXES
from core.images.library import paintings
from core.images.save import FORMATS, MAX_QUALITY
from core.inference.style_file import SUFFIX, load_painting
from core.options import DESCRIPTION, add_options, check_options, settings_of
from core.paintings import OUTSIDE_NEEDS_MASK, weights_of
from core.program import command
from core.runtime import find_device
from core.save_style import save_style_of
from core.settings import Settings, SettingsError

# What --out is not: no folder would be called so.
OTHER_FILES = {*IMAGE_SUFFIXES, *OTHER_SUFFIXES, ".mp4"} - set(FORMATS)


def labelled(styles: Sequence[Path]) -> list[tuple[str, Path]]:
    """The paintings of a sheet: those given, or the gallery's with their titles."""
    if styles:
        return [(path.stem, path) for path in styles]
    return [(picture.title, picture.path()) for picture in paintings()]


def check(
    options: argparse.Namespace, settings: Settings, groups: Sequence[Sequence[Path]], contents: int
) -> None:
    """Raises SettingsError where options do not go together."""
    results = contents * (1 if options.sheet else len(groups))
    if not options.style and not options.sheet:
        raise SettingsError("Give a painting with --style, or --sheet for all of the gallery's.")
    single = options.out == STDIO or is_file(options.out)
    if single and results > 1:
        raise SettingsError(f"There are {results} results; give --out a folder for them.")
    if options.out.suffix.lower() in OTHER_FILES and not os.path.isdir(options.out):
        raise SettingsError(
            f"Results are PNG, JPEG or WebP files, not {options.out.suffix.lower()}; give --out a name that ends in "
            ".png, .jpg or .webp, or a folder."
        )
    if not 1 <= options.quality <= MAX_QUALITY:
        raise SettingsError(f"The quality must be 1 to {MAX_QUALITY}.")
    if options.out == STDIO and options.json:
        raise SettingsError(
            "The picture and the JSON cannot both go to standard output; give --out a file or a folder."
        )
    if options.save_style and options.save_style.suffix.lower() != ".safetensors":
        raise SettingsError(
            f"Give --save-style a name that ends in {SUFFIX}; only such a file is taken for a style."
        )
    if options.save_style and len(groups) != 1:
        raise SettingsError("--save-style takes one painting with --style, or several with --mix.")
    if options.mask_style and not (options.mask or settings.mask_alpha):
        raise SettingsError(OUTSIDE_NEEDS_MASK)
    if options.sheet and len(options.mask) > 1:
        raise SettingsError("A sheet shows one painting at a time; give it one mask at most.")
    if options.sheet and settings.mix:
        raise SettingsError("A sheet shows one painting at a time; leave out --mix.")
    if (STDIO in options.content) + (STDIO in options.style) > 1:
        raise SettingsError("Standard input is one picture: the photo or a painting, not both.")
    for group in groups:
        weights_of(settings, len(group), len(options.mask))
        settings.crops(len(group))


def run(options: argparse.Namespace) -> Batch:
    """Do what the options say; see the batch for what came of it."""
    settings = settings_of(options)
    quiet = options.json or options.out == STDIO
    report = partial(tqdm.write, file=sys.stderr if quiet else sys.stdout)
    contents, unread = find_pictures(options.content)
    styles, more_unread = find_pictures(options.style, also=SUFFIX)
    refine_contents, not_refined_on = find_pictures(options.refine_content)
    for _, sentence in (*unread, *more_unread, *not_refined_on):
        report(printable(f"skipped: {sentence}"))
    together = settings.mix or len(options.mask) > 1
    groups = [styles] if together and styles else [[style] for style in styles]
    check(options, settings, groups, len(contents))
    if contents and options.out != STDIO:
        read = [*contents, *styles, *options.mask, *refine_contents]
        read += [options.mask_style] if options.mask_style else []
        check_output(options.out, folder=not is_file(options.out), unlike=read)
    batch = Batch(
        find_backend(settings.model, str(find_device(options.device))),
        settings,
        options.out,
        masks=options.mask,
        outside=options.mask_style,
        refine_contents=refine_contents,
        suffix=f".{options.format}",
        quality=options.quality,
        report=report,
        tell=(lambda facts: print(json.dumps(facts), flush=True))
        if options.json
        else lambda facts: None,
    )
    if options.save_style:
        check_output(options.save_style, unlike=groups[0])
        paintings = [load_painting(path) for path in groups[0]]
        save_style_of(paintings, settings, options.save_style, batch.stylizer)
        batch.notes.setdefault(f"The style is in {printable(options.save_style)}.")
    batch.skipped += [path for path, _ in (*unread, *more_unread, *not_refined_on)]
    if options.sheet:
        batch.sheets(contents, labelled(styles))
    else:
        batch.run(contents, groups)
    return batch


def work(options: argparse.Namespace) -> int:
    """Do what the options say and sum it up; returns the exit code."""
    batch = run(options)
    messages = sys.stderr if options.json or options.out == STDIO else sys.stdout
    place = "standard output" if options.out == STDIO else printable(options.out)
    if options.content:
        print(f"{len(batch.done)} painted to {place}, {len(batch.skipped)} skipped", file=messages)
    for note in filter(None, batch.notes):
        print(note, file=messages)
    if options.save_style and not options.content:
        return 0
    return 2 if batch.skipped and batch.done else int(not batch.done)


STOPPED = "Stopped; what was painted stays."
main = command("core.stylize", DESCRIPTION, add_options, work, stopped=STOPPED, check=check_options)

if __name__ == "__main__":
    raise SystemExit(main())
