"""What the Transfer tab's controls hold, and the order that they make.

order = Controls(*values).order()
"""

from typing import Any, NamedTuple

from demo.shared.controls import percent, settings_of
from demo.shared.mask import AUTO, mask_file, outside_file
from demo.shared.mixing import mixture
from demo.shared.requests import StylizeRequest
from demo.shared.uploads import uploaded
from demo.shared.widgets import Upload


class Controls(NamedTuple):
    """The values of the tab's components, in their order; pictures as Gradio passes them without `preprocess`.

    Attributes:
        strength: in per cent.
        painted: the mask as painted on the photo, a data URL.
        elsewhere: what is outside the mask, `photo` or `painting`.
    """

    content: Upload
    style: Upload
    model: str | None
    mode: str
    batches: float
    size: float
    style_size: float
    strength: float
    colours: str
    detail: float
    second: Upload
    third: Upload
    fourth: Upload
    weight_1: float
    weight_2: float
    weight_3: float
    weight_4: float
    painted: str | None
    mask: Upload
    elsewhere: str
    outside: Upload
    softness: float
    invert: bool

    @property
    def styles(self) -> tuple[Upload, ...]:
        return self.style, self.second, self.third, self.fourth

    @property
    def weights(self) -> tuple[Any, ...]:
        return self.weight_1, self.weight_2, self.weight_3, self.weight_4

    def order(self) -> StylizeRequest:
        """What they ask for.

        Raises:
            OrderError, SettingsError, ImageError: one sentence for the visitor.
        """
        styles, mix = mixture([uploaded(style) for style in self.styles], self.weights)
        settings = settings_of(
            self.model,
            self.mode,
            self.batches,
            self.size,
            self.style_size,
            percent(self.strength),
            self.colours,
            self.detail,
            mix,
            None if self.softness == AUTO else self.softness,
            self.invert,
        )
        mask = mask_file(self.painted, self.mask)
        return StylizeRequest(
            uploaded(self.content),
            styles,
            settings,
            mask,
            outside_file(self.elsewhere, self.outside),
        )
