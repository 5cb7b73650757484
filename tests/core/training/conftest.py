"""Trainers are let go after each test; small pictures for what a training does once at its end."""

from collections.abc import Iterator

import pytest

from core.inference import quantisation
from core.runtime import release_freed_memory
from tests.training import MEASURED_SIDE


@pytest.fixture(autouse=True)
def _stored_form_is_measured_on_small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What storing a model costs is measured on the gallery's pictures at a quarter of their size: 64 pairs, up to five times."""
    monkeypatch.setattr(quantisation, "STYLE_SIDE", MEASURED_SIDE)
    monkeypatch.setattr(quantisation, "CONTENT_SIDE", MEASURED_SIDE)


@pytest.fixture(autouse=True)
def _trainers_are_let_go() -> Iterator[None]:
    """A trainer refers to itself, and its few large tensors do not bring Python to look for such things: half a GB a test."""
    yield
    release_freed_memory()
