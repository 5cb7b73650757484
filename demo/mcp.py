"""The page's named endpoints as tools for an assistant (Model Context Protocol), with `python app.py --mcp`.

    blocks.launch(mcp_server=True, ...)
    adapt(blocks)                       # http://127.0.0.1:7860/gradio_api/mcp/ (streamable HTTP)

Gradio makes a tool of every public endpoint, described by its docstring. A picture or video reaches a tool as

- the address that the page gave it when it was uploaded (POST /gradio_api/upload). For a client whose assistant cannot
  upload, Gradio brings a second server that does it for files of one folder on the assistant's computer; in its settings:

      "metastyle": {"url": "http://127.0.0.1:7860/gradio_api/mcp/"},
      "metastyle-files": {"command": "gradio", "args": ["upload-mcp", "http://127.0.0.1:7860", "/path/to/pictures"]}

- or a data URL (data:image/png;base64,...), which suits programs and small pictures.

Paths and addresses elsewhere are refused: nothing on this computer that was not uploaded is read, and nothing is downloaded.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.processing_utils import save_base64_to_cache
from gradio.utils import get_upload_folder
from gradio_client import handle_file

from core.images.decode import ImageError
from demo.shared.uploads import uploaded

UPLOADED = "/gradio_api/file="
HOW = "Give a file as the address that uploading it to this page returned, or as a data: URL."


def adapt(blocks: gr.Blocks) -> None:
    """Adapt the tools of a page that was launched with `mcp_server=True`, where Gradio 6.31 falls short in three ways.

    It downloads every file by its address, but refuses to download from this computer, on which its own uploads are; lists of
    files have a schema that no client can use, and reach the tool as they were written; and a client that does not ask to be
    told of progress gets several results as one text, in place of a picture and a text.
    """
    server: Any = blocks.mcp_server_obj
    convert, describe = server.convert_strings_to_filedata, server.get_input_schema

    def input_schema(*arguments: Any) -> Any:
        schema, places = describe(*arguments)
        for parameter in schema["properties"].values():
            # The strings of a list refer to a definition at no such place.
            if parameter.pop("$defs", None) and "items" in parameter:
                parameter["items"].pop("$ref", None)
        return schema, places

    def convert_files(arguments: Mapping[str, object], places: list[list[str | int]]) -> Any:
        names = {str(place[0]) for place in places}
        files = {name: _file(value) for name, value in arguments.items() if name in names}
        return convert({**arguments, **files}, places)

    async def results(job: Any) -> list[Any]:
        async for update in job:
            if update.type == "output" and update.final:
                if not update.success:
                    raise RuntimeError(update.outputs.get("error") or "The tool failed.")
                return list(update.outputs["data"])
        raise job.exception() or RuntimeError("The tool ended without a result.")

    server.get_input_schema = input_schema
    server.convert_strings_to_filedata = convert_files
    server._execute_tool_without_progress = results


def _file(value: object) -> object:
    """What Gradio is to make of a file argument: a data URL as it is, the address of an upload as that file.

    In a list, where Gradio makes nothing of them, data URLs are files as well.
    """
    if isinstance(value, list):
        return [_saved(part) if _is_data(part) else _file(part) for part in value]
    if not isinstance(value, str) or _is_data(value):
        return value
    path = urlsplit(value).path
    if UPLOADED not in path:
        raise ValueError(HOW)
    try:
        return handle_file(uploaded({"path": unquote(path.partition(UPLOADED)[2])}) or "")
    except (ImageError, ValueError) as error:  # not an upload, or deleted since
        raise ValueError(f"There is no upload at this address (any more). {HOW}") from error


def _is_data(value: object) -> bool:
    return isinstance(value, str) and value.startswith("data:")


def _saved(data: str) -> object:
    try:
        return handle_file(save_base64_to_cache(data, get_upload_folder()))
    except ValueError as error:
        raise ValueError(f"This data URL cannot be read. {HOW}") from error
