"""A reverse proxy that serves another server under a path, as nginx does:

location /paint/ { proxy_pass http://127.0.0.1:7860/; proxy_buffering off; }

with proxied("http://127.0.0.1:7860/", "/paint") as proxy:
    proxy.address, proxy.strays         # http://127.0.0.1:PORT/paint/, paths that were asked for outside
"""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        address: where a visitor finds the page, with a slash at its end.
        strays: paths outside the proxy's that were asked for; answered with 404.
    """

    address: str = ""
    strays: list[str] = field(default_factory=list)


def proxy_app(target: str, path: str, strays: list[str]) -> Starlette:
    """Passes what is asked for below `path` on to `target`, bodies as streams in both directions."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=target, timeout=None) as app.state.client:
            yield

    async def pass_on(request: Request) -> Response:
        headers = [it for it in request.headers.raw if it[0].decode() not in OF_ONE_CONNECTION]
        client: httpx.AsyncClient = request.app.state.client
        asked = client.build_request(
            request.method,
            request.path_params["rest"] + (f"?{request.url.query}" if request.url.query else ""),
            headers=headers,  # the visitor's Host among them, as with `proxy_set_header Host $http_host`
            content=request.stream(),
        )
        answer = await client.send(asked, stream=True)

        async def body() -> AsyncIterator[bytes]:
            try:
                async for chunk in answer.aiter_raw():
                    yield chunk
            finally:
                await answer.aclose()

        response = StreamingResponse(body(), answer.status_code)
        response.raw_headers = [
            it for it in answer.headers.raw if it[0].lower().decode() not in OF_ONE_CONNECTION
        ]
        return response

    async def with_slash(_: Request) -> Response:
        return RedirectResponse(f"{path}/")

    async def stray(request: Request) -> Response:
        strays.append(request.url.path)
        return PlainTextResponse("not here", 404)

    return Starlette(
        routes=[
            Route(f"{path}/{{rest:path}}", pass_on, methods=METHODS),
            Route(path, with_slash),
            Route("/{rest:path}", stray, methods=METHODS),
        ],
        lifespan=lifespan,
    )


@contextmanager
def proxied(target: str, path: str) -> Iterator[Proxy]:
    """The proxy, served in a thread on a free port while the block runs."""
    proxy = Proxy()
    app = proxy_app(target, path, proxy.strays)
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the proxy did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    proxy.address = f"http://127.0.0.1:{port}{path}/"
    yield proxy
    server.should_exit = server.force_exit = True
    thread.join(10)
