"""What the Transfer tab's controls hold, and the request that they make.

form = TransferForm(**values)            # of an event's values by the names of the fields
request = form.request_of()
"""

from dataclasses import dataclass, replace

from core.training.refine import REFINE_BATCHES
from demo.shared import controls
from demo.shared.requests import INSTANT, StylizeRequest
from demo.shared.style_form import StyleForm
from demo.shared.uploads import crop_of, uploaded
from demo.shared.widgets import Upload

PAINTING_PLACES = ("style", "second", "third", "fourth")


@dataclass(frozen=True, kw_only=True)
class TransferForm(StyleForm):
    """The values of the tab's components; those of `StyleForm` too. What is not given is as the page opens.

    Attributes:
        content, style: the photo and the first painting, as their places hold them.
        mode: `instant` or `refined`.
        batches: of refining.
        size: longest side in px; 0 for the photo's own.
    """

    content: Upload = None
    style: Upload = None
    model: str | None = None
    mode: str = INSTANT
    batches: float = REFINE_BATCHES
    size: float = controls.DEFAULT_SIZE

    def request_of(self) -> StylizeRequest:
        """What the form asks for.

        Raises:
            RequestError, SettingsError, ImageError: one sentence for the visitor.
        """
        form = replace(self, crop=crop_of(self.style))
        content, style = uploaded(self.content), uploaded(self.style)
        return form.request(content, style, self.model, self.size, self.mode, self.batches)

    @property
    def styles(self) -> tuple[Upload, ...]:
        """The paintings' places, the first one first."""
        return self.style, *self.more
