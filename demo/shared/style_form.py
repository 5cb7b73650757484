"""How a tab's pictures are painted, beside model and size: the folded controls, and their values as one form.

    look, _ = build("video", style=style, masked=True)  # components by the names of the form's fields
    form = StyleForm(**values)                          # of an event's values by the same names
    order = form.request("photo.jpg", "painting.jpg", "flagship", 384)

`demo.shared.controls`, `demo.shared.mixing` and `demo.shared.mask` lay the controls out.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.images.convert import WHOLE, Box
from core.inference.stylizer import STYLE_SIDE
from core.settings import Settings
from demo.shared import controls, mask, messages, mixing
from demo.shared.mask import AUTO, PHOTO
from demo.shared.requests import INSTANT, StylizeRequest, paintings_in_masks
from demo.shared.uploads import crop_of, is_transparent, uploaded
from demo.shared.widgets import Upload

MASK_ALONE = "Painting {0} has a mask but is empty; add it under Mix paintings."


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
    colours: str = Settings.colours
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

    def request(
        self,
        content: str | None,
        style: str | None,
        model: str | None,
        size: float,
        mode: str = INSTANT,
        batches: float = 0,
    ) -> StylizeRequest:
        """What the whole form asks for, with this photo, first painting, model and longest side in px.

        Raises:
            RequestError, SettingsError, ImageError: one sentence for the visitor.
        """
        styles = [style, *map(uploaded, self.more)]
        weights = (self.weight_1, self.weight_2, self.weight_3, self.weight_4)
        boxes = [self.crop, *map(crop_of, self.more)]
        masks = mask.mask_files(self.painted, self.mask)  # by their paintings' places
        places = [0, *(place for place, value in enumerate(self.more, 1) if value)]
        mix: tuple[float, ...] = ()
        if set(masks) - {0}:  # each painting is alone in its own mask
            places, styles = [*masks], paintings_in_masks(styles, masks, MASK_ALONE)
        else:
            styles, mix = mixing.mixture(styles, weights)
        settings = controls.settings_of(
            model=model,
            mode=mode,
            batches=batches,
            size=size,
            style_size=self.style_size,
            strength=controls.percent(self.strength),
            colours=self.colours,
            detail=self.detail,
            mix=mix,
            softness=None if self.softness == AUTO else self.softness,
            invert=self.invert,
            # An opaque photo, which took a transparent one's place, has no mask of its own.
            alpha=self.alpha and is_transparent(content),
            crops=[boxes[place] for place in places],
        )
        outside = mask.outside_file(self.elsewhere, self.outside)
        return StylizeRequest(content, styles, settings, [*masks.values()], outside)


def build(
    tab: str,
    style: gr.HTML | None = None,
    photo: gr.HTML | None = None,
    masked: bool = False,
    remark: str = "",
) -> tuple[dict[str, Any], list[Any]]:
    """Lay the controls out, folded; returns them by the names of `StyleForm`, and the events after which the mix is another.

    Args:
        tab: goes before the ids of the elements.
        style: the place of the first painting, with which others can be mixed; None for no mixing.
        photo: the photo on which a mask can be painted; None where a mask can only be a file.
        masked: whether there are masks.
        remark: what the tab leaves out, and why.
    """
    look, mixed = controls.build_look(tab), list[Any]()
    if style:
        mix, mixed = mixing.build(style, tab)
        look |= mix
    if masked:
        look |= mask.build(tab, photo, several=style is not None)
    if remark:
        gr.HTML(messages.caption(remark), elem_id=f"{tab}-remark")
    return look, mixed
