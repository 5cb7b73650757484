"""MetaStyle in the browser: a photo and a painting in, the photo repainted out (风格迁移).

    python app.py                                   # http://127.0.0.1:7860
    python app.py --host 0.0.0.0 --port 8000 --auth visitor:secret --allow-host style.example.org
    python app.py --share                           # also a public address, as long as it runs
    python app.py --mcp                             # its endpoints also as tools for an assistant (demo/mcp.py)

Parses arguments, puts the tabs of `demo/` together, launches. Models are those in `checkpoints/`.
"""

if __name__ == "__main__":
    import core.starting  # noqa: F401  # before all that takes long

import argparse
import atexit
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
from gradio import networking
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from core.commandline import run_command
from core.inference.model_store import ModelStore
from core.paths import CHECKPOINTS
from core.program import first_paragraph, path_of
from core.runtime import AUTO, DEVICE_HELP, DeviceError, keep_freed_memory, set_default_device
from demo import live, report, video
from demo import mcp as tools
from demo.compare import tab as compare
from demo.growth import logs
from demo.growth import tab as growth
from demo.head import ICON, PREVIEW, set_head
from demo.i18n.outgoing import I18N
from demo.many import tab as many
from demo.page import PageBlocks
from demo.server.access import Access, AccessMiddleware
from demo.server.cleaner import Cleaner
from demo.server.limits import HANDLERS, LimitsMiddleware, tidy_uploads
from demo.shared import gpu
from demo.shared.templates import component, render
from demo.shared.theme import CSS, HEAD, THEME
from demo.shared.thumbnails import shipped_folder
from demo.shared.uploads import MAX_UPLOAD, gallery_copies, gallery_files
from demo.transfer import tab as transfer
from demo.transfer.visits import VISITS

# Bytes: tensors of pictures up to about 1,024 px find their memory again.
MAX_KEPT, KEPT = 64 << 20, 256 << 20
MAX_SESSIONS = 1000  # visitors whose controls are remembered


def build() -> PageBlocks:
    """The page with all its tabs, ready to launch."""
    with PageBlocks(title="MetaStyle 风格迁移", analytics_enabled=False) as page:
        gr.HTML(render("shared/header.html"))
        with gr.Tab("Transfer", id="transfer"):
            photo, photo_note = transfer.build()
            component("transfer/history", elem_id="strip")
        with gr.Tab("Many", id="many") as tab:
            many.build(tab, photo, photo_note)
        with gr.Tab("Compare", id="compare"):
            compare.build()
        with gr.Tab("Report", id="report"):
            report.build()
        with gr.Tab("Weight growth", id="growth") as tab:
            growth.build(tab)
        with gr.Tab("Video", id="video"):
            video.build()
        with gr.Tab("Live", id="live"):
            live.build()
    return page.queue_jobs()


def start(
    page: PageBlocks,
    host: str | None,
    port: int | None,
    auth: tuple[str, str] | None,
    mcp: bool = False,
    root_path: str | None = None,
    access: Access | None = None,
) -> str:
    """Serve the page in the background; returns its address. Raises OSError when the port is taken."""
    access = access or Access(listening_host(host))
    kept_files = [*gallery_copies(), *page.opening_files(), str(shipped_folder())]
    page.cleaner = Cleaner(
        Path(get_upload_folder()),
        lambda: page.queue_of_jobs.files_in_use() | VISITS.files_in_use(),
        lambda: kept_files,
    )
    page.cleaner.start()
    tidy_uploads()
    middleware = [
        Middleware(AccessMiddleware, access=access),
        Middleware(LimitsMiddleware, cleaner=page.cleaner),
    ]
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        root_path=root_path,
        auth=auth,
        theme=THEME,
        css_paths=CSS,
        head=HEAD,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=MAX_SESSIONS,
        allowed_paths=[*gallery_files(), str(PREVIEW)],
        favicon_path=ICON,
        app_kwargs={"middleware": middleware, "exception_handlers": HANDLERS},
        footer_links=["api", "settings"],
        i18n=I18N,
        run_history=False,  # a visitor's pictures are not kept in the browser
        show_error=False,  # what may be read is said in sentences of our own
        enable_monitoring=False,
        ssr_mode=False,
        share=False,
        mcp_server=mcp,
        quiet=True,
        prevent_thread_lock=True,
    )
    set_head(page)
    if mcp:
        tools.adapt(page)
    return address


def listening_host(host: str | None) -> str:
    """The address that is listened on, as Gradio chooses it."""
    return host or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")


def own_folder() -> Path:
    """Where uploads and results lie, a folder for this page alone: everything in it is deleted when it has aged.

    Raises:
        OSError: it cannot be made.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    folder = parent / f"metastyle-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


def credentials(text: str) -> tuple[str, str]:
    """`user:password` as a pair. Raises argparse.ArgumentTypeError, which argparse prints."""
    user, separator, password = text.partition(":")
    if not (user and separator and password):
        raise argparse.ArgumentTypeError("give it as user:password")
    return user, password


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's options; ends the program where they are wrong."""
    parser = argparse.ArgumentParser(description=first_paragraph(__doc__))
    add = parser.add_argument
    add("--host", help="address to listen on (default: 127.0.0.1, or $GRADIO_SERVER_NAME)")
    port = "default: the first that is free from 7860 on, or $GRADIO_SERVER_PORT"
    add("--port", type=int, help=port)
    proxy = "where a reverse proxy serves the page, as /paint or https://host/paint"
    add("--root-path", metavar="PATH", help=f"{proxy} (default: $GRADIO_ROOT_PATH)")
    add("--share", action="store_true", help="also ask for a public address at gradio.live")
    password = "ask visitors for a password"
    add("--auth", type=credentials, metavar="USER:PASSWORD", help=password)
    further = (
        "a further name under which the page may be reached, as behind a proxy "
        "(may be given several times)"
    )
    add("--allow-host", action="append", default=[], metavar="NAME", help=further)
    add("--mcp", action="store_true", help="offer the endpoints to assistants as tools too (MCP)")
    add("--device", default=AUTO, help=DEVICE_HELP)
    models = "folder of trained models (default: checkpoints/)"
    add("--checkpoints", type=path_of, default=CHECKPOINTS, metavar="DIR", help=models)
    trainings = "folder of running trainings (default: runs/)"
    add("--runs", type=path_of, metavar="DIR", help=trainings)
    options = parser.parse_args(arguments)
    # Gradio would let an assistant use some tools without the password, and others not at all.
    if options.mcp and options.auth:
        parser.error("--mcp and --auth do not go together: tools cannot ask for a password")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; serves until it is told to stop and returns the exit code."""
    options = parse(arguments)
    with ModelStore(options.checkpoints).in_use():
        return run_command(lambda: serve(options), (DeviceError,), stopped="The page has stopped.")


def serve(options: argparse.Namespace) -> int:
    """Serve the page until SIGINT or SIGTERM; then delete what visitors left. Returns 1 where it cannot be served."""
    # On a Space with ZeroGPU a GPU is there only within a function that it is lent to (demo/shared/gpu.py).
    set_default_device("cpu" if gpu.spaces else options.device)
    if options.runs:
        logs.RUNS = options.runs
    keep_freed_memory(MAX_KEPT, KEPT)
    proxy = urlsplit(options.root_path or os.environ.get("GRADIO_ROOT_PATH", "")).hostname
    names = [*options.allow_host, *([proxy] if proxy else [])]
    access = Access(listening_host(options.host), names)
    with ExitStack() as ending:
        try:
            os.environ["GRADIO_TEMP_DIR"] = str(own_folder())
            page = build()
            ending.callback(tidy, page)
            asked = (options.host, options.port, options.auth, options.mcp, options.root_path)
            address = start(page, *asked, access=access)
        except OSError as error:
            reason = str(error).split(". ")[0]
            hint = "choose another --port or --host"
            print(f"error: the page cannot be served ({reason}); {hint}.", file=sys.stderr)
            return 1
        print(f"MetaStyle is at {address}", flush=True)
        threading.Thread(target=growth.warm, daemon=True).start()
        if options.share:
            share_or_say(page, access)
        wait_until_told()
    return 0


def tidy(page: PageBlocks) -> None:
    """End the page and delete what visitors left, and at the very end what was still being painted for them."""
    cleaner = getattr(page, "cleaner", None)
    if cleaner:
        cleaner.end()
    page.close(verbose=False)
    if cleaner:
        cleaner.stop()
        atexit.register(cleaner.finish)


def share_or_say(page: PageBlocks, access: Access) -> None:
    """Print a public address of the page that is being served, or why there is none: the local page does not depend on it.

    `launch(share=True)` would serve the page's scripts from the network while it tries, and whether or not it fails.
    """
    where = (page.server_name, page.server_port, page.share_token)
    try:
        public = networking.setup_tunnel(*where, None, None)
    except Exception as error:  # no network, a firewall, no tunnel for this platform
        reason = str(error).split("\n")[0].rstrip(".")
        said = f"The page could not be shared, only the address above works: {reason}."
        print(said, file=sys.stderr, flush=True)
        return
    access.allow(urlsplit(public).hostname or "")
    print(f"and for everyone at {public}", flush=True)


def wait_until_told() -> None:
    """Until a signal raises `core.commandline.Stopped`."""
    never = threading.Event()
    while not never.wait(60):  # without a limit, Windows would not hear Ctrl+C
        pass


if __name__ == "__main__":
    raise SystemExit(main())
