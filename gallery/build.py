"""Render the cells of the comparison and measure each: the report's models side by side.

    python -m gallery.build                                       # all that the models at hand can paint
    python -m gallery.build --appendix A --mode instant
    torchrun --nproc-per-node 2 -m gallery.build                  # shared by two processes
    python -m gallery.build --models improved-500 gatys
    python -m gallery.build --content photos/ --style paintings/ --models original-500 improved-500 --out out/grids

What is there already is not done again, so an interrupted run goes on where it was; cells of a
model, style or content that has changed since are. Each process computes in one thread (start as
many as there are cores): sums of floats then come out the same, and so do the pictures, however
many processes share the work.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from tqdm import tqdm

from core.commandline import run_command
from core.files import check_output, remove_leftovers, write_atomic
from core.images.decode import ImageError, list_images, load_image
from core.images.library import CHECK_SIDE
from core.images.save import png_bytes
from core.models.registry import FLAGSHIP
from core.paths import is_clone
from core.program import command_parser, path_of
from core.runtime import AUTO, DEVICE_HELP, DistributedContext, init_distributed
from gallery.grids.backends import REFERENCE_PAINTERS, why_not
from gallery.grids.compose import sheet
from gallery.grids.paths import APPENDICES, MODES, RENDERED
from gallery.grids.render import Builder, plan
from gallery.grids.results import read_grid
from gallery.pictures import CONTENTS, STYLES, Picture

STOPPED = "Stopped; what was rendered stays, and the same command goes on from there."


def own_pictures(folder: Path, report: Callable[[str], None]) -> tuple[Picture, ...]:
    """A folder's pictures, named by their files; one that cannot be read is reported.

    Raises:
        ImageError: there is no such folder, or no picture in it that can be read.
    """
    files = list_images(folder)
    alike = Counter(path.stem for path in files)
    alike.update(path.name for path in files)  # `a.jpg` is also the stem of `a.jpg.png`
    found = []
    for path in files:
        try:
            load_image(path, at_least=CHECK_SIDE)
        except ImageError as error:
            report(f"skipped: {error}")
            continue
        name = path.stem if alike[path.stem] == 1 else path.name
        found.append(Picture.own(name, path))
    if not found:
        raise ImageError(f'There is no picture that can be read in "{folder}".')
    return tuple(found)


def write_sheets(
    rows: Sequence[str],
    modes: Sequence[str],
    styles: Sequence[Picture],
    contents: Sequence[Picture],
    root: Path,
    since: int,
) -> None:
    """`STYLE__MODE.png` in `root` for each complete grid, unless another process has written it.

    Args:
        since: when this run began, in nanoseconds; an older sheet is written again.
    """
    for style in styles:
        for mode in modes:
            grid = read_grid(mode, style, rows, contents, root)
            cells = [cell.picture for row in grid.rows for cell in row.cells if cell.picture]
            if not rows or len(cells) < len(rows) * len(contents):
                continue
            out = root / f"{style.name}__{mode}.png"
            newest = max(since, *(cell.stat().st_mtime_ns for cell in cells))
            if not out.is_file() or out.stat().st_mtime_ns <= newest:
                write_atomic(out, png_bytes(sheet(grid)))


def default_rows(appendices: Sequence[str] | None) -> list[str]:
    """Rows of these appendices; without any, of all of them, the flagship and the references."""
    rows = [row for name in appendices or APPENDICES for row in APPENDICES[name].rows]
    return list(dict.fromkeys(rows if appendices else [*rows, FLAGSHIP.name, *REFERENCE_PAINTERS]))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser("gallery.build", __doc__)
    add, instead = parser.add_argument, "instead of the gallery's"
    only = "only the models of these appendices"
    add("--appendix", nargs="+", choices=list(APPENDICES), help=only)
    add("--models", nargs="+", metavar="ROW", help="only these models and references")
    add("--mode", nargs="+", choices=MODES, default=list(MODES), help="default: both")
    add("--content", type=path_of, metavar="FOLDER", help=f"your own photos {instead}")
    add("--style", type=path_of, metavar="FOLDER", help=f"your own paintings {instead}")
    out = "where the cells go, and a sheet of each grid (default: the gallery)"
    add("--out", type=path_of, help=out)
    add("--device", default=AUTO, help=DEVICE_HELP)
    options = parser.parse_args(arguments)
    if (options.content or options.style) and not options.out:
        parser.error("your own pictures need a folder of their own: add --out FOLDER")
    if not (options.out or is_clone()):
        parser.error("say where the cells go: add --out FOLDER")
    return options


def divided(
    missing: Callable[[], list[tuple[int, int]]], place: DistributedContext
) -> list[tuple[int, int]]:
    """This process's share of the work that the first process finds; then each works for itself.

    The group is left at once: training, and so refining, averages over a group's processes.
    """
    if not dist.is_initialized():
        return missing()
    box = [missing() if place.rank == 0 else None]
    dist.broadcast_object_list(box, src=0)
    dist.barrier()
    dist.destroy_process_group()
    return (box[0] or [])[place.rank :: place.world]


def work(options: argparse.Namespace, place: DistributedContext, root: Path) -> int:
    """Render the cells that the options ask for; returns the exit code."""
    since = time.time_ns()
    report: Callable[[str], None] = tqdm.write if place.rank == 0 else lambda _: None
    check_output(root, folder=True)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        remove_leftovers(folder)
    contents = own_pictures(options.content, report) if options.content else CONTENTS
    styles = own_pictures(options.style, report) if options.style else STYLES
    wanted = options.models or default_rows(options.appendix)
    reasons = {row: why_not(row) for row in wanted}
    rows = [row for row in wanted if not reasons[row]]
    for row in wanted:
        if reasons[row]:
            report(f"left out: {row} is {reasons[row]}")
    builder = Builder(contents, root, str(place.device), report, place.rank == 0)
    planned = plan(rows, options.mode, styles)
    mine = divided(lambda: builder.missing(planned), place)
    builder.run([planned[index] for index, _ in mine], sum(lacks for _, lacks in mine))
    if options.out:
        write_sheets(rows, options.mode, styles, contents, root, since)
    share = " by this process" if place.world > 1 else ""
    report(f"{builder.done} cells rendered{share} in {root}, {builder.skipped} skipped")
    if not rows:
        return 1
    # Under torchrun a process that ends with another code takes those down that still work.
    return 2 if builder.skipped and place.world == 1 else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 (done), 1 (nothing could be done) or 2 (cells were skipped)."""
    options = parse(arguments)
    torch.set_num_threads(1)

    def rendered() -> int:
        try:
            place = init_distributed(options.device)
            return work(options, place, options.out or RENDERED)
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()

    return run_command(rendered, stopped=STOPPED)


if __name__ == "__main__":
    raise SystemExit(main())
