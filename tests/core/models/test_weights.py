"""Weights on disk: what packing loses, how shards are cut, and that a file is written whole or not at all."""

import json
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from core.files import write_atomic
from core.models import weights
from core.models.weights import (
    INDEX,
    SINGLE,
    WeightsError,
    load_tensors,
    pack_rows,
    save_one,
    save_tensors,
    unpack,
)
from tests.packing import pack_levels


def assert_same(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert got[name].dtype == value.dtype
        assert torch.equal(got[name], value), name


def files(folder: Path) -> list[str]:
    """All names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


# ---- packings ----


def test_rows_are_within_half_a_step_of_their_own_scale() -> None:
    weight = torch.randn(50, 40) * torch.logspace(-4, 2, 50)[:, None]
    packed, scale = pack_rows(weight)
    assert packed.dtype == torch.int8
    assert scale.shape == (50,)
    error = (unpack({"w": packed, "w.scale": scale})["w"] - weight).abs()
    largest = weight.abs().amax(1, keepdim=True)
    assert (error <= largest / 254 * 1.0001).all()
    assert torch.equal(packed.abs().amax(1), torch.full((50,), 127, dtype=torch.int8))


def test_rows_of_zeros_stay_zeros() -> None:
    packed, scale = pack_rows(torch.zeros(2, 4))
    assert torch.equal(unpack({"w": packed, "w.scale": scale})["w"], torch.zeros(2, 4))


def test_packing_packed_rows_again_changes_nothing() -> None:
    once = unpack(dict(zip(("w", "w.scale"), pack_rows(torch.randn(20, 32)), strict=True)))
    twice = unpack(dict(zip(("w", "w.scale"), pack_rows(once["w"]), strict=True)))
    torch.testing.assert_close(twice, once, rtol=1e-6, atol=0)


def test_levels_are_lossless_up_to_256_values() -> None:
    values = torch.randn(256)
    weight = torch.cat([values, values[torch.randint(256, (1000,))]]).view(8, 157)
    packed = pack_levels(weight)
    assert packed is not None
    assert packed[0].dtype == torch.uint8
    assert torch.equal(unpack({"w": packed[0], "w.levels": packed[1]})["w"], weight)
    assert pack_levels(torch.arange(257.0)) is None


def test_unpack_gives_float32_under_the_plain_names() -> None:
    plain = unpack(
        {
            "half": torch.ones(2, dtype=torch.float16),
            "row": torch.ones(1, 2),
            "row.scale": torch.ones(1),
        }
    )
    assert {name: value.dtype for name, value in plain.items()} == {
        "half": torch.float32,
        "row": torch.float32,
    }


# ---- folders ----


def test_round_trip_in_one_file(tmp_path: Path) -> None:
    tensors = {
        "b": torch.randn(3, 4),
        "a": torch.arange(5, dtype=torch.int8),
        "c": torch.randn(2).half(),
    }
    size = save_tensors(tmp_path / "new" / "folder", tensors)
    assert files(tmp_path / "new" / "folder") == [SINGLE]
    assert size == (tmp_path / "new" / "folder" / SINGLE).stat().st_size
    assert_same(load_tensors(tmp_path / "new" / "folder"), tensors)


def test_tensors_may_be_views_and_in_any_layout(tmp_path: Path) -> None:
    grid = torch.randn(4, 6)
    tensors = {
        "transposed": grid.t(),
        "part": grid[1:3, ::2],
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.randn(3)),
    }
    save_tensors(tmp_path, tensors)
    assert_same(load_tensors(tmp_path), tensors)


def test_shards_stay_under_10_mb_and_are_indexed(tmp_path: Path) -> None:
    tensors = {f"layer{i}": torch.full((1_000_000,), float(i)) for i in range(5)}
    size = save_tensors(tmp_path, tensors)
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    assert files(tmp_path) == [*shards, INDEX]
    assert all((tmp_path / name).stat().st_size < 10_000_000 for name in shards)
    assert size == sum((tmp_path / name).stat().st_size for name in shards)
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["metadata"]["total_size"] == 20_000_000
    for name, shard in index["weight_map"].items():
        assert name in safetensors.torch.load_file(tmp_path / shard)
    assert_same(load_tensors(tmp_path), tensors)


@pytest.mark.parametrize(("before", "after"), [(6, 2), (6, 1), (1, 6)])
def test_stale_shards_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    monkeypatch.setattr(weights, "SHARD_BYTES", 400)
    (tmp_path / "model.json").write_text("{}")
    save_tensors(tmp_path, {f"old{i}": torch.randn(100) for i in range(before)})
    tensors = {f"new{i}": torch.randn(100) for i in range(after)}
    save_tensors(tmp_path, tensors)
    assert_same(load_tensors(tmp_path), tensors)
    shards = [path for path in files(tmp_path) if path.endswith(".safetensors")]
    assert len(shards) == after
    assert (tmp_path / INDEX).exists() == (after > 1)
    assert (tmp_path / "model.json").exists()


# ---- broken files ----


def save_two_shards(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHARD_BYTES", 400)
    save_tensors(folder, {"a": torch.randn(100), "b": torch.randn(100)})


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"^The weights in nowhere cannot be read: .*"):
        load_tensors(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 64])
def test_a_file_that_is_not_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SINGLE).write_bytes(content)
    with pytest.raises(WeightsError, match=rf"^The weights in {tmp_path.name} cannot be read: "):
        load_tensors(tmp_path)


def test_a_truncated_file(tmp_path: Path) -> None:
    save_tensors(tmp_path, {"a": torch.randn(1000)})
    whole = (tmp_path / SINGLE).read_bytes()
    for length in (4, 40, len(whole) - 1):
        (tmp_path / SINGLE).write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="cannot be read"):
            load_tensors(tmp_path)


def test_a_missing_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_two_shards(tmp_path, monkeypatch)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_tensors(tmp_path)


@pytest.mark.parametrize(
    "index", ["{", "[]", "{}", '{"weight_map": ["a"]}', '{"weight_map": {"a": 1}}', "\udcff"]
)
def test_a_broken_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    save_two_shards(tmp_path, monkeypatch)
    (tmp_path / INDEX).write_bytes(index.encode(errors="surrogateescape"))
    with pytest.raises(WeightsError, match="cannot be read"):
        load_tensors(tmp_path)


# ---- whole or not at all ----


def test_write_atomic_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    write_atomic(path, b"first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert files(path.parent) == ["file.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "file.json"
    write_atomic(path, b"old")
    save_one(tmp_path / SINGLE, {"a": torch.ones(3)})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(OSError, match="the disk is full"):
        write_atomic(path, b"new")
    with pytest.raises(OSError, match="the disk is full"):
        save_one(tmp_path / SINGLE, {"a": torch.zeros(3)})
    assert files(tmp_path) == ["file.json", SINGLE]
    assert path.read_bytes() == b"old"
    assert torch.equal(load_tensors(tmp_path)["a"], torch.ones(3))


def test_metadata_is_stored(tmp_path: Path) -> None:
    save_one(tmp_path / "state.safetensors", {"a": torch.ones(1)}, {"done": "7"})
    with safetensors.safe_open(tmp_path / "state.safetensors", "pt") as file:
        assert file.metadata() == {"done": "7"}
