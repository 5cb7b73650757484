"""Who may use the page, from where: checks in front of Gradio, as one ASGI middleware.

    access = Access("127.0.0.1", more=["style.example.org"])
    blocks.launch(app_kwargs={"middleware": [Middleware(AccessMiddleware, access=access)]})
    access.allow("0123456789.gradio.live")

- The Host header must name this server, so that a foreign page whose name suddenly leads to this computer (DNS rebinding)
  reaches neither the page nor its tools.
- A browser that sends a request from a page of another origin is refused.
- With a password, nothing but the login page answers without it; wrong passwords are answered ever more slowly.
- What is served is not guessed to be of another kind than it says, and only shown in frames of this page itself.

A Space of Hugging Face is there for everyone, under names and in frames that are not known here: neither Host, nor origin,
nor frames are checked on it.
"""

import asyncio
import ipaddress
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.server.refusals import refusal_to

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")
NO_PARTS_OF_A_HOST = frozenset("/?#@\\")  # with which a name could stand inside of another address
LOGIN, STARTUP = "/login", "/gradio_api/startup-events"
LOGIN_PAGE = Path(__file__).with_name("login.html")
WRONG_HOST = (
    "This server does not answer to that name; start the page with --allow-host NAME if it should."
)
WRONG_ORIGIN = "Requests from pages of other sites are refused."
LOG_IN_FIRST = "Log in first."
TOO_MANY_LOGINS = "Too many wrong passwords; wait a minute and try again."
MAX_DELAY = 30.0  # s, before a wrong password is answered
FORGET_AFTER = 900.0  # s without a wrong password, after which an address starts anew
MAX_WAITING_LOGINS = 3  # of one address at the same time
MAX_ADDRESSES = 10_000


class Access:
    """The names under which the page may be reached.

    Args:
        host: the address that is listened on.
        more: further names, without port.

    On a Space everything is let through.
    """

    def __init__(self, host: str, more: Iterable[str] = ()) -> None:
        self.public = bool(os.environ.get("SPACE_ID"))
        self.any_address = host in EVERYWHERE
        self.hosts = {*LOOPBACK, host.lower().strip("[]"), *(name.lower() for name in more)}
        if self.any_address:
            own = socket.gethostname().lower()
            self.hosts |= {own, f"{own}.local", socket.getfqdn().lower()}

    def allow(self, host: str) -> None:
        """Also answer to this name."""
        self.hosts.add(host.lower())

    def is_own(self, host: str | None) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name, _ = split_host(host or "")
        return self.public or name in self.hosts or (self.any_address and _is_address(name))

    def is_foreign(self, origin: str | None, host: str | None) -> bool:
        """Whether an Origin header is there and is not the page's own; localhost and 127.0.0.1 are the same."""
        if self.public or origin is None:
            return False
        scheme, _, there = origin.partition("://")
        name, port = split_host(there)
        if not name:  # no address at all; "null": a frame without an origin, a file
            return True
        own_name, own_port = split_host(host or "")
        default = 443 if scheme == "https" else 80
        same_name = name == own_name or (name in LOOPBACK and own_name in LOOPBACK)
        if same_name and (port or default) == (own_port or default):
            return False
        # A proxy may send another Host than the browser asked for: our other names are not foreign.
        return name in LOOPBACK or name not in self.hosts


def split_host(host: str) -> tuple[str, int | None]:
    """`name:port` as name, in lower case and without brackets, and port or None; no name where there is more in it."""
    if not NO_PARTS_OF_A_HOST.isdisjoint(host):
        return "", None
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass
class _Attempts:
    """What one address has tried: wrong passwords in a row, when the last one was, how many are being looked at."""

    wrong: int = 0
    last: float = 0.0
    waiting: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class AccessMiddleware:
    """The checks; see the module's description."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access
        self._attempts: OrderedDict[str, _Attempts] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        send = self._with_headers(send)
        if not self.access.is_own(headers.get("host")):
            return await _refuse(421, WRONG_HOST, scope, receive, send)
        if self.access.is_foreign(headers.get("origin"), headers.get("host")):
            return await _refuse(403, WRONG_ORIGIN, scope, receive, send)
        path = scope["path"].rstrip("/")
        if scope["app"].auth is not None and path == LOGIN and scope.get("method") == "POST":
            return await self._log_in(scope, receive, send)
        if not _needs_login(scope, headers):
            return await self.app(scope, receive, send)
        if path == "" and scope.get("method") in ("GET", "HEAD"):
            page = FileResponse(LOGIN_PAGE, headers={"Cache-Control": "no-store"})
            return await page(scope, receive, send)
        return await _refuse(401, LOG_IN_FIRST, scope, receive, send)

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if not self.access.public:
                    headers["Content-Security-Policy"] = "frame-ancestors 'self'"
                    headers["X-Frame-Options"] = "SAMEORIGIN"
            await send(message)

        return sending

    async def _log_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Gradio look at the password, one at a time for each address; a wrong one is answered late.

        The first is answered after a second, each further one after twice the time, up to half a minute.
        """
        address = (scope.get("client") or ("",))[0]
        attempts = self._attempts.setdefault(address, _Attempts())
        self._attempts.move_to_end(address)
        if not attempts.waiting and time.monotonic() - attempts.last > FORGET_AFTER:
            attempts.wrong = 0
        if len(self._attempts) > MAX_ADDRESSES:
            self._attempts.popitem(last=False)
        if attempts.waiting >= MAX_WAITING_LOGINS:
            return await _refuse(429, TOO_MANY_LOGINS, scope, receive, send)
        attempts.waiting += 1
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status == 400:
                    attempts.wrong, attempts.last = attempts.wrong + 1, time.monotonic()
                    await asyncio.sleep(min(2.0 ** (attempts.wrong - 1), MAX_DELAY))
                elif status < 400:
                    attempts.wrong = 0
            await send(message)

        try:
            async with attempts.lock:
                await self.app(scope, receive, sending)
        finally:
            attempts.waiting -= 1


def _needs_login(scope: Scope, headers: Headers) -> bool:
    """Whether there is a password, and this request does not come from somebody who gave it."""
    gradio = scope["app"]
    if gradio.auth is None:
        return False
    is_gradio_itself = scope["path"] == STARTUP and not gradio.startup_events_triggered
    if is_gradio_itself:  # it calls its own page once
        return False
    cookies = cookie_parser(headers.get("cookie", ""))
    names = (f"access-token-{gradio.cookie_id}", f"access-token-unsecure-{gradio.cookie_id}")
    return not any(cookies.get(name) in gradio.tokens for name in names)


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await refusal_to(Request(scope), sentence, status)(scope, receive, send)
