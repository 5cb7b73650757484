"""The command: all kinds one after the other, and the table."""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from core.program import first_paragraph
from tests import soak
from tests.soak import endings, files, requests
from tests.soak.mutants import READ, REFUSED

Kind = Callable[[int, random.Random, Path], list[str]]
KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        *(files.pictures, files.videos, files.logs, files.models, files.styles),
        *(files.recipes, files.addresses),
        *(requests.calls, requests.visitors, requests.busy),
        *(endings.writers, endings.commands, endings.pages, endings.disk, endings.memory),
    )
}
ENOUGH = 50  # of tries, of which at least one must have been read


def soaked(kind: str, count: int, seed: int) -> Counter[str]:
    """How many were read, refused, and what went wrong how often."""
    with tempfile.TemporaryDirectory() as folder:
        found = Counter(KINDS[kind](count, random.Random(f"{seed} {kind}"), Path(folder)))
    if found.total() >= ENOUGH and not found[READ]:
        found["nothing was read"] += 1
    return found


def faults(found: Counter[str]) -> list[str]:
    """What went wrong, in lines."""
    return [
        f"{times} x {what}"
        for what, times in found.items()
        if what not in (READ, REFUSED) and not what.startswith("skipped")
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m tests.soak", description=first_paragraph(soak.__doc__)
    )
    parser.add_argument("--count", type=int, default=2000, help="mutants of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args(arguments)
    print(f"{'':10} {'tried':>7} {'read':>7} {'refused':>8} {'faults':>7} {'s':>6}", flush=True)
    wrong: list[str] = []
    for kind in options.kinds:
        begun = time.monotonic()
        found = soaked(kind, options.count, options.seed)
        lines = faults(found)
        wrong += [f"{kind}: {line}" for line in lines]
        counts = f"{found.total():7} {found[READ]:7} {found[REFUSED]:8}"
        number = sum(int(line.split()[0]) for line in lines)
        seconds = time.monotonic() - begun
        print(f"{kind:10} {counts} {number:7} {seconds:6.0f}", flush=True)
    print("\n".join(wrong) if wrong else "No faults.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
