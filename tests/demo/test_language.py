"""The page in Chinese, in a browser: every tab, what is painted and refused there, and the switch between languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from gallery.pictures import CONTENTS, paintings
from tests.browser import SLOW
from tests.demo.conftest import served

TABS = ("transfer", "many", "compare", "report", "growth", "video", "live")
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
# Every text that can be seen or is read out, with where it stands; what is code stays as it is.
TEXTS = """() => {
  const found = [], code = ".cm-editor, code, script, style, noscript, template";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const part = walk.currentNode.parentElement;
    if (!part.closest(code) && part.checkVisibility()) found.push(walk.currentNode.data.trim());
  }
  for (const name of ["title", "aria-label", "placeholder", "alt", "aria-valuetext", "data-title"])
    for (const part of document.querySelectorAll(`[${name}]`)) found.push(part.getAttribute(name).trim());
  return found;
}"""
FILES = "|".join(picture.name.replace("_", " ") for picture in (*CONTENTS, *paintings()))
# Names, units and formats: the same in every language.
NAMES = re.compile(
    r"(?<![A-Za-z])(?:[\w-]+\.(?:jpg|png|txt|csv)|MetaStyle|English|Python|API|NASA|SpaceX|DSCOVR|Chelsea|flagship|decay|fixed-norm|free"
    r"|(?:seeds/)?(?:original|improved|ablation)-[\w-]+|relu\d_\d"
    r"|VGG1[69]|MetaNet|TransformNet|ResidualBlock|Gatys|Johnson|Gram|SSIM|CIELAB|RMS|Adam|AdamW|Karras"
    r"|Wasserstein|Wilcoxon|TensorBoard|bfloat16|float32|instance norm|base|epoch|cpu|lr|std|dE"
    r"|PNG|SVG|PDF|CSV|JSON|MP4|JPEG|WebP|AVIF|HEIC|GIF|BMP|TIFF|Markdown|zip|px|MB|MiB"
    r"|Stéfan van der Walt|Lav Varshney|Rachel Michetti|danielbuechele|vultilion|transform_net[\w.]*"
    r"|https|notes|\.txt|video/x-m4v,video/\*)(?![A-Za-z])"
    rf"|{FILES}"
)
WORD = re.compile(r"[A-Za-z]{3,}")


def english(page: Page) -> list[str]:
    """What is left in English on the page as it is now."""
    texts = dict.fromkeys(page.evaluate(TEXTS))
    return [text for text in texts if WORD.search(NAMES.sub("", text))]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with all that the repository ships, so that every table and figure is there."""
    with served(tmp_path_factory.mktemp("language")) as where:
        yield where


def chinese_page(browser: Browser, width: int = 1280, locale: str = "zh-CN") -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    context.set_default_timeout(SLOW)
    return context.new_page()


def choose(page: Page, tab: str) -> None:
    """Another tab of the page that is there."""
    button = page.locator(f'[role=tab][data-tab-id="{tab}"]')
    button.click()
    expect(button).to_have_attribute("aria-selected", "true")


def unfold(page: Page) -> None:
    """Open all that is folded in the tab."""
    for closed in ("button.label-wrap:not(.open)", "details:not([open]) > summary"):
        for part in page.locator(closed).all():
            if part.is_visible():
                part.click()


def test_no_tab_has_english_left_and_none_is_wider_than_a_phone(
    browser: Browser, shipped: str
) -> None:
    page = chinese_page(browser)
    page.goto(shipped, wait_until="domcontentloaded")
    for tab in TABS:
        choose(page, tab)
        if tab == "growth":
            expect(
                page.locator("#growth-figure .ytitle, #growth-figure .annotation-text").first
            ).to_be_visible()
        if tab == "compare":
            expect(page.locator(".chart .gtitle, .chart .xtitle").first).to_be_visible()
        unfold(page)
        page.wait_for_function(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
        )
        assert not english(page), tab
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("document.documentElement.scrollWidth <= 390")
        page.set_viewport_size({"width": 1280, "height": 900})
    words = (
        "(word) => getComputedStyle(document.documentElement).getPropertyValue(`--said-${word}`)"
    )
    assert [page.evaluate(words, word) for word in ("start", "stop")] == ['"开始"', '"停止"']
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.context.close()


def test_results_refusals_and_figures_are_chinese(
    browser: Browser, shipped: str, tmp_path: Path
) -> None:
    page = chinese_page(browser)
    page.goto(shipped, wait_until="domcontentloaded")
    notes = tmp_path / "notes.txt"
    notes.write_text("just words")
    page.locator("#photo input[type=file]").set_input_files(notes)
    expect(page.locator("#photo-note")).to_contain_text('notes.txt" 是文本文件，不能使用；接受')
    page.locator("#painting-gallery").get_by_label("构成第八号").click()
    expect(page.locator("#status .facts")).to_contain_text("提取风格")
    expect(page.locator("#painting-note")).to_contain_text("构成第八号，瓦西里·康定斯基，1923")
    expect(page.locator("#strip .results button")).to_have_count(1)
    choose(page, "many")
    page.get_by_role("tab", name="多张照片").click()
    page.locator("#many-files input[type=file]").set_input_files(notes)
    page.get_by_role("button", name="绘制照片").click()
    expect(page.locator("#many-status")).to_contain_text('notes.txt" 是文本文件，不能使用')
    assert not english(page)
    choose(page, "video")
    page.locator("#clip input[type=file]").set_input_files(notes)
    expect(page.get_by_test_id("toast-body").first).to_contain_text("文件类型无效：notes.txt")
    assert not english(page)
    choose(page, "growth")
    expect(page.locator("#growth-figure .annotation-text").last).to_contain_text("总损失")
    axis = page.locator("#growth-figure text", has_text=re.compile("^迭代$"))
    expect(axis).to_have_count(1)
    page.context.close()


def test_the_switch_works_by_keyboard_keeps_the_address_and_outlasts_the_visit(
    browser: Browser, address: str
) -> None:
    page = chinese_page(browser, locale="en-US")
    page.goto(f"{address}?tab=video", wait_until="domcontentloaded")
    chosen = page.locator(".languages [aria-current]")
    expect(chosen).to_have_text("English")
    link = page.get_by_role("link", name="中文")
    link.focus()
    link.press("Enter")
    expect(page.get_by_role("tab", name="视频", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    assert "tab=video" in page.url and "lang=zh" in page.url
    expect(chosen).to_have_text("中文")
    page.goto(address)  # another day, by the bare address
    expect(page.get_by_role("button", name="风格迁移", exact=True)).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("button", name="Stylize", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.evaluate("document.documentElement.lang = 'zh-CN'")  # as Gradio's own settings do
    expect(page.get_by_role("button", name="风格迁移", exact=True)).to_be_visible()
    page.context.close()


def test_the_head_and_refusals_of_requests_are_in_the_browsers_language(address: str) -> None:
    page = httpx.get(address, headers=ZH).text
    assert '<html\n\tlang="zh-CN"' in page
    assert "把照片变成画" in page.split("</head>")[0]
    assert '<html\n\tlang="en"' in httpx.get(address).text
    refused = httpx.post(f"{address}gradio_api/call/stylize", content=b"{", headers=ZH)
    assert refused.json()["detail"].startswith("无法理解此请求")
    foreign = httpx.get(address, headers=ZH | {"Origin": "https://elsewhere.example"})
    assert foreign.text == "来自其他网站页面的请求会被拒绝。"
