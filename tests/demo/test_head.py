"""The page's head: one set of preview tags, a picture that can be fetched, an icon of our own."""

import io
import re
from html.parser import HTMLParser

import httpx
from PIL import Image

from demo.head import ICON, PREVIEW_TAG
from demo.shared.templates import COMPONENTS, FOLDER, script_of


class Tags(HTMLParser):
    """The `meta` tags of a page: (name or property, content), in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("property") or values.get("name")
        if tag == "meta" and name:
            self.found.append((name, values.get("content") or ""))


def test_each_preview_tag_stands_once_and_says_what_this_page_is(address: str) -> None:
    page = httpx.get(address).text
    tags = [it for it in Tags(page).found if it[0].startswith(("og:", "twitter:"))]
    assert len(tags) == len(dict(tags)) >= 10
    found = dict(tags)
    assert found["og:title"] == found["twitter:title"] == "MetaStyle 风格迁移"
    assert "Turn a photo into a painting" in found["og:description"]
    assert found["og:url"] == address
    assert not [it for it in tags if "gradio" in it[1].lower().replace("gradio_api", "")]


def test_the_picture_of_a_preview_can_be_fetched_from_its_absolute_address(address: str) -> None:
    found = dict(Tags(httpx.get(address).text).found)
    assert found["og:image"] == found["twitter:image"]
    answer = httpx.get(found["og:image"])
    assert answer.headers["content-type"] == "image/jpeg"
    size = (int(found["og:image:width"]), int(found["og:image:height"]))
    assert Image.open(io.BytesIO(answer.content)).size == size


def test_addresses_follow_the_host_that_a_visitor_came_by(address: str) -> None:
    headers = {"x-forwarded-host": "style.example", "x-forwarded-proto": "https"}
    found = dict(Tags(httpx.get(address, headers=headers).text).found)
    assert found["og:url"] == "https://style.example/"
    assert found["og:image"].startswith("https://style.example/gradio_api/file=")


def test_the_icon_is_our_own_in_the_tab_and_on_a_home_screen(address: str) -> None:
    assert httpx.get(f"{address}favicon.ico").content == ICON.read_bytes()
    icons = httpx.get(f"{address}manifest.json").json()["icons"]
    for icon, side in zip(icons, (192, 512), strict=True):
        image = Image.open(io.BytesIO(httpx.get(httpx.URL(address).join(icon["src"])).content))
        assert image.size == (side, side)
    assert not re.search(PREVIEW_TAG, httpx.get(f"{address}manifest.json").text)


def test_the_script_of_a_component_comes_once_however_many_there_are(address: str) -> None:
    """It is in the page's head; with two dozen places for a picture it was a third of what is sent."""
    page = httpx.get(address).text.replace(r"\u0027", "'")
    assert page.count("ownComponents['shared/picture_place'](") > 20
    for name in COMPONENTS:
        assert f"ownComponents['{name}'](" in page, "it is on the page"
        assert page.count(script_of(name)[:25]) == 1


def test_every_script_beside_a_template_is_a_components() -> None:
    beside = {path.with_suffix("") for path in FOLDER.rglob("*.js")} & {
        path.with_suffix("") for path in FOLDER.rglob("*.html")
    }
    assert {path.relative_to(FOLDER).as_posix() for path in beside} == COMPONENTS.keys()
