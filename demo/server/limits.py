"""What a request may cost, before Gradio sees it: the size of its body, room on the disk, and words for what goes wrong.

    app_kwargs = {"middleware": [Middleware(LimitsMiddleware, cleaner=cleaner)], "exception_handlers": HANDLERS}
    blocks.launch(app_kwargs=app_kwargs)

Answers to what went wrong are one sentence, and never repeat what was sent. Pages are compressed; events that are sent as they
happen are not, since they would be kept back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import gradio.route_utils
import gradio.routes
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import API_PREFIX, FnIndexInferError, GradioMultiPartParser
from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.i18n.language import said
from demo.server.cleaner import Cleaner, is_full
from demo.server.refusals import CLOSING, FULL, OUR_FAULT, UNREADABLE, refusal_to

MAX_BODY = 16 << 20  # bytes
MAX_UPLOAD_BYTES = 64 << 20  # of a file; 20 seconds of a phone's video have about 45 MB
MAX_UPLOADS = 210_000_000  # bytes of one request that uploads files; twenty photos together have at most 200 MB
MAX_LOGIN = 4 << 10  # bytes
MAX_VALUES = 50_000  # in JSON: a million of them keep the page from all else for seconds
COMPRESSED = ("/", "/config", f"{API_PREFIX}/info", f"{API_PREFIX}/openapi.json")
CLEANER = "metastyle.cleaner"  # in the scope of a request
UPLOAD, LOGIN = f"{API_PREFIX}/upload", "/login"
LIMITS = {UPLOAD: MAX_UPLOADS, LOGIN: MAX_LOGIN}
TOO_LARGE = (
    f"This is too large: a file may have {MAX_UPLOAD_BYTES >> 20} MB, "
    f"and {MAX_UPLOADS / 1e6:g} MB can be uploaded at once."
)
ORDERS = tuple(
    f"{API_PREFIX}/{route}"
    for route in ("call", "queue", "run", "api", "stream", "cancel", "component_server")
)
FROM_WRONG_ORDERS = (ValueError, TypeError, LookupError, AttributeError)
BY_STATUS = {
    400: "This request cannot be understood.",
    403: "There is no such file here (any more).",
    404: "There is nothing at this address.",
    413: TOO_LARGE,
    405: "This address cannot be used in this way.",
}
BY_UPLOAD_STATUS = BY_STATUS | {400: UNREADABLE}

_log = logging.getLogger(__name__)


class LimitsMiddleware:
    """Refuses bodies that are too large, makes room for uploads, compresses pages."""

    def __init__(self, app: ASGIApp, cleaner: Cleaner) -> None:
        self.cleaner = cleaner
        self._compressing = GZipMiddleware(app, compresslevel=6)
        self._limited = {
            limit: RequestBodyLimitMiddleware(app, limit) for limit in (MAX_BODY, *LIMITS.values())
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).rstrip("/") or "/"
        if scope["type"] != "http" or path in COMPRESSED:
            return await self._compressing(scope, receive, send)
        request = Request(scope)
        if self.cleaner.is_ending:
            return await refusal_to(request, CLOSING, 503)(scope, receive, send)
        limit = LIMITS.get(path, MAX_BODY)
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() and len(length) < 20 else 0
        if size > limit:
            return await refusal_to(request, TOO_LARGE, 413)(scope, receive, send)
        if path == UPLOAD and not await asyncio.to_thread(self.cleaner.free, size):
            return await refusal_to(request, FULL, 507)(scope, receive, send)
        scope[CLEANER] = self.cleaner
        try:
            limited = self._limited[limit]
            await limited(scope, receive if path == UPLOAD else _counted(receive), send)
        finally:
            if path == UPLOAD and self.cleaner.is_ending:  # it came in while the page was closed
                self.cleaner.stop()


def _counted(receive: Receive) -> Receive:
    """Of a body in JSON no more than `MAX_VALUES` are read, by what stands before each of them.

    Raises:
        HTTPException: there are more.
    """
    values = 0

    async def counting() -> Message:
        nonlocal values
        message = await receive()
        body = message.get("body", b"")
        values += sum(map(body.count, (b",", b"[", b"{")))
        if values > MAX_VALUES:
            raise HTTPException(400)
        return message

    return counting


class TidyParser(GradioMultiPartParser):
    """Reads an upload; when it breaks off, its half files do not stay.

    Gradio's own deletes them only where the upload is malformed, not where the visitor leaves or the disk is full.
    """

    async def parse(self) -> FormData:
        try:
            return await super().parse()
        except BaseException as error:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            if isinstance(error, MultiPartException):  # its own words quote what came
                is_too_large = "maximum allowed" in error.message
                raise HTTPException(413 if is_too_large else 400) from error
            raise


def tidy_uploads() -> None:
    """Have Gradio read uploads with `TidyParser`."""
    for module in (gradio.route_utils, gradio.routes):
        setattr(module, "GradioMultiPartParser", TidyParser)  # noqa: B010, which mypy does not know


# ---- answers to what went wrong ----


async def on_wrong_request(request: Request, error: Exception) -> JSONResponse:
    """A request whose body is no JSON, or lacks something: Gradio would repeat all of it."""
    return JSONResponse({"detail": said(UNREADABLE, request)}, 422)


async def on_refusal(request: Request, error: Exception) -> JSONResponse:
    """Gradio's own refusals, in which file names and addresses would be repeated."""
    assert isinstance(error, HTTPException)
    # Of 503 Gradio's browser client says that the application is busy, whatever it was told.
    if error.status_code == 503:
        error.status_code = 429
    is_ours = error.status_code == 400 and error.detail.endswith(".")
    quotes = not is_ours or request.url.path.startswith(UPLOAD)
    by_status = BY_UPLOAD_STATUS if request.url.path.startswith(UPLOAD) else BY_STATUS
    detail = by_status.get(error.status_code, error.detail) if quotes else error.detail
    detail = said(detail, request) if isinstance(detail, str) else detail
    return JSONResponse({"detail": detail}, error.status_code, headers=error.headers)


async def on_fault(request: Request, error: Exception) -> Response:
    """Whatever else was raised: a full disk in a sentence, our own faults to the log.

    Where Gradio reads an order, it raises these errors for orders of no form that it knows. While
    the page is being closed, a request may not find its files any more, which is nobody's fault.
    """
    cleaner: Cleaner | None = request.scope.get(CLEANER)
    if cleaner and cleaner.is_ending:
        return refusal_to(request, CLOSING, 503)
    if is_full(error):
        return refusal_to(request, FULL, 507)
    if request.url.path.startswith(ORDERS) and isinstance(error, FROM_WRONG_ORDERS):
        return await on_wrong_request(request, error)
    _log.error(OUR_FAULT, exc_info=error)
    return refusal_to(request, OUR_FAULT, 500)


Handler = Callable[[Request, Exception], Awaitable[object]]
HANDLERS: dict[type[Exception], Handler] = {
    RequestValidationError: on_wrong_request,
    HTTPException: on_refusal,
    FnIndexInferError: on_wrong_request,
    **dict.fromkeys((OSError, *FROM_WRONG_ORDERS, Exception), on_fault),
}
