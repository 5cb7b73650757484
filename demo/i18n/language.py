"""The language of a request: the one that was chosen on the page, else the one that the browser asks for.

    language_of(request)                # "zh", or "en"
    said("Log in first.", request)

The choice is in the page's address (`?lang=zh`), which the browser names with every request the page makes, and in a
cookie, for the next visit.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import cookie_parser

from demo.i18n.catalogue import ENGLISH, LANGUAGES, translate

COOKIE = "metastyle-language"
PARAMETER = "lang"


def language_of(request: Any) -> str:
    """The language in which to answer; `request` has headers and perhaps a query, as Starlette's and Gradio's have."""
    if isinstance(request, list):  # of a batch
        request = request[0] if request else None
    headers = getattr(request, "headers", None) or {}
    query = str(getattr(getattr(request, "url", None), "query", ""))
    return chosen(headers, query) or preferred(headers.get("accept-language") or "")


def said(text: str, request: Any) -> str:
    """A text in the language of a request."""
    return translate(text, language_of(request))


def chosen(headers: Mapping[str, str], query: str = "") -> str | None:
    """The language that was chosen on the page, None where none was."""
    page = urlsplit(headers.get("referer") or "").query
    named = [
        parse_qs(query).get(PARAMETER, [""])[-1],
        parse_qs(page).get(PARAMETER, [""])[-1],
        cookie_parser(headers.get("cookie") or "").get(COOKIE, ""),
    ]
    return next((name for name in named if name in LANGUAGES), None)


def preferred(accepted: str) -> str:
    """The first of our languages in an Accept-Language header: "zh-TW,zh;q=0.9,en;q=0.8" -> "zh"."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((float(quality or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    wanted.sort(key=lambda pair: -pair[0])  # stable: among equals the first
    return next((name for share, name in wanted if name in LANGUAGES and share > 0), ENGLISH)
