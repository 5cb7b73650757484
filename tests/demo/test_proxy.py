"""The page behind a reverse proxy that serves it under a path: everything a visitor sees comes through the proxy."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from gallery.pictures import find_content, find_style
from tests.browser import CAMERA, SLOW, foreign_requests, new_page, open_page
from tests.conftest import draw_folder
from tests.proxy import Proxy, proxied

from .conftest import served

pytestmark = pytest.mark.slow  # serves a page in this process

ALL_LOADED = """(selector) => {
    const images = [...document.querySelectorAll(selector)];
    return images.length > 0 && images.every((it) => it.complete && it.naturalWidth > 0);
}"""


@pytest.fixture(scope="module")
def proxy(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The page under /paint, of a server that was told so."""
    options = ("--checkpoints", str(checkpoints), "--root-path", "/paint")
    with (
        served(tmp_path_factory.mktemp("gradio"), *options) as address,
        proxied(address, "/paint") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def chromium_flags() -> list[str]:
    return CAMERA


@pytest.fixture(scope="module")
def page_behind_it(browser: Browser, proxy: Proxy) -> Iterator[tuple[Page, list[str]]]:
    """The page, loaded once for all tabs, and what it has asked for elsewhere."""
    page = new_page(browser)
    page.context.grant_permissions(["camera"])
    foreign = foreign_requests(page)
    open_page(page, proxy.address)
    yield page, foreign
    page.context.close()


@pytest.fixture
def page(page_behind_it: tuple[Page, list[str]], proxy: Proxy) -> Iterator[Page]:
    page, foreign = page_behind_it
    yield page
    assert not foreign and not proxy.strays


def loaded(page: Page, selector: str) -> None:
    """Wait until every picture there has come."""
    page.wait_for_function(ALL_LOADED, arg=selector, timeout=SLOW)


def test_programs_find_everything_below_the_path(proxy: Proxy) -> None:
    client = Client(proxy.address, verbose=False, download_files=False)
    photo, painting = find_content("coffee").path(), find_style("duerer_lion").path()
    result, *_ = client.predict(
        handle_file(photo),
        handle_file(painting),
        model="original-500",
        size=128,
        api_name="/stylize",
    )
    url = result["url"] if isinstance(result, dict) else result
    assert url.startswith(f"{proxy.address}gradio_api/file=")
    assert httpx.get(url).headers["content-type"] == "image/png"
    assert f'content="{proxy.address}"' in httpx.get(proxy.address).text
    icon = httpx.get(f"{proxy.address}manifest.json").json()["icons"][0]["src"]
    assert httpx.get(httpx.URL(proxy.address).join(icon)).status_code == 200


def test_thumbnails_slider_and_strip_come_through_the_proxy(page: Page, proxy: Proxy) -> None:
    loaded(page, "#photo-gallery img, #painting-gallery img, #more img")
    loaded(page, "#slider img")
    page.locator("#painting-gallery button").nth(6).click()
    after = page.locator("#slider img.after")
    expect(after).to_have_attribute("src", re.compile("kandinsky_composition_viii"))
    assert after.evaluate("(image) => image.src").startswith(proxy.address)
    loaded(page, "#slider img")
    expect(page.locator("#strip .results button")).to_have_count(1)
    loaded(page, "#strip .results img")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    page.get_by_role("tab", name="Compare").click()
    loaded(page, "#grid img")


def test_a_zip_of_several_photos_comes_through_the_proxy(page: Page, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Many").click()
    page.get_by_role("tab", name="Several photos").click()
    photos = draw_folder(tmp_path / "photos", 2)
    page.locator("#many-files input[type=file]").set_input_files(photos)
    expect(page.locator("#many-files-note")).to_contain_text("2 photos")
    page.get_by_role("button", name="Paint the photos").click()
    expect(page.locator("#many-status")).to_contain_text("2 painted")
    loaded(page, "#many-results img")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download zip").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 2


def test_the_camera_is_painted_through_the_proxy(page: Page) -> None:
    page.get_by_role("tab", name="Live").click()
    page.get_by_role("button", name="Access Webcam").click()
    page.locator("#camera").get_by_role("button", name="capture photo").click()
    expect(page.locator("#live img")).to_have_attribute(
        "src", re.compile("^data:image/jpeg;base64,")
    )
