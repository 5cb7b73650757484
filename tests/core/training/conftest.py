"""Trainers are let go after each test; few and small pictures for what a training does once at its end."""

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.images.library import library
from core.training import storage
from tests.training import MEASURED, MEASURED_SIDE


@pytest.fixture(autouse=True)
def _stored_form_is_measured_on_small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What storing a model costs is measured up to seven times: on 4 pairs of small pictures here."""
    pictures = library()
    few = replace(
        pictures, contents=pictures.contents[:MEASURED], styles=pictures.styles[:MEASURED]
    )
    monkeypatch.setattr(storage, "library", lambda: few)
    monkeypatch.setattr(storage, "STYLE_SIDE", MEASURED_SIDE)
    monkeypatch.setattr(storage, "CONTENT_SIDE", MEASURED_SIDE)


@pytest.fixture(autouse=True)
def _trainers_are_let_go() -> Iterator[None]:
    """A trainer refers to itself, and its few large tensors do not bring Python to look for such things: half a GB a test."""
    yield
    gc.collect()
