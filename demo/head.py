"""What stands in the head of the page: its language, its icon, and what is shown where somebody posts a link to it.

    blocks.launch(favicon_path=ICON, allowed_paths=[PREVIEW])
    set_head(blocks)

Gradio's template carries two sets of `og:` and `twitter:` tags, one of its own name and picture and one of the page's
title without a picture. Neither can be set, so both are taken out of the template and one complete set is put in. Icon
and manifest are named from the root of the host there, which is another page where a proxy serves this one under a path.
The page is served in the visitor's language (`demo.i18n`), and says which that is.
"""

import re
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from fastapi.responses import JSONResponse
from gradio import routes
from jinja2 import BaseLoader, Environment

from demo.i18n.catalogue import TAGS
from demo.i18n.language import language_of, said
from demo.i18n.outgoing import page_in

BRAND = Path(__file__).resolve().parent / "shared" / "brand"
ICON, PREVIEW = BRAND / "icon.png", BRAND / "preview.jpg"

TITLE = "MetaStyle 风格迁移"
SENTENCE = (
    "Turn a photo into a painting: one network looks at the painting and writes another, "
    "which repaints the photo."
)
PICTURE_SAID = "A photo, a painting, and the photo repainted in its style"
PREVIEW_TAG = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*/>\s*')
OWN_TAGS = Path(__file__).with_suffix(".html").read_text("utf-8")

MANIFEST = "/manifest.json"
ICON_SIDES = (192, 512)  # px

LANGUAGE_SCRIPT = Path(__file__).parent.joinpath("i18n", "language.js").read_text("utf-8")
IN_LANGUAGE = {  # Gradio's template -> ours; what stands between braces is called for every visitor
    'lang="en"': 'lang="{{ language_tag(request) }}"',
    "{{ config | toorjson }}": "{{ in_language(config, request) | toorjson }}",
}

Source = tuple[str, str | None, Callable[[], bool] | None]


class OwnPreview(BaseLoader):
    """Gradio's templates with this page's preview tags in place of Gradio's."""

    def __init__(self, inner: BaseLoader) -> None:
        self.inner = inner

    def get_source(self, environment: Environment, template: str) -> Source:
        """The template's text, its file, and whether it is still the same (see jinja2)."""
        source, file, unchanged = self.inner.get_source(environment, template)
        source, count = PREVIEW_TAG.subn("", source)
        if count:
            for theirs, ours in IN_LANGUAGE.items():
                source = source.replace(theirs, ours, 1)
            source = source.replace("<script>", f"<script>{LANGUAGE_SCRIPT}</script>\n<script>", 1)
            source = source.replace("</head>", f"{OWN_TAGS}</head>", 1)
            source = source.replace(f'href="{MANIFEST}"', f'href=".{MANIFEST}"')
        return source, file, unchanged


def manifest() -> JSONResponse:
    """What a browser reads to put the page on a home screen; its addresses are relative to the manifest's own."""
    icons = [
        {"src": f"pwa_icon/{side}", "sizes": f"{side}x{side}", "type": "image/png"}
        for side in ICON_SIDES
    ]
    content = {"name": TITLE, "icons": icons, "start_url": "./", "display": "standalone"}
    return JSONResponse(content, media_type="application/manifest+json")


def set_head(blocks: gr.Blocks) -> None:
    """Give a page that is being served, and all that follow in this process, a head of its own."""
    environment = routes.templates.env
    environment.globals |= {
        "language_tag": lambda request: TAGS[language_of(request)],
        "in_language": lambda config, request: page_in(config, language_of(request)),
        "said": said,
        "preview": {"file": PREVIEW.as_posix(), "sentence": SENTENCE, "picture": PICTURE_SAID},
    }
    if environment.loader is not None and not isinstance(environment.loader, OwnPreview):
        environment.loader = OwnPreview(environment.loader)
        if environment.cache is not None:
            environment.cache.clear()
    served = blocks.app.router.routes
    others = [route for route in served if getattr(route, "path", None) != MANIFEST]
    blocks.app.add_api_route(MANIFEST, manifest, include_in_schema=False)
    served[:] = [served[-1], *others]
