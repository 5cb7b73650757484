"""How a tab's pictures are painted, beside model and size: the folded controls, and their values as one form.

    look = build("video", style=style, mask=True)       # components by the names of the form's fields
    form = StyleForm(**values)                          # of an event's values by the same names
    styles, mix = form.paintings(style)
    settings = form.settings("flagship", 384, mix)

`demo.shared.controls`, `demo.shared.mixing` and `demo.shared.mask` lay the controls out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from core.images.crop import WHOLE, Box
from core.inference.stylizer import STYLE_SIDE
from core.settings import STYLE, Settings
from demo.shared import controls, mask, messages, mixing
from demo.shared.mask import AUTO, PHOTO
from demo.shared.requests import INSTANT, StylizeRequest, paintings_in_masks
from demo.shared.uploads import crop_of, is_transparent, uploaded
from demo.shared.widgets import Upload

MASK_ALONE = "Painting {0} has a mask but is empty; add it under Mix paintings."
# The fields in the order in which `demo.shared.mixing` and `demo.shared.mask` give their components.
MIX_FIELDS = ("second", "third", "fourth", "weight_1", "weight_2", "weight_3", "weight_4")
MASK_FIELDS = ("painted", "mask", "elsewhere", "outside", "softness", "invert", "alpha")


@dataclass(frozen=True)
class StyleForm:
    """The values of the controls, pictures as Gradio passes them; one that a tab lacks is as by default.

    Attributes:
        strength: in per cent.
        detail: longest side in px at which the photo is painted; 0 for the result's.
        second, third, fourth: further paintings to mix in.
        painted: the mask as painted on the photo, a data URL; or JSON of a list of them, one for each painting.
        mask: the file of a mask, which takes the place of the painted one.
        elsewhere: what is outside the mask, `photo` or `painting`.
        alpha: whether the photo's transparency is the mask.
        crop: the part of the first painting that counts; the others' places hold their own.
    """

    strength: float = 100
    colours: str = STYLE
    style_size: float = STYLE_SIDE
    detail: float = controls.OWN
    second: Upload = None
    third: Upload = None
    fourth: Upload = None
    weight_1: float = mixing.EQUAL
    weight_2: float = mixing.EQUAL
    weight_3: float = mixing.EQUAL
    weight_4: float = mixing.EQUAL
    painted: str | None = None
    mask: Upload = None
    elsewhere: str = PHOTO
    outside: Upload = None
    softness: float = AUTO
    invert: bool = False
    alpha: bool = False
    crop: Box = WHOLE

    @property
    def more(self) -> tuple[Upload, Upload, Upload]:
        """The places of the paintings that are mixed with the first; None for an empty one."""
        return self.second, self.third, self.fourth

    def paintings(self, style: str | None) -> tuple[list[str | None], tuple[float, ...]]:
        """The files of the paintings, `style` first, and their weights; no weights for one alone.

        Raises:
            ImageError: one of them did not arrive.
        """
        more = [uploaded(value) for value in self.more]
        weights = (self.weight_1, self.weight_2, self.weight_3, self.weight_4)
        return mixing.mixture([style, *more], weights)

    def crops(self) -> list[Box]:
        """The part of each of `paintings` that counts."""
        return [self.crop, *(crop_of(value) for value in self.more if value)]

    def settings(self, model: str | None, size: float, mix: Sequence[float] = ()) -> Settings:
        """Instant settings with that model and longest side in px.

        Raises:
            RequestError, SettingsError: one sentence for the visitor.
        """
        return controls.settings_of(
            model,
            INSTANT,
            0,
            size,
            self.style_size,
            controls.percent(self.strength),
            self.colours,
            self.detail,
            mix,
            None if self.softness == AUTO else self.softness,
            self.invert,
            crops=self.crops(),
        )

    def masks(self) -> dict[int, str]:
        """The file of each mask by its painting's place, 0 to 3. Raises ImageError where one did not arrive."""
        return mask.mask_files(self.painted, self.mask)

    def masked(
        self, styles: Sequence[str | None], settings: Settings, masks: Mapping[int, str]
    ) -> tuple[list[str | None], Settings]:
        """The paintings that have a mask, and settings without a mix, where others than the first have one.

        Args:
            styles: the files of all four places, None for an empty one.

        Raises:
            RequestError: one of them has a mask but no painting.
        """
        masked = paintings_in_masks(styles, masks, MASK_ALONE)
        boxes = [self.crop, *map(crop_of, self.more)]
        crops = tuple(boxes[place] for place in masks)
        return masked, replace(settings, mix=(), style_crop=crops)

    def own_mask(self, photo: str | None) -> bool:
        """Whether this photo's transparency is the mask; an opaque one, which took another's place, has none."""
        return self.alpha and is_transparent(photo)

    def outside_file(self) -> str | None:
        """The file of the painting outside the mask, None for the photo. Raises RequestError, ImageError."""
        return mask.outside_file(self.elsewhere, self.outside)

    def request(
        self, content: str | None, style: str | None, model: str | None, size: float
    ) -> StylizeRequest:
        """What the whole form asks for, with this photo, first painting, model and longest side in px.

        Raises:
            RequestError, SettingsError, ImageError: one sentence for the visitor.
        """
        styles, mix = self.paintings(style)
        settings = replace(self.settings(model, size, mix), mask_alpha=self.own_mask(content))
        return self.with_masks(StylizeRequest(content, styles, settings), style)

    def with_masks(self, request: StylizeRequest, style: str | None) -> StylizeRequest:
        """The request with the form's masks and what is outside; each painting in its own mask where several have one.

        Args:
            style: the first painting.

        Raises:
            RequestError, SettingsError, ImageError: one sentence for the visitor.
        """
        masks, outside = self.masks(), self.outside_file()
        request = replace(request, masks=[*masks.values()], outside=outside)
        if not set(masks) - {0}:
            return request
        more = [uploaded(value) for value in self.more]
        styles, settings = self.masked([style, *more], request.settings, masks)
        return replace(request, styles=styles, settings=settings)


def build(
    tab: str,
    style: gr.HTML | None = None,
    photo: str | None = None,
    masked: bool = False,
    remark: str = "",
) -> dict[str, Any]:
    """Lay the controls out, folded; returns them by the names of `StyleForm`.

    Args:
        tab: goes before the ids of the elements.
        style: the place of the first painting, with which others can be mixed; None for no mixing.
        photo: id of the photo on which a mask can be painted; None where a mask can only be a file.
        masked: whether there are masks.
        remark: what the tab leaves out, and why.
    """
    look = controls.build_look(tab)
    if style:
        places, _ = mixing.build(style, tab)
        look |= dict(zip(MIX_FIELDS, places, strict=True))
    if masked:
        look |= dict(
            zip(MASK_FIELDS, mask.build(tab, photo, several=style is not None), strict=True)
        )
    if remark:
        gr.HTML(messages.caption(remark), elem_id=f"{tab}-remark")
    return look
