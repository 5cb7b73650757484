"""The catalogue of translations: how texts are found in it, that it is complete, and that nothing in it is left over."""

import ast
import html
import io
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from core.analysis.curves import LogError
from core.analysis.growth_law import scale_free
from core.analysis.training_logs import read_files
from core.images.decode import ImageError, load_image
from core.metrics.features import MEASURES
from core.models.registry import MODELS, titled
from core.result import stroke_note
from demo import report
from demo.growth import tables, text
from demo.i18n.catalogue import (
    CHINESE,
    PLACEHOLDER,
    catalogue,
    in_browser,
    translate,
    translate_html,
)
from demo.i18n.language import language_of, preferred
from demo.i18n.outgoing import answer_in, figure_in, page_in
from demo.shared.templates import macros
from demo.shared.uploads import label_of
from gallery import report as written
from gallery.pictures import CONTENTS, paintings

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = re.compile(r"[A-Za-z]{3,}(?: [a-z]{2,}){2,}|^[A-Z]?[a-z]+(?: [a-z]+)*[.…:]?$")
# Names and code, which are the same in every language.
SAME = re.compile(
    r"`[^`]*`|pip install [\w-]+|(?:seeds/)?(?:original|improved|ablation)-[\w-]+|flagship|fixed-norm|decay|MetaStyle|Python"
)
# For programs and for who starts the page, not for its visitors.
FOR_PROGRAMS = (
    "demo/mcp.py",
    "demo/space.py",
    "demo/shared/endpoint_look.py",
    "demo/transfer/endpoints.py",
    "demo/server/cleaner.py",
)
NOT_SHOWN = (
    "call it inside gr.Blocks",
    "This data URL cannot be read.",
    "a draft carries no recipe",
)


def zh(text: str) -> str:
    return translate(text, CHINESE)


def is_english(text: str) -> bool:
    """Whether words are left in it that nobody translated."""
    return bool(ENGLISH.search(SAME.sub("", text).strip()))


# ---- how texts are found ----


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Stylize", "风格迁移"),
        (
            stroke_note((2048, 1024)),
            "图中笔触的宽度约为 512 px 时的四分之一；将细节设为 512 px 可得到那样的笔触。",
        ),
        ("result 640 × 480 px", "结果 640 × 480 px"),
        ("original-1000 (8 channels), fitted", "original-1000（8 通道），拟合"),
        (
            "The Great Wave off Kanagawa, Katsushika Hokusai, c. 1831",
            "神奈川冲浪里，葛饰北斋，约 1831",
        ),
        ("3 of 8 paintings · about 2 min left", "3 / 8 幅画作 · 大约还需 2 分钟"),
        (
            "With so few seeds that is a strong hint, and no proof. Stopped.",
            "种子如此之少，这只是有力的线索，而非证明。已停止。",
        ),
    ],
)
def test_texts_are_found_whole_by_template_and_part_by_part(english: str, chinese: str) -> None:
    assert zh(english) == chinese
    assert translate(english, "en") == english


@pytest.mark.parametrize(
    "unknown", ["", "512 × 512 px", "me and you.jpg, 512 × 512 px", "my dog: a story.png", "照片"]
)
def test_what_is_not_in_the_catalogue_stays_as_it_is(unknown: str) -> None:
    assert zh(unknown) == unknown


@pytest.mark.parametrize(
    "repeated", ["a, b; ", "a. B! ", "; and hardly looked at ", "1 of 2 · ", '"x" is y; accepted ']
)
def test_no_text_takes_long(repeated: str) -> None:
    begun = time.process_time()
    for length in (250, 1990, 1_000_000):
        text = (repeated * length)[:length]
        assert translate_html(text, CHINESE)
    assert time.process_time() - begun < 5


def test_html_keeps_its_tags_its_code_and_what_is_escaped() -> None:
    said = '<p title="Close">There is no report yet: run <code>python -m gallery.report</code>, '
    said += "then start the page again.</p><b>a &lt; b</b>"
    found = '<p title="关闭">尚无报告：请运行 <code>python -m gallery.report</code>，'
    found += "然后重新启动本页面。</p><b>a &lt; b</b>"
    assert translate_html(said, CHINESE) == found
    assert translate_html(said, "en") == said
    name = '<p class="problem">&quot;a&lt;b.jpg&quot; is empty; accepted are PNG and HEIC pictures.</p>'
    assert "&lt;b" in translate_html(name, CHINESE)


def test_answers_are_translated_by_their_component_and_values_are_left_alone() -> None:
    with gr.Blocks():
        outputs = [gr.HTML(), gr.Button(), gr.Radio(["linear"]), gr.Textbox(), gr.Gallery()]
    data = [
        "<p>Stopped.</p>",
        {"__type__": "update", "value": "Stop", "visible": True},
        {"__type__": "update", "choices": [["Instant", "instant"]], "value": "linear"},
        "Stop",
        [{"image": {"path": "Stop"}, "caption": "Poppies"}],
    ]
    html_, button, radio, box, pictures = answer_in(outputs, data, CHINESE)
    assert html_ == "<p>已停止。</p>"
    assert button == {"__type__": "update", "value": "停止", "visible": True}
    assert radio["choices"] == [["即时", "instant"]]
    assert (radio["value"], box) == ("linear", "Stop")
    assert pictures == [{"image": {"path": "Stop"}, "caption": "罂粟"}]
    assert answer_in(outputs, data, "en") == data


def test_of_a_figure_words_are_translated_and_numbers_are_not_looked_at() -> None:
    packed = {"dtype": "f8", "bdata": "min"}
    figure = {
        "data": [{"x": packed, "y": [1.0, 2.0], "name": "original-500, fitted"}],
        "layout": {"title": {"text": "Total loss"}},
    }
    found = figure_in(figure, CHINESE)
    assert found["data"][0] == {"x": packed, "y": [1.0, 2.0], "name": "original-500，拟合"}
    assert found["layout"]["title"]["text"] == "总损失"
    listed = "Total loss: <b>original-500</b>, <b style='color:red'>mine (8 channels)</b>"
    assert figure_in(listed, CHINESE).endswith("<b style='color:red'>mine（8 通道）</b>")


# ---- the language of a request ----


class Asked:
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"accept_language": "zh-TW,zh;q=0.9,en;q=0.8"}, "zh"),
        ({"accept_language": "fr, en;q=0.5, zh;q=0.4"}, "en"),
        ({"accept_language": "de"}, "en"),
        ({"accept_language": "zh;q=nonsense,,;"}, "en"),
        ({"accept_language": "zh", "cookie": "metastyle-language=en"}, "en"),
        ({"accept_language": "en", "cookie": "metastyle-language=zh"}, "zh"),
        ({"cookie": "metastyle-language=en", "referer": "http://a/?lang=zh&tab=many"}, "zh"),
        ({"cookie": "metastyle-language=klingon", "accept_language": "zh"}, "zh"),
    ],
)
def test_a_choice_comes_before_the_browsers_language(
    headers: dict[str, str], language: str
) -> None:
    assert language_of(Asked(**headers)) == language


def test_a_request_without_headers_is_answered_in_english() -> None:
    assert language_of(None) == "en"
    assert preferred("") == "en"


# ---- it is complete ----


def test_of_a_name_that_is_given_two_texts_both_are_seen() -> None:
    source = 'a = "one"\nb = f"{a} of {n}"\na = "two"\nc = f"{b}, {x}"'
    assert {text for _, text in literals(ast.parse(source))} == {
        *("one", "two", "one of {0}", "two of {0}"),
        *("one of {0}, {1}", "two of {0}, {1}"),
    }


Named = dict[str, list[ast.expr]]
PLACE = "\0"  # of what changes in a text


def named_texts(tree: ast.AST) -> Named:
    """What a module assigns to its names, as far as it stands there as texts."""
    found: Named = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def texts_of(node: ast.AST, named: Named) -> list[str]:
    """All that a text of the source may say, with `PLACE` for what changes in it; a part with a name stands there
    as each of the texts that the name is given.
    """
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        parts = [texts_of(part, named) for part in node.values]
        return ["".join(chosen) for chosen in itertools.product(*parts)]
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
        name = node.value.id
        others = {other: values for other, values in named.items() if other != name}
        said = [text for value in named.get(name, ()) for text in texts_of(value, others)]
        return list(dict.fromkeys(said)) or [PLACE]
    return [PLACE]


def numbered(text: str) -> str:
    """The text with its places named {0}, {1}, …"""
    number = itertools.count()
    return re.sub(PLACE, lambda _: f"{{{next(number)}}}", text)


def literals(tree: ast.AST, named: Named | None = None) -> Iterator[tuple[ast.AST, str]]:
    """Every text in a module, or in a part of one whose texts are `named`, that is no docstring."""
    named = named_texts(tree) if named is None else named
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (is_text or isinstance(node, ast.JoinedStr)) and id(node) not in docs | parts:
            for text in texts_of(node, named):
                yield node, numbered(text)


def sources(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def samples(text: str) -> Iterator[str]:
    """The text as it may come to the page: with a name, a number or limits in each place."""
    places = list(dict.fromkeys(re.findall(r"\{\d+\}", text)))[:5]
    for values in itertools.product(("x", "7", "s", "must be 7 to 7 px"), repeat=len(places)):
        sample = html.unescape(text)
        for place, value in zip(places, values, strict=True):
            sample = sample.replace(place, value)
        yield sample


SENTENCE = re.compile(r'^["A-Z`0-9].* .*[.!?…]$', re.S)


def test_every_sentence_in_the_pages_code_is_translated() -> None:
    missing = {
        f"{name}: {text}"
        for name, tree in sources("demo")
        if name not in FOR_PROGRAMS
        for _, text in literals(tree)
        if SENTENCE.match(text) and "<" not in text and text not in NOT_SHOWN
        if all(is_english(zh(sample)) for sample in samples(text))
    }
    assert not missing


USER_ERRORS = (
    *("SettingsError", "ProvenanceError", "WeightsError", "LogError", "VideoError"),
    "ImageError",
)
# Raised to a programmer, or in a command: no visitor reads them.
FOR_COMMANDS = (
    "core/stylize.py",
    "core/batch.py",
    "core/training/",
    "core/images/find.py",
    "core/inference/onnx_export.py",
    "core/baselines/johnson.py",
)
# Its last part is made elsewhere.
PUT_TOGETHER = {"The model {0} does not fit this program: in its {1}, {2}."}
WITH_A_NAME = re.compile(r'^["A-Z`0-9{].* .*[.!?…]$', re.S)  # perhaps at its beginning


def raised_by(call: ast.Call, named: Named) -> Iterator[str]:
    """Every text in a call; an argument that is a name stands there as each of the texts that it is given."""
    for _, said in literals(ast.Module([ast.Return(call)], []), named):
        yield said
    for argument in call.args:
        if isinstance(argument, ast.Name):
            for value in named.get(argument.id, ()):
                yield from map(numbered, texts_of(value, named))


def test_every_sentence_of_the_library_that_reaches_the_page_is_translated() -> None:
    missing = set()
    for name, tree in sources("core"):
        if name.startswith(FOR_COMMANDS):
            continue
        named = named_texts(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in USER_ERRORS:
                for said in raised_by(node, named):
                    if not WITH_A_NAME.match(said) or said in PUT_TOGETHER:
                        continue
                    if all(is_english(zh(sample)) for sample in samples(said)):
                        missing.add(f"{name}: {said}")
    assert not missing


def broken_pictures(folder: Path) -> dict[str, bytes | Image.Image]:
    tiny = io.BytesIO()
    Image.new("RGB", (4, 9)).save(tiny, "PNG")
    narrow = io.BytesIO()
    Image.new("RGB", (20, 900)).save(narrow, "PNG")
    return {
        "empty.jpg": b"",
        "tiny.png": tiny.getvalue(),
        "narrow.png": narrow.getvalue(),
        "cut.png": narrow.getvalue()[:60],
        "letter.pdf": b"%PDF-1.7",
        "page.html": b"<!doctype html><html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "notes.txt": b"just words",
        "film.mp4": b"\0\0\0\x18ftypisom\0\0\0\0",
        "noise.bin": bytes(range(256)),
    }


def test_whatever_is_wrong_with_a_picture_is_said_in_chinese(tmp_path: Path) -> None:
    for name, data in broken_pictures(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(data)  # type: ignore[arg-type]
        with pytest.raises(ImageError) as refused:
            load_image(path)
        said = zh(str(refused.value))
        assert name in said
        assert not is_english(said.replace(name, "")), said


def test_what_is_wrong_with_a_log_names_its_columns_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("just,words\n1,2\n")
    with pytest.raises(LogError) as refused:
        read_files([path], "own log")
    said = zh(str(refused.value))
    assert said.startswith("“notes.csv”不是训练日志") and "iteration, layer, p0" in said
    assert not is_english(said)


def test_models_measures_and_pictures_have_chinese_names() -> None:
    titles = [
        titled(model.title, note)
        for model in MODELS.values()
        for note in ("", replace(MODELS["improved-500"], base=8).width_note)
    ]
    measures = [measure.title for measure in MEASURES.values()]
    labels = [picture.title for picture in (*CONTENTS, *paintings())]
    left = [text for text in (*titles, *measures, *labels) if not re.search("[一-鿿]", zh(text))]
    assert not left
    assert all(is_english(zh(label_of(it))) is False for it in paintings())


SAID_IN = re.compile(r'\b(?:title|alt|aria-label|placeholder)="([^"]+)"')


def words_of(page: str) -> list[str]:
    """The texts between tags, and those in attributes that are read out."""
    shown = SAID_IN.findall(page)
    return [
        html.unescape(part).strip() for part in [*re.sub("<[^>]*>", "\n", page).split("\n"), *shown]
    ]


def test_report_and_growth_tables_are_chinese_throughout() -> None:
    found = report.read()
    assert found
    words = macros("growth/text.html")
    pages = [report.page(found), tables.heldout(), words.introduction(), words.law(), words.cure()]
    lines = written.markdown(found, zh).splitlines()
    pages += [line.replace("|", "\n") for line in lines]
    pages += [
        f"<p>{text.TABLE_NOTE} {scale_free('transform_net.downsampling.1.weight')}</p>",
        f"<p>{text.HANDLING}</p>",
    ]
    left = {
        word
        for page in pages
        for word in words_of(translate_html(page, CHINESE))
        if len(word) > 1 and is_english(word)
    }
    assert not left


# ---- and nothing in it is left over ----


def test_translations_name_what_their_texts_name() -> None:
    for english, chinese in (catalogue(CHINESE) | in_browser(CHINESE)).items():
        assert chinese.strip(), english
        assert set(PLACEHOLDER.findall(english)) == set(PLACEHOLDER.findall(chinese)), english


def source_texts() -> str:
    """All literals of the code, scripts and templates, in one text without places and marks."""
    found = [text for _, tree in sources("demo", "core", "gallery") for _, text in literals(tree)]
    found += [path.read_text("utf-8") for path in (ROOT / "demo").rglob("*.html")]
    found += re.findall(r'"[^"\n]*"', (ROOT / "gallery/pictures.json").read_text("utf-8"))
    found += re.findall(r'"[^"\n]*"', json.dumps(report.report(), ensure_ascii=False))
    read_out = [part for text in found for part in SAID_IN.findall(text)]
    return "\n".join(map(plain, [*found, *read_out]))


def plain(text: str) -> str:
    """Without tags, places and marks."""
    text = html.unescape(
        re.sub(r"<(/?)(\w*)[^<>]*>", lambda tag: "" if len(tag[2]) == 1 else " ", text)
    )
    return " ".join(re.sub(r"\{[^}]*\}|[`*_\\]", " ", text).lower().split())


# Texts that are put together of such small parts that no two words of them stand together.
OF_SMALL_PARTS = {
    "the refined cells of {row}",
    "the instant cells of {row}",
    "iteration %{x:,d}",
    "Someone is refining; {when}.",
    "There is no mode named {name}; choose instant or refined.",
    "{n} % higher",
    "{n}% as wide",
}


def test_every_key_stands_somewhere_in_the_code() -> None:
    """Many texts are put together, so what is looked for are pairs of neighbouring words."""
    known = source_texts()
    left = []
    for key in catalogue(CHINESE).keys() - in_browser(CHINESE).keys() - OF_SMALL_PARTS:
        parts = [plain(part).split() for part in re.split(r"[,;:.·\"()]|\{\w+\}", key)]
        pairs = [
            " ".join(part[at : at + 2]) for part in parts for at in range(max(1, len(part) - 1))
        ]
        pairs = [pair for pair in pairs if len(pair) > 3]
        if sum(pair in known for pair in pairs) < 0.6 * len(pairs):
            left.append(key)
    assert not left


def test_scripts_look_up_what_is_in_the_catalogue_and_the_catalogue_has_no_more() -> None:
    code = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "demo").rglob("*.js")))
    code += (ROOT / "demo/live.py").read_text("utf-8")
    asked = {
        ast.literal_eval(quoted) for quoted in re.findall(r"translated\((\"[^\"]+\"|'[^']+')", code)
    }
    assert asked
    assert not asked - in_browser(CHINESE).keys()


@pytest.fixture(scope="module")
def components() -> list[dict[str, Any]]:
    """All components of the page, in English, as Gradio's scripts get them."""
    import app

    return list(app.build().get_config_file()["components"])


def said_by(component: dict[str, Any]) -> list[str]:
    """What a visitor reads of a component. Names for programs, which no visitor sees, are written small."""
    props = component["props"]
    labels = [props.get(name) for name in ("label", "info", "placeholder")]
    labels = [label for label in labels if label and not label[0].islower()]
    labels += [text for text, value in props.get("choices") or [] if text != value]
    if component["type"] == "html":
        labels += words_of(props["html_template"].replace("${value}", ""))
        labels += words_of(props["value"]) if isinstance(props.get("value"), str) else []
    if component["type"] == "button" and props["value"] != "Run":
        labels.append(props["value"])
    return labels


def test_all_words_of_components_are_translated(components: list[dict[str, Any]]) -> None:
    shown = {text for component in components for text in said_by(component)}
    known = {text: zh(text) for text in shown if len(text) > 1 and is_english(text)}
    page = page_in({"components": components}, CHINESE)["components"]
    in_page = {text for component in page for text in said_by(component)}
    assert len(known) > 100
    assert not {text for text in in_page & known.keys() if not text.isupper()} - {"English", "WebP"}


def test_no_component_holds_a_value_that_the_browser_would_translate(
    components: list[dict[str, Any]],
) -> None:
    """Gradio's scripts translate every `value` that the browser's catalogue knows, a choice's too."""
    for component in components:
        value = component["props"].get("value")
        if isinstance(value, str) and component["type"] not in ("html", "button"):
            assert value not in in_browser(CHINESE)


def test_the_page_starts_in_either_language() -> None:
    config = {
        "i18n_translations": {"zh-CN": {}},
        "components": [
            {"type": "slider", "props": {"label": "Strength, %", "value": 100}},
            {
                "type": "html",
                "props": {
                    "html_template": "<p>Nothing is painted yet.</p>",
                    "props": {"names": ["Photo"]},
                },
            },
        ],
    }
    assert page_in(config, "en")["components"] == config["components"]
    slider, place = page_in(config, CHINESE)["components"]
    assert slider["props"] == {"label": "强度（%）", "value": 100}
    assert place["props"] == {
        "html_template": "<p>尚未绘制任何图片。</p>",
        "props": {"names": ["照片"]},
    }
    assert config["components"][0]["props"]["label"] == "Strength, %"  # type: ignore[index]
