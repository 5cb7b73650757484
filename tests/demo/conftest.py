"""Two untrained models, and the page served from them in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gradio_client import Client
from playwright.sync_api import Browser, Page

from core.inference.model_store import ModelStore
from core.models.checkpoint import save_model
from core.models.encoder import load_encoder
from core.models.registry import VARIANTS
from tests.browser import new_page, open_page

ROOT = Path(__file__).resolve().parents[2]
# The page with refining on crops of 64 px: a batch of the usual 256 px takes seconds.
SMALL_BATCHES = """
from functools import partial
from core.training import refine
refine.TrainingBatches = partial(refine.TrainingBatches, crop=64)
import app
raise SystemExit(app.main())
"""


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `original-500` and `improved-500`, narrow ones of random weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    for name in ("original-500", "improved-500"):
        variant = replace(VARIANTS[name], base=4)
        training = {"style_weight": variant.style_weight, "lr": 1e-3}
        save_model(folder / name, variant, variant.build(), load_encoder(variant.encoder), training)
    return folder


@pytest.fixture
def models(checkpoints: Path) -> Iterator[None]:
    """These two are all the models there are in the tests' own process."""
    with ModelStore(checkpoints).in_use():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the page's own process, which takes ten seconds to start."""
    for item in items:
        if "page_process" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def page_process(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, served while the tests run; its address."""
    folder, options = tmp_path_factory.mktemp("gradio"), ("--checkpoints", str(checkpoints))
    with served(folder, *options, program=("-c", SMALL_BATCHES)) as where:
        yield where


@pytest.fixture(scope="session")
def address(page_process: str) -> str:
    """Where the page is served."""
    return page_process


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    """A program that calls the page's endpoints."""
    return Client(address, verbose=False)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page on a desk, at the tab Transfer."""
    page = new_page(browser)
    open_page(page, address)
    yield page
    page.context.close()


@contextmanager
def served(
    temporary: Path, *options: str, folder: Path = ROOT, program: tuple[str, ...] = ("app.py",)
) -> Iterator[str]:
    """`python app.py` of this folder with these options in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(temporary)}
    command = [sys.executable, *program, "--port", str(port), *options]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert "MetaStyle is at" in line, f"the page did not start; it said {line!r}"
            yield line.split()[-1]
        finally:
            server.kill()  # ending in good order takes seconds; tests/test_packaging.py has it done
