"""What each of the report's three methods does for a new painting and a new photo, to be timed.

    for name, work in method_tasks("cpu").items():
        print(name)                                # "johnson painting"
        work()

The report weighs them by this: method 1 (Gatys) does everything again for every picture, method 2
(Johnson) trains a network for every painting, method 3 (a MetaNet) looks at a painting once and may
refine it. gallery/timings.json holds the seconds, `gallery.readme_tables` tells them as ratios.
"""

from collections.abc import Callable

from core.baselines import gatys, johnson
from core.images.convert import resize_smaller
from core.images.library import library
from core.inference.model_store import model_store
from core.inference.styled_model import StyleCache
from core.inference.stylizer import Stylizer
from core.models.registry import FLAGSHIP
from core.training.refine import refine
from gallery.pictures import CONTENTS, STYLES

PHOTO_SIDE = 256  # px: the size of the gallery's cells
META_NET = "original-500"  # the model that stands for method 3
PAINTING, PHOTO = "painting", "photo"
GATYS, JOHNSON, INSTANT, REFINED = "gatys", "johnson", "instant", "refined"
# Tasks that take a minute or more, so that one turn without warming up tells enough.
LONG = (f"{GATYS} {PHOTO}", f"{JOHNSON} {PAINTING}", f"{REFINED} {PAINTING}")


def method_tasks(device: str) -> dict[str, Callable[[], object]]:
    """Each task by its name, "METHOD painting" or "METHOD photo"; models are loaded before.

    Method 1 has one task, since a photo costs it what a painting does.
    """
    photo, style = resize_smaller(CONTENTS[0].image(), PHOTO_SIDE), STYLES[0].image()
    contents = library().refining_contents

    def fresh(name: str) -> Stylizer:
        """A stylizer that remembers no painting yet."""
        known = model_store().stylizer(name, device)
        return Stylizer(known.model, known.encoder, known.device, StyleCache(), known.reader)

    per_style = johnson.train(style, contents, 1, device=device)
    meta_net = fresh(META_NET).encode_style(style)
    flagship = fresh(FLAGSHIP.name).encode_style(style)
    return {
        f"{GATYS} {PHOTO}": lambda: gatys.optimise(photo, style, device=device),
        f"{JOHNSON} {PAINTING}": lambda: johnson.train(style, contents, device=device),
        f"{JOHNSON} {PHOTO}": lambda: per_style(photo),
        f"{INSTANT} {PAINTING}": lambda: fresh(META_NET).encode_style(style),
        f"{REFINED} {PAINTING}": lambda: refine(fresh(META_NET), style, contents),
        f"{INSTANT} {PHOTO}": lambda: meta_net(photo),
        f"{FLAGSHIP.name} {PAINTING}": lambda: fresh(FLAGSHIP.name).encode_style(style),
        f"{FLAGSHIP.name} {PHOTO}": lambda: flagship(photo),
    }
