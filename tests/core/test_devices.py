"""Which device a program computes on."""

import pytest
import torch

from core import runtime
from core.inference.model_store import ModelStore
from core.runtime import (
    DeviceError,
    default_device,
    find_device,
    init_distributed,
    set_default_device,
)


@pytest.fixture(autouse=True)
def cpu_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_default", torch.device("cpu"))


def there_is(monkeypatch: pytest.MonkeyPatch, *, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 if cuda else 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "found"), [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps")]
)
def test_auto_is_the_gpu_that_there_is(
    cuda: bool, mps: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_is(monkeypatch, cuda=cuda, mps=mps)
    assert find_device("auto") == torch.device(found)
    assert init_distributed().device.type == found
    if found != "cpu":
        assert find_device(found).type == found
    assert find_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["foo", "cpu:1", "cuda", "cuda:7", "mps", "mps:1", "", "meta"])
def test_a_device_that_is_not_there_is_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_is(monkeypatch)
    with pytest.raises(DeviceError) as notice:
        find_device(name)
    assert str(notice.value).endswith(".") and "\n" not in str(notice.value)


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    there_is(monkeypatch, cuda=True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert init_distributed().device == torch.device("cuda:1")
    assert init_distributed("cuda:0").device == torch.device("cuda:0")


def test_the_programs_device_is_where_models_are_loaded() -> None:
    assert default_device() == torch.device("cpu")
    stylizer = ModelStore().stylizer("flagship")
    assert stylizer.device == torch.device("cpu")
    assert set_default_device("cpu") == default_device()
