"""Weights on disk: safetensors in shards under 10 MB, 8 bits a value where that is enough.

Packings:
- rows: int8 per output row of a matrix, `weight = scale[row] * q`, undone by `unpack_rows`;
- levels: a layer that holds at most 256 different values becomes an index into them, without loss.

Layout of a folder, as in the Hugging Face Hub: `model.safetensors`, or
`model-00001-of-0000N.safetensors` with `model.safetensors.index.json` naming the shard of each
tensor.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from core.commandline import UserError
from core.files import LFS_BEGINS, LFS_POINTER, printable, write_atomic

INT8_MAX = 127
SHARD_BYTES = 9_500_000
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


class WeightsError(UserError):
    """Weights are missing, broken or of another model."""


def pack_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise a matrix (rows x columns) to int8 with one float32 scale per row,
    rounding to nearest; |int8| <= 127.
    """
    scale = weight.abs().amax(dim=1).clamp(min=1e-12) / INT8_MAX
    rows = torch.round(weight / scale[:, None]).clamp(-INT8_MAX, INT8_MAX)
    return rows.to(torch.int8), scale.to(torch.float32)


def unpack_rows(rows: Tensor, scales: Tensor) -> Tensor:
    """Undo `pack_rows` for a tensor of any shape,
    one scale for each index of its first dimension, as float32.
    """
    if scales.shape != rows.shape[:1]:
        raise ValueError(f"{len(rows)} rows need as many scales, not {tuple(scales.shape)}")
    return rows.float() * scales.view(-1, *[1] * (rows.ndim - 1))


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo rows and levels: every tensor comes back as float32 under its own name."""
    plain: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith((".scale", ".levels")):
            continue
        if f"{name}.scale" in tensors:
            plain[name] = unpack_rows(value, tensors[f"{name}.scale"].to(torch.float32))
        elif f"{name}.levels" in tensors:
            plain[name] = tensors[f"{name}.levels"].to(torch.float32)[value.long()]
        else:
            plain[name] = value.to(torch.float32)
    return plain


def save_one(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write one safetensors file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_atomic(path, save(on_cpu, metadata))


def load_one(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of one safetensors file. Raises OSError, SafetensorError."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def save_tensors(folder: Path, tensors: Mapping[str, Tensor]) -> int:
    """Write tensors to a folder in shards of at most `SHARD_BYTES`; returns the bytes written."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name in sorted(tensors):
        value = tensors[name]
        if shards[-1] and size + value.nbytes > SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += value.nbytes
    folder.mkdir(parents=True, exist_ok=True)
    count = len(shards)
    names = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    names = names if count > 1 else [SINGLE]
    for name, shard in zip(names, shards, strict=True):
        save_one(folder / name, shard)
    if count > 1:
        index = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
        total = sum(value.nbytes for value in tensors.values())
        content = {"metadata": {"total_size": total}, "weight_map": index}
        write_atomic(folder / INDEX, json.dumps(content, indent=1).encode())
    else:
        (folder / INDEX).unlink(missing_ok=True)
    for stale in set(folder.glob("model*.safetensors")) - {folder / name for name in names}:
        stale.unlink()
    return sum((folder / name).stat().st_size for name in names)


def load_tensors(folder: Path) -> dict[str, Tensor]:
    """Read what `save_tensors` wrote.

    Raises:
        WeightsError: a file is missing, is a Git LFS pointer or is not safetensors.
    """
    tensors: dict[str, Tensor] = {}
    for name in _shards(folder):
        try:
            tensors.update(load_file(folder / name))
        except FileNotFoundError as error:
            raise _unreadable(folder, f"{name} is missing.") from error
        except Exception as error:  # safetensors raises what it likes on a broken file
            pointer = is_lfs_pointer(folder / name)
            why = lfs_sentence(name) if pointer else f"{name} is damaged."
            raise _unreadable(folder, why) from error
    return tensors


def _shards(folder: Path) -> list[str]:
    """Names of the files that hold a folder's tensors."""
    index = folder / INDEX
    if not index.is_file():
        return [SINGLE]
    if is_lfs_pointer(index):
        raise _unreadable(folder, lfs_sentence(INDEX))
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if not names or any(Path(name).name != name or not name.isprintable() for name in names):
            raise ValueError("the index names no files of this folder")
        return sorted(names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(folder, f"{INDEX} is broken.") from error


def _unreadable(folder: Path, why: str) -> WeightsError:
    return WeightsError(f"The weights in {folder.name} cannot be read: {printable(why)}")


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file holds the name of what Git LFS keeps in its place:
    the repository was cloned without `git lfs`.
    """
    try:
        with open(path, "rb") as file:
            return file.read(len(LFS_BEGINS)) == LFS_BEGINS
    except OSError:
        return False


def lfs_sentence(name: str) -> str:
    """What to tell a person whose file is such a pointer."""
    return f"{name} {LFS_POINTER}."
