"""The machine that computes: which number format is faster on it."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from core import runtime
from core.runtime import bfloat16_pays, convolution_seconds, fast_dtype


@pytest.fixture
def measured(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[dict[torch.dtype, list[float]]], torch.dtype]]:
    """fast_dtype on a processor whose convolutions take these seconds, in turn."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)

    def decide(seconds: dict[torch.dtype, list[float]]) -> torch.dtype:
        turns = {dtype: itertools.cycle(values) for dtype, values in seconds.items()}
        monkeypatch.setattr(runtime, "convolution_seconds", lambda dtype: next(turns[dtype]))
        bfloat16_pays.cache_clear()
        return fast_dtype("cpu")

    yield decide
    bfloat16_pays.cache_clear()


@pytest.mark.parametrize(
    ("in_float32", "in_bfloat16", "expected"),
    [
        ([0.04], [0.02], torch.bfloat16),
        ([0.04], [0.08], torch.float32),
        ([0.04], [0.038], torch.float32),  # not worth the rounding
        ([0.04, 0.04, 0.04], [0.02, 0.02, 0.5], torch.bfloat16),  # a run that was disturbed
        ([0.04, 0.9, 0.04], [0.06, 0.06, 0.06], torch.float32),
        ([0.0], [0.0], torch.float32),  # a clock too coarse
    ],
)
def test_a_measurement_decides_on_bfloat16(
    measured: Callable[[dict[torch.dtype, list[float]]], torch.dtype],
    in_float32: list[float],
    in_bfloat16: list[float],
    expected: torch.dtype,
) -> None:
    assert measured({torch.float32: in_float32, torch.bfloat16: in_bfloat16}) == expected


def test_bfloat16_is_measured_once_and_leaves_the_threads_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    threads = torch.get_num_threads()
    bfloat16_pays.cache_clear()
    first = fast_dtype("cpu")
    assert first in (torch.float32, torch.bfloat16)
    monkeypatch.setattr(runtime, "convolution_seconds", None)
    assert fast_dtype("cpu") == first
    assert torch.get_num_threads() == threads


def test_without_the_instructions_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(runtime, "convolution_seconds", None)
    bfloat16_pays.cache_clear()
    assert fast_dtype("cpu") == torch.float32
    bfloat16_pays.cache_clear()


HOLDING = """
from pathlib import Path
import torch
from core.runtime import keep_freed_memory, release_freed_memory

def resident():
    return int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line).split()[1]) // 1000

keep_freed_memory()
before = resident()
tensors = [torch.ones(1 << 20) for _ in range(100)]
del tensors
kept = resident() - before
release_freed_memory()
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the C library keeps nothing")
def test_what_was_kept_is_given_back() -> None:
    command = [sys.executable, "-c", HOLDING]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kept, left = map(int, done.stdout.split())  # MB
    assert kept > 300 and left < 100


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_model_can_be_loaded_where_gradients_are_off(mode: Callable[[], Any]) -> None:
    with mode():
        assert convolution_seconds(torch.float32) > 0
