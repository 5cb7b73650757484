"""The tab Live (实时): the camera's picture repainted as it comes; the painting can be changed meanwhile.

    with gr.Blocks() as blocks, gr.Tab("Live"):
        build()

The browser sends a frame twelve times a second, whatever became of the last one; a frame that is not painted when the next
one arrives is overwritten by it, so that on a slow machine the picture stutters but does not lag. One visitor is live at a
time: the others are told how long to wait, and the one who is live makes room after a minute if somebody waits. Frames are
neither kept nor written to a file.
"""

import base64
import threading
import time
from collections import deque
from functools import lru_cache
from typing import Any

import gradio as gr

from core.frames import FrameStylizer
from core.images.convert import resize_longest
from core.images.decode import ImageError, load_image
from core.inference.style_file import load_painting
from core.settings import PHOTO, STYLE, Settings
from demo.shared import messages, requests, style_form
from demo.shared.controls import in_px, model_input, size_input, trained_models
from demo.shared.events import Answer, connect
from demo.shared.requests import RequestError
from demo.shared.style_form import StyleForm
from demo.shared.uploads import crop_of, data_url, uploaded
from demo.shared.widgets import Upload, painting_input

SIZES = (256, 320, 384, 512)
DEFAULT_SIZE = 320
EVERY = 0.08  # s between frames
TURN = 60.0  # s that a visitor may be live while another waits
PATIENCE = 3.0  # s without a frame after which a visitor has left
CONNECTED = 8  # visitors who are live or wait; those after them wait for a place among these
MAX_FRAME = 4_000_000  # characters; a browser sends about 100,000
MAX_PIXELS = 2_500_000  # of the camera's picture
FILE_NAME = "live.jpg"  # of a picture that is taken away
CAMERA = {"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}}
ABOUT = (
    "Start the camera and press Start. The picture goes to the computer that serves this page, is painted there and comes "
    "back; nothing is kept. One visitor is live at a time, for a minute if others wait. Browsers give the camera only to pages "
    "on the same computer or at an https:// address."
)
NO_MASK = "No mask here: it would stand still while the camera moves."
# Frames come several times a second; the line under them is over when none has come for a while.
ENDS = f"""
let ended;
watch("value", () => {{
  clearTimeout(ended);
  const line = element.querySelector(".caption");
  ended = setTimeout(() => {{ if (line?.isConnected) line.textContent = translated("Stopped."); }}, {1000 * PATIENCE:.0f});
}});
"""


class CameraQueue:
    """Who is live: one visitor at a time, the others in the order in which they came.

    Args:
        limit: seconds after which a visitor makes room if another waits.
        patience: seconds without a frame after which a visitor has left.
    """

    def __init__(self, limit: float = TURN, patience: float = PATIENCE) -> None:
        self.limit, self.patience = limit, patience
        self._line: dict[str, float] = {}  # when each was last seen; the first is live
        self._since = 0.0
        self._lock = threading.Lock()

    def wait(self, visitor: str, now: float | None = None) -> float:
        """Seconds until it is this visitor's turn, at most; 0 when it is. To be asked at every frame.

        Args:
            now: a time in seconds, `time.monotonic()` by default.
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            live = next(iter(self._line), None)
            self._line[visitor] = now  # at the end, or where they stand already
            last = self._line.items()
            self._line = {other: seen for other, seen in last if now - seen <= self.patience}
            first = next(iter(self._line))
            if first == live and len(self._line) > 1 and now - self._since >= self.limit:
                self._line[first] = self._line.pop(first)
            if next(iter(self._line)) != live:
                self._since = now
            place = [*self._line].index(visitor)
            return max(1.0, self._since + place * self.limit - now) if place else 0.0


_queue = CameraQueue()
_painted: dict[str, deque[float]] = {}  # session -> when its latest frames were done


def frame(
    request: gr.Request, camera: Upload, style: Upload, model: str, size: float, **look: Any
) -> Answer:
    """One frame of the camera, repainted, and the line under it; `look` are the values of a `StyleForm`."""
    session = str(request.session_hash)
    if not camera:
        return {}
    seconds = _queue.wait(session)
    if seconds:
        said = f"Another visitor is live; your turn comes in at most {seconds:.0f} s, keep the camera on."
        return {"status": messages.notice(said)}
    try:
        form = StyleForm(**look, crop=crop_of(style))
        picture = repaint(camera.get("url"), uploaded(style), model, size, form, session)
    except Exception as error:  # the page keeps the previous frame, whatever happened
        return {"status": messages.problem(error)}
    shown = {"url": picture, "orig_name": FILE_NAME}
    return {"picture": shown, "status": rate(session)}


def repaint(
    camera: object,
    style: str | None,
    model: str | None,
    size: float,
    form: StyleForm | None = None,
    visitor: str = "",
) -> str:
    """The camera's picture, a data URL, painted at that longest side in px; a data URL of a JPEG again.

    Args:
        visitor: whose camera it is. What is read from a visitor's first frame is used for this visitor alone.

    Raises:
        RequestError, SettingsError, ImageError, WeightsError, EncoderError: one sentence for the visitor.
    """
    if size not in SIZES:
        raise RequestError(f"The longest side can be {', '.join(map(str, SIZES))} px.")
    if not style:
        raise RequestError(requests.CHOOSE_PAINTING)
    requests.check_trained(model)
    order = (form or StyleForm()).request(None, style, model, size)
    settings, paintings = order.settings, tuple(str(file) for file in order.styles)
    reads_frame = settings.strength != 1 or settings.colours not in (STYLE, PHOTO)
    photo = load_image(_bytes(camera), max_pixels=MAX_PIXELS, at_least=int(size))
    paint = _stylizer(paintings, settings, visitor if reads_frame else "")
    return data_url(paint(resize_longest(photo, int(size))))


def _bytes(url: object) -> bytes:
    """What a data URL holds; any other address is refused, not followed."""
    try:
        if isinstance(url, str) and len(url) <= MAX_FRAME and url.startswith("data:image/"):
            return base64.b64decode(url.partition(";base64,")[2], validate=True)
    except ValueError:
        pass
    raise ImageError("The camera's picture did not arrive; stop the camera and start it again.")


@lru_cache(maxsize=16)
def _stylizer(paintings: tuple[str, ...], settings: Settings, visitor: str) -> FrameStylizer:
    """Remembered from frame to frame, as it is made with the first of them."""
    pictures = [load_painting(painting) for painting in paintings]
    requests.give_back(pictures)
    return FrameStylizer(pictures, settings)


def rate(session: str) -> str:
    """The line under a live picture: frames a second, over this visitor's last ones."""
    times, now = _painted.setdefault(session, deque(maxlen=12)), time.monotonic()
    if times and now - times[-1] > PATIENCE:  # there was a pause
        times.clear()
    times.append(now)
    for other in [key for key, done in _painted.items() if now - done[-1] > TURN]:
        del _painted[other]
    if len(times) < 3:
        return messages.caption("Live.")
    return messages.caption(f"Live: {(len(times) - 1) / (times[-1] - times[0]):.1f} frames/s.")


def build() -> None:
    """Lay the tab out and connect it; call inside `gr.Blocks`."""
    titles = trained_models()
    if not titles:
        return
    gr.HTML(messages.caption(ABOUT))
    with gr.Row(elem_id="live-pair"):
        shape: dict[str, Any] = {"height": 400, "min_width": 320}
        camera = gr.Image(
            label="Camera",
            sources=["webcam"],
            streaming=True,
            type="filepath",
            webcam_options=gr.WebcamOptions(constraints=CAMERA),
            buttons=[],
            elem_id="camera",
            **shape,
        )
        picture = gr.Image(
            label="Painted",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id="live",
            **shape,
        )
    status = gr.HTML("", elem_id="live-status", js_on_load=ENDS)
    with gr.Row():
        with gr.Column(min_width=320):
            style, _ = painting_input("live")
        with gr.Column(min_width=320):
            with gr.Row(elem_classes="model-row"):
                model, size = model_input(titles), size_input(in_px(SIZES), DEFAULT_SIZE)
            look, _ = style_form.build("live", style=style, remark=NO_MASK)
    connect(
        camera.stream,
        frame,
        {"camera": camera, "style": style, "model": model, "size": size} | look,
        {"picture": picture, "status": status},
        stream_every=EVERY,
        time_limit=None,
        concurrency_id="live",
        concurrency_limit=CONNECTED,
        preprocess=False,
        postprocess=False,
        show_progress="hidden",
        api_visibility="private",
    )
