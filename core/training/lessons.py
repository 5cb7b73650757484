"""What a small style reader is taught: variations of paintings, and what VGG19 sees in them.

    lessons = Lessons(store, encoder, count=20_000, seed=42, folder=folder)
    lessons.prepare()                        # VGG19 looks at each variation of a painting once
    lessons.images(0), lessons.seen(0)       # the first AT_ONCE of them, and their 1,920 numbers each

What VGG19 sees of a variation is 1,920 numbers, which are kept in a file; the picture itself is
cut anew whenever it is needed, since all that is drawn for it follows from its number.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.commandline import Stopped
from core.files import read_json, replacing, write_atomic
from core.models.encoder import STYLE_SIZE, Encoder, normalize
from core.models.losses import mean_std
from core.training.flagship_recipe import FlagshipConfig
from core.training.interruption import RunGuard
from core.training.picture_store import PictureStore
from core.training.state import set_hash
from core.training.variations import random_views, vary_colours

AT_ONCE = 4  # variations that are drawn, and looked at, together
DESCRIPTORS, ABOUT = "descriptors.npy", "lessons.json"


class Lessons:
    """Variations of paintings by number, and what VGG19 sees in them.

    Args:
        store: the paintings.
        encoder: VGG19, on the store's device.
        count: how many variations; rounded up to a multiple of `AT_ONCE`.
        seed: what is drawn follows from it and the variation's number.
        folder: where the descriptors are kept; the next run goes on with what is there.
        side: of the variations, in pixels.

    Raises:
        ValueError: the folder holds descriptors of other paintings, or of another seed or encoder.
    """

    def __init__(
        self,
        store: PictureStore,
        encoder: Encoder,
        count: int,
        seed: int,
        folder: Path,
        side: int = FlagshipConfig.style_side,
    ) -> None:
        self.store, self.encoder, self.seed, self.side = store, encoder, seed, side
        self.groups = -(-count // AT_ONCE)
        self.generator = torch.Generator(store.device)
        folder.mkdir(parents=True, exist_ok=True)
        self.about = {
            "set": set_hash(store.paths, ()),
            "seed": seed,
            "count": len(self),
            "encoder": encoder.hash,
            "side": side,
            "kept": store.sides,
            "device": store.device.type,  # on which depends what is drawn
        }
        if not (folder / ABOUT).is_file():
            write_atomic(folder / ABOUT, json.dumps(self.about).encode())
        elif read_json(folder / ABOUT) != self.about:
            raise ValueError(
                f'"{folder}" holds what was seen in other paintings, or otherwise; remove it to begin anew.'
            )
        path, shape = folder / DESCRIPTORS, (len(self), STYLE_SIZE)
        if not path.is_file():  # zeros at first, so that the disk has room for all before any work
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, np.zeros(shape, np.float32))
        self.descriptors = np.lib.format.open_memmap(path, "r+", np.float32, shape)

    def __len__(self) -> int:
        return self.groups * AT_ONCE

    def images(self, group: int) -> Tensor:
        """The variations of a group, `AT_ONCE` x 3 x side x side in [0, 1]."""
        self.generator.manual_seed((self.seed << 32) + group)
        numbers = self.store.draw(AT_ONCE, self.generator)
        cuts = random_views(self.store, numbers, self.generator)
        return vary_colours(self.store.cut(numbers, cuts, self.side), self.generator)

    def seen(self, group: int) -> Tensor:
        """What VGG19 saw in them, `AT_ONCE` x 1920."""
        rows = self.descriptors[group * AT_ONCE : (group + 1) * AT_ONCE]
        return torch.from_numpy(np.array(rows)).to(self.store.device)

    @property
    def prepared(self) -> int:
        """How many groups have been looked at, from the first on.

        A row of zeros has not, since means and deviations are not all zero. The last one that has
        may be there in part only, after a kill, and is not counted.
        """
        first_rows = self.descriptors[::AT_ONCE, -1] != 0
        done = len(first_rows) if first_rows.all() else int(first_rows.argmin())
        last_rows = self.descriptors[-AT_ONCE:] != 0
        is_whole = done == self.groups and bool(last_rows.any(axis=1).all())
        return done if is_whole else max(0, done - 1)

    @torch.no_grad()
    def prepare(self) -> None:
        """Look at what has not been looked at.

        Raises:
            Stopped: by SIGTERM or SIGINT; what was seen is kept.
        """
        guard, first = RunGuard(self.descriptors.flush), self.prepared
        with guard.running("Reading", first, self.groups) as bar:
            for group in range(first, self.groups):
                found = mean_std(self.encoder(normalize(self.images(group))))
                self.descriptors[group * AT_ONCE : (group + 1) * AT_ONCE] = found.cpu().numpy()
                bar.update()
                if guard.asked:
                    guard.save_now()
                    read = f"Stopped after reading {group + 1} of {self.groups} groups"
                    raise Stopped(guard.asked, f"{read}; they are kept.")
        guard.save_now()
