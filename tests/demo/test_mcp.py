"""The endpoints as tools: listed and called by a real client of the Model Context Protocol, over HTTP."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

import app
from core.inference.model_store import ModelStore
from gallery.pictures import find_content, find_style

pytestmark = pytest.mark.slow  # serves a page in this process

PHOTO, PAINTING = find_content("coffee").path(), find_style("duerer_lion").path()


@pytest.fixture(scope="module")
def address(checkpoints: Path) -> Iterator[str]:
    """A page with tools, served from this process."""
    with ModelStore(checkpoints).in_use():
        blocks = app.build()
        yield app.start(blocks, "127.0.0.1", None, None, mcp=True)
        blocks.close()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[ClientSession]:
    url = f"{address}gradio_api/mcp/"
    async with (
        streamable_http_client(url) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def tools(address: str) -> dict[str, types.Tool]:
    async def ask() -> types.ListToolsResult:
        async with connected(address) as session:
            return await session.list_tools()

    return {tool.name: tool for tool in asyncio.run(ask()).tools}


def call(
    address: str, name: str, arguments: dict[str, object], progress: bool = False
) -> types.CallToolResult:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        """What is done is of no interest here; that a client asks for it changes how Gradio answers."""

    async def ask() -> types.CallToolResult:
        async with connected(address) as session:
            return await session.call_tool(
                name, arguments, progress_callback=told if progress else None
            )

    return asyncio.run(ask())


def upload(address: str, *files: Path) -> list[str]:
    """The addresses that Gradio's upload server hands to an assistant."""
    parts = [("files", (file.name, file.read_bytes())) for file in files]
    paths = httpx.post(f"{address}gradio_api/upload", files=parts).json()
    return [f"{address}gradio_api/file={path}" for path in paths]


def said(result: types.CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))


def painted(result: types.CallToolResult) -> Image.Image:
    assert not result.isError, said(result)
    [picture] = [part for part in result.content if isinstance(part, types.ImageContent)]
    return Image.open(io.BytesIO(base64.b64decode(picture.data)))


def test_the_named_endpoints_are_tools_with_descriptions(address: str) -> None:
    found = tools(address)
    assert {"models", "stylize", "refine", "stylize_video"} <= set(found)
    assert not {"paint", "accept", "pick", "frame", "stop_refining", "stop_painting"} & set(
        found
    ), "the page's own"
    assert all(tool.description for tool in found.values())
    assert (found["stylize"].description or "").startswith(
        "Repaint a photo in the style of a painting"
    )
    parameters = found["stylize_video"].inputSchema["properties"]
    assert all(parameter["description"] for parameter in parameters.values())
    assert set(parameters["model"]["enum"]) == {"improved-500", "original-500"}


def test_a_tool_lists_the_models(address: str) -> None:
    assert "improved-500" in said(call(address, "models", {}))


@pytest.mark.parametrize("progress", [False, True])
def test_pictures_that_were_uploaded_are_stylised(address: str, progress: bool) -> None:
    photo, painting = upload(address, PHOTO, PAINTING)
    order: dict[str, object] = {
        "content": photo,
        "style": painting,
        "model": "original-500",
        "size": 256,
    }
    result = call(address, "stylize", order, progress)
    assert painted(result).size == (256, 171)
    assert "coffee__duerer_lion__original-500.png" in said(result)
    assert "'output_size': [256, 171]" in said(result)


def test_two_paintings_are_mixed_within_a_mask(address: str, tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "mask.png")
    photo, painting, second, mask = upload(
        address, PHOTO, PAINTING, find_style("stained_glass").path(), tmp_path / "mask.png"
    )
    order: dict[str, object] = {
        "content": photo,
        "style": painting,
        "model": "original-500",
        "size": 96,
    }
    result = call(
        address,
        "stylize",
        order | {"style_2": second, "mix": "0.7 0.3", "mask": mask, "strength": 0.5},
    )
    assert painted(result).size == (96, 64)
    assert "'mix': [0.7, 0.3]" in said(result) and "--mask mask.png" in said(result)


def test_pictures_can_be_sent_along_as_data(address: str) -> None:
    small = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(small, "PNG")
    data = "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
    result = call(
        address, "stylize", {"content": data, "style": data, "model": "original-500", "size": 256}
    )
    assert painted(result).size == (256, 192)


def test_several_photos_are_painted_from_a_list(address: str) -> None:
    [painting] = upload(address, PAINTING)
    small = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(small, "PNG")
    data = "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
    order: dict[str, object] = {"style": painting, "model": "original-500", "size": 64}
    result = call(address, "stylize_many", order | {"photos": [*upload(address, PHOTO), data]})
    assert not result.isError, said(result)
    assert "coffee__duerer_lion__original-500.png" in said(result) and "'of': 2" in said(result)
    refused = call(address, "stylize_many", order | {"photos": ["/etc/passwd"]})
    assert refused.isError and said(refused).startswith("Give a file as the address")


def test_anything_else_is_refused_in_one_sentence(address: str, tmp_path: Path) -> None:
    [painting] = upload(address, PAINTING)
    for content in (
        str(PHOTO),
        "/etc/passwd",
        "file:///etc/passwd",
        "https://example.com/photo.jpg",
    ):
        result = call(address, "stylize", {"content": content, "style": painting})
        assert result.isError and said(result).startswith("Give a file as the address"), content
    for path in ("/etc/passwd", str(PHOTO), "/tmp/gradio/gone.png"):
        result = call(
            address, "stylize", {"content": f"{address}gradio_api/file={path}", "style": painting}
        )
        assert result.isError and said(result).startswith("There is no upload at this address"), (
            path
        )
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    assert "is not of type 'string'" in said(
        call(address, "stylize", {"content": file, "style": painting})
    )


def test_a_file_that_is_no_picture_gets_the_same_sentence_as_on_the_page(
    address: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("milk, eggs")
    photo, painting = upload(address, tmp_path / "notes.png", PAINTING)
    for progress in (False, True):
        result = call(address, "stylize", {"content": photo, "style": painting}, progress)
        assert result.isError and '"notes.png" is a text file, which cannot be used' in said(result)


def test_tools_and_a_password_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.parse(["--mcp", "--auth", "visitor:secret"])
    assert "do not go together" in capsys.readouterr().err
