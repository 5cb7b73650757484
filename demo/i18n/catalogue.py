"""The catalogue of translations: the page's English texts, and what they are in Chinese.

    translate("Choose a photo first.", "zh")
    translate("photo 640 × 480 px", "zh")           # by the template "photo {size}"
    translate_html('<p class="caption">Weights</p>', "zh")

English is the language in which everything is written: a text without a translation stays as it is. Keys in
`zh.toml` are whole texts; what changes in them is named in braces, and is itself translated where it is a text of
the catalogue. Sentences one after another, facts side by side ("a · b") and lists that begin with a known text are
looked up part by part.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
TAGS = {ENGLISH: "en", CHINESE: "zh-CN"}  # as browsers and Gradio name them

SCRIPTS, GRADIO = "scripts", "gradio"  # sections of texts that are looked up in the browser
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NUMBER_NAME, WORD_NAME = re.compile(r"n\d*"), re.compile(r"w\d*")
CODE_NAME = re.compile(r"code\d*")
NUMBER = r"[+−-]?\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?"
SEPARATOR = " · "
SENTENCES = re.compile(r"(?<=[.!?…])(?<! c\.) (?=[A-Z0-9\"`])")
LISTS = ((": ", "："), ("; ", "；"), (", ", "，"))
# Code, stress and slanted letters belong to the sentence they stand in, every other tag ends it.
BLOCK_TAG = re.compile(r"(<(?!/?(?:code|em|i)>)[^>]*>)")
INLINE = (("code", "`"), ("em", "*"), ("i", "_"))
ATTRIBUTE = re.compile(r'\b(title|alt|aria-label|aria-valuetext|placeholder)="([^"]*)"')
MOST_PARTS = 16  # sentences or parts of a list that are looked at together
LONGEST = 2000  # characters: what is longer is no text but a picture in an address, or an attack
LETTER = re.compile(r"[A-Za-z]")


@cache
def _file(language: str) -> dict[str, dict[str, str]]:
    if language == ENGLISH:
        return {}
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text("utf-8"))


def in_browser(language: str) -> dict[str, str]:
    """What the page's scripts look up: their own texts, and words that Gradio has in English alone."""
    sections = _file(language)
    return sections.get(GRADIO, {}) | sections.get(SCRIPTS, {})


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every English text that has a translation, with it; {} for English."""
    return {key: text for part in _file(language).values() for key, text in part.items()}


@cache
def _templates(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Keys with placeholders as patterns, those with the most words of their own first."""
    parts = [part for name, part in _file(language).items() if name not in (SCRIPTS, GRADIO)]
    pairs = [pair for part in parts for pair in part.items()]
    found = [(key, text) for key, text in pairs if PLACEHOLDER.search(key)]
    found.sort(key=lambda pair: len(PLACEHOLDER.sub("", pair[0])), reverse=True)
    return [(_pattern(key), text) for key, text in found]


def _pattern(key: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(key)  # text, name, text, name, ..., text
    texts, names = parts[::2], parts[1::2]
    values = [f"(?P<{name}>{_value(name)})" for name in names]
    pairs = zip(map(re.escape, texts), [*values, ""], strict=True)
    return re.compile("".join(text + value for text, value in pairs))


def _value(name: str) -> str:
    if NUMBER_NAME.fullmatch(name):
        return NUMBER
    return r"\S+" if WORD_NAME.fullmatch(name) else ".+?"


def translate(text: str, language: str) -> str:
    """A text in that language, or as it is where the catalogue has no translation."""
    if language == ENGLISH or len(text) > LONGEST or not LETTER.search(text):
        return text
    return _translated(text, language)


@lru_cache(maxsize=1 << 14)
def _translated(text: str, language: str) -> str:
    known = _known(text, language)
    if known is not None:
        return known
    facts = text.split(SEPARATOR)
    if len(facts) > 1:
        return SEPARATOR.join(translate(fact, language) for fact in facts)
    sentences = SENTENCES.split(text)
    return _sentences(sentences, language) if len(sentences) > 1 else _list(text, language)


def _known(text: str, language: str) -> str | None:
    """The translation of a whole text, by itself or by a template."""
    known = catalogue(language).get(text)
    if known is not None:
        return known
    for pattern, translation in _templates(language):
        match = pattern.fullmatch(text)
        if match:
            return _filled(translation, match.groupdict(), language)
    return None


def _filled(translation: str, values: Mapping[str, str], language: str) -> str:
    def value(match: re.Match[str]) -> str:
        text = values[match[1]]
        return text if CODE_NAME.fullmatch(match[1]) else translate(text, language)

    return PLACEHOLDER.sub(value, translation)


def _sentences(sentences: Sequence[str], language: str) -> str:
    """One after another; several that the catalogue has as one text are one."""
    translated, at = "", 0
    while at < len(sentences):
        for count in range(min(len(sentences) - at, MOST_PARTS), 0, -1):
            known = _known(" ".join(sentences[at : at + count]), language)
            if known is not None:
                translated, at = translated + known, at + count
                break
        else:
            translated += _list(sentences[at], language)
            at += 1
            translated += " " if at < len(sentences) else ""
    return translated


def _list(text: str, language: str) -> str:
    """A title with its painter and year, or the like: what begins with a known text, as long as it can be."""
    for separator, joint in LISTS:
        parts = text.split(separator)
        for count in range(min(len(parts) - 1, MOST_PARTS), 0, -1):
            first = separator.join(parts[:count])
            translated = translate(first, language)
            if translated != first:
                rest = separator.join(parts[count:])
                return translated + joint + translate(rest, language)
    return text


def translate_html(html: str, language: str) -> str:
    """HTML with its texts, titles and descriptions in that language."""
    if language == ENGLISH:
        return html
    parts = BLOCK_TAG.split(html)  # text, tag, text, tag, ..., text
    parts[::2] = [_text(text, language) for text in parts[::2]]
    parts[1::2] = [_tag(tag, language) for tag in parts[1::2]]
    return "".join(parts)


def _tag(tag: str, language: str) -> str:
    def attribute(match: re.Match[str]) -> str:
        name, text = match.groups()
        return f'{name}="{escape(translate(unescape(text), language))}"'

    return ATTRIBUTE.sub(attribute, tag)


def _text(html: str, language: str) -> str:
    """The text between two tags, whose code and stress are marked as in the catalogue: `code`, *stress*."""
    text = html.strip()
    if not LETTER.search(text):
        return html
    inline = [(tag, mark) for tag, mark in INLINE if f"<{tag}>" in text]
    plain = text
    for tag, mark in inline:
        plain = re.sub(f"</?{tag}>", mark, plain)
    plain = " ".join(unescape(plain).split())
    translated = translate(plain, language)
    if translated == plain:
        return html
    marked = escape(translated, quote=False)
    for tag, mark in inline:
        marked = re.sub(f"{re.escape(mark)}(.+?){re.escape(mark)}", rf"<{tag}>\1</{tag}>", marked)
    return html.replace(text, marked)


def translate_all(value: Any, language: str) -> Any:
    """Every text in a value of JSON's kinds; keys stay."""
    if isinstance(value, str):
        return translate(value, language)
    if isinstance(value, Mapping):
        return {key: translate_all(part, language) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [translate_all(part, language) for part in value]
    return value
