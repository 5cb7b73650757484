"""The page as Gradio serves it, with the rules of this project in Gradio's places.

    with PageBlocks(title="MetaStyle") as page:
        ...
    page.queue_jobs()

Inputs are checked before a handler sees them (`demo.server.input_checks`), whatever goes wrong ends
in one sentence, what is answered is in the visitor's language (`demo.i18n`), and orders wait in
lines of our own (`demo.server.job_queue`).
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.utils import get_upload_folder

from core.inference.model_store import model_store
from core.models.encoder import EncoderError
from core.models.weights import WeightsError
from core.runtime import release_freed_memory
from demo.i18n.catalogue import ENGLISH, translate
from demo.i18n.language import language_of
from demo.i18n.outgoing import answer_in
from demo.server.cleaner import Cleaner
from demo.server.input_checks import check, refusal
from demo.server.job_queue import MAX_PLACES, JobQueue
from demo.server.refusals import UNREADABLE
from demo.shared import messages

CLOCK_STEP = 0.1  # s by which a file may seem older than it is
REST_AFTER = 20 * 60.0  # s without anything to do
LANGUAGE = ContextVar("language", default=ENGLISH)  # of the request that is being answered
FROM_HAND_MADE_EVENTS = (TypeError, LookupError, AttributeError)


class PageBlocks(gr.Blocks):
    """`gr.Blocks` whose inputs are checked and whose errors are sentences.

    Attributes:
        queue_of_jobs: who waits, once `queue_jobs` was called.
        cleaner: deletes what visitors leave behind, once the page is served.
    """

    queue_of_jobs: JobQueue
    cleaner: Cleaner

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._begun = time.time() - CLOCK_STEP
        super().__init__(*arguments, **options)

    def queue_jobs(self) -> "PageBlocks":
        """Let orders wait in a `JobQueue`; in place of `queue`."""
        self.queue(max_size=None)
        ours = JobQueue(
            live_updates=True,
            concurrency_count=self.max_threads,
            update_intervals=1,
            max_size=MAX_PLACES,
            blocks=self,
            on_idle=((0, give_memory_back), (REST_AFTER, forget_models)),
        )
        self._queue = self.queue_of_jobs = ours
        self.app = App.create_app(self, mcp_server=False)
        return self

    def opening_files(self) -> list[str]:
        """The files that the page shows when it is opened, for every visitor: those made while it was built."""
        files = [path for path in Path(get_upload_folder()).rglob("*") if path.is_file()]
        return [str(path) for path in files if path.stat().st_mtime >= self._begun]

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> Any:
        """Gradio's, once the inputs are of the right kinds."""
        check(block_fn.inputs, inputs)
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except Exception as error:
            raise refusal(UNREADABLE) from error

    async def process_api(self, block_fn: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Gradio's, in the visitor's language; what is raised is a sentence."""
        language = language_of(options.get("request"))
        LANGUAGE.set(language)
        try:
            return await super().process_api(block_fn, *arguments, **options)
        except gr.Error as error:
            error.message = translate(str(error.message), language)
            raise
        except Exception as error:
            clicked = getattr(block_fn, "collects_event_data", False)
            is_hand_made = clicked and isinstance(error, FROM_HAND_MADE_EVENTS)
            said = UNREADABLE if is_hand_made else messages.sentence(error)
            raise refusal(translate(said, language)) from error

    async def postprocess_data(self, block_fn: Any, *arguments: Any) -> list[Any]:
        """Gradio's, in the visitor's language: before it is told only what changes from answer to answer."""
        data = await super().postprocess_data(block_fn, *arguments)
        return answer_in(block_fn.outputs, [*map(_without_mark, data)], LANGUAGE.get())


def give_memory_back() -> None:
    """After a refining: what it needed is the system's again."""
    model_store().styles.trim()
    release_freed_memory()


def forget_models() -> None:
    """After a long rest: of the models, only the one that a visitor meets first stays loaded."""
    store = model_store()
    store.forget()
    with suppress(WeightsError, EncoderError):  # said to whoever asks for it
        store.stylizer()
    release_freed_memory()


def _without_mark(item: Any) -> Any:
    """An update without what Gradio 6.31 adds to those of `gr.HTML`: properties that hold the update's own mark.

    In a part of the page that was not opened yet they would take the place of the component's own.
    """
    if not isinstance(item, Mapping) or "__type__" not in item or "props" not in item:
        return item
    own = {name: value for name, value in item["props"].items() if name != "__type__"}
    rest = {name: value for name, value in item.items() if name != "props"}
    return rest | ({"props": own} if own else {})
