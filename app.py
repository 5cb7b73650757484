"""MetaStyle in the browser: a photo and a painting in, the photo repainted out (风格迁移).

    python app.py                                   # http://127.0.0.1:7860
    python app.py --host 0.0.0.0 --port 8000 --auth visitor:secret
    python app.py --share                           # also a public address, as long as it runs
    python app.py --mcp                             # its endpoints also as tools for an assistant (demo/mcp.py)

Parses arguments, puts the tabs of `demo/` together, launches. Models are those in `checkpoints/`.
"""

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio import networking

import core.models.checkpoint
from core.runtime import keep_freed_memory
from demo import live, report, video
from demo import mcp as tools
from demo.compare import tab as compare
from demo.growth import logs
from demo.growth import tab as growth
from demo.head import ICON, PREVIEW, set_head
from demo.many import tab as many
from demo.shared.theme import CSS, HEAD, HEADER, THEME
from demo.shared.uploads import MAX_UPLOAD, gallery_files
from demo.transfer import history
from demo.transfer import tab as transfer

QUEUE_SIZE = 32  # visitors waiting, beyond which the page asks to come back later
MAX_KEPT, KEPT = (
    64 << 20,
    256 << 20,
)  # bytes: tensors of pictures up to about 1,024 px find their memory again
CLEAN_EVERY, KEEP_FOR = 600, 3600  # seconds: results and uploads older than an hour are deleted


def build() -> gr.Blocks:
    """The page with all its tabs, ready to launch."""
    with gr.Blocks(
        title="MetaStyle 风格迁移", analytics_enabled=False, delete_cache=(CLEAN_EVERY, KEEP_FOR)
    ) as blocks:
        gr.HTML(HEADER)
        with gr.Tab("Transfer", id="transfer"):
            photo, photo_note = transfer.build()
            history.build()
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
    return blocks.queue(max_size=QUEUE_SIZE)


def start(
    blocks: gr.Blocks,
    host: str | None,
    port: int | None,
    auth: tuple[str, str] | None,
    mcp: bool = False,
    root_path: str | None = None,
) -> str:
    """Serve the page in the background; returns its address. Raises OSError when the port is taken."""
    _, address, _ = blocks.launch(
        server_name=host,
        server_port=port,
        root_path=root_path,
        auth=auth,
        theme=THEME,
        css_paths=CSS,
        head=HEAD,
        max_file_size=MAX_UPLOAD,
        allowed_paths=[*gallery_files(), str(PREVIEW)],
        favicon_path=ICON,
        footer_links=["api", "settings"],
        run_history=False,  # a visitor's pictures are not kept in the browser
        show_error=False,  # what may be read is said in sentences of our own
        enable_monitoring=False,
        ssr_mode=False,
        share=False,
        mcp_server=mcp,
        quiet=True,
        prevent_thread_lock=True,
    )
    set_head(blocks)
    if mcp:
        tools.adapt(blocks)
    return address


def share(blocks: gr.Blocks) -> str:
    """A public address for a page that is being served; the local page does not depend on it.

    `launch(share=True)` would serve the page's scripts from the network while it tries, and whether or not it fails.
    """
    return networking.setup_tunnel(
        blocks.server_name, blocks.server_port, blocks.share_token, None, None
    )


def credentials(text: str) -> tuple[str, str]:
    """`user:password` as a pair. Raises argparse.ArgumentTypeError, which argparse prints."""
    user, separator, password = text.partition(":")
    if not (user and separator and password):
        raise argparse.ArgumentTypeError("give it as user:password")
    return user, password


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, or $GRADIO_SERVER_NAME)"
    )
    parser.add_argument(
        "--port",
        type=int,
        help="default: the first that is free from 7860 on, or $GRADIO_SERVER_PORT",
    )
    parser.add_argument(
        "--root-path",
        metavar="PATH",
        help="where a reverse proxy serves the page, as /paint or https://host/paint (default: $GRADIO_ROOT_PATH)",
    )
    parser.add_argument(
        "--share", action="store_true", help="also ask for a public address at gradio.live"
    )
    parser.add_argument(
        "--auth", type=credentials, metavar="USER:PASSWORD", help="ask visitors for a password"
    )
    parser.add_argument(
        "--mcp", action="store_true", help="offer the endpoints to assistants as tools too (MCP)"
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="folder of trained models (default: checkpoints/)",
    )
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="folder of running trainings (default: runs/)"
    )
    options = parser.parse_args(arguments)
    if (
        options.mcp and options.auth
    ):  # Gradio would let an assistant use some tools without it, and others not at all
        parser.error("--mcp and --auth do not go together: tools cannot ask for a password")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; serves until interrupted and returns the exit code."""
    options = parse(arguments)
    if options.checkpoints:
        core.models.checkpoint.CHECKPOINTS = options.checkpoints
    if options.runs:
        logs.RUNS = options.runs
    keep_freed_memory(MAX_KEPT, KEPT)
    blocks = build()
    try:
        address = start(
            blocks, options.host, options.port, options.auth, options.mcp, options.root_path
        )
    except OSError as error:
        reason = str(error).split(". ")[0]
        print(
            f"error: the page cannot be served ({reason}); choose another --port or --host.",
            file=sys.stderr,
        )
        return 1
    print(f"MetaStyle is at {address}", flush=True)
    threading.Thread(target=growth.warm, daemon=True).start()
    if options.share:
        try:
            print(f"and for everyone at {share(blocks)}", flush=True)
        except (
            Exception
        ) as error:  # no network, a firewall, no tunnel for this platform: the local page stays
            reason = str(error).split("\n")[0].rstrip(".")
            print(
                f"The page could not be shared, only the address above works: {reason}.",
                file=sys.stderr,
                flush=True,
            )
    blocks.block_thread()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
