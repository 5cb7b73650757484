"""The page as Gradio serves it, with the rules of this project in Gradio's places.

    with PageBlocks(title="MetaStyle") as page:
        ...
    page.queue_jobs()

Inputs are checked before a handler sees them (`demo.server.input_checks`), whatever goes wrong ends
in one sentence, and orders wait in lines of our own (`demo.server.job_queue`).
"""

import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.utils import get_upload_folder

from core.inference.model_store import model_store
from core.runtime import release_freed_memory
from demo.server.cleaner import Cleaner
from demo.server.input_checks import check, refusal
from demo.server.job_queue import MAX_PLACES, JobQueue
from demo.server.refusals import UNREADABLE
from demo.shared import messages

CLOCK_STEP = 0.1  # s by which a file may seem older than it is
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
            on_idle=give_memory_back,
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
        """Gradio's; what is raised is a sentence."""
        try:
            return await super().process_api(block_fn, *arguments, **options)
        except gr.Error:
            raise
        except Exception as error:
            raise refusal(_sentence(error, block_fn)) from error


def give_memory_back() -> None:
    """After a refining: what it needed is the system's again."""
    model_store().styles.trim()
    release_freed_memory()


def _sentence(error: Exception, block_fn: Any) -> str:
    if getattr(block_fn, "collects_event_data", False) and isinstance(error, FROM_HAND_MADE_EVENTS):
        return UNREADABLE
    return messages.sentence(error)
