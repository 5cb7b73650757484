"""Weights on disk: safetensors in shards under 10 MB, 6 or 8 bits a value where that is enough.

Three packings, all undone by `unpack`:
- rows: int8 per output row of a matrix, `weight = scale[row] * q`, for the MetaNet's large linear layers;
- six: the same with 6 bits, four values in three bytes (uint8);
- levels: a layer that holds at most 256 different values becomes an index into them, without loss.

Layout of a folder, as in the Hugging Face Hub: `model.safetensors`, or `model-00001-of-0000N.safetensors` with
`model.safetensors.index.json` naming the shard of each tensor.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from core.files import write_atomic

SIX_MIDDLE = 31  # 6 bits hold -31 to 31
SHARD_BYTES = 9_500_000
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


class WeightsError(ValueError):
    """Weights are missing, broken or of another model; the message is one sentence for the user."""


def pack_rows(weight: Tensor, largest: int = 127) -> tuple[Tensor, Tensor]:
    """Quantise a matrix (rows x columns) to int8 with one float32 scale per row, rounding to nearest; |int8| <= largest."""
    scale = weight.abs().amax(dim=1).clamp(min=1e-12) / largest
    return torch.round(weight / scale[:, None]).clamp(-largest, largest).to(torch.int8), scale.to(
        torch.float32
    )


def pack_rows_in_six(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise a matrix (rows x columns) to 6 bits with one float32 scale per row: uint8, rows x 3/4 columns.

    Raises:
        ValueError: the number of columns is no multiple of 4.
    """
    if weight.shape[1] % 4:
        raise ValueError(f"6 bits need a multiple of 4 columns, not {weight.shape[1]}")
    rows, scale = pack_rows(weight, SIX_MIDDLE)
    a, b, c, d = (rows.to(torch.int32) + SIX_MIDDLE).view(len(weight), -1, 4).unbind(dim=2)
    packed = torch.stack([a << 2 | b >> 4, (b & 15) << 4 | c >> 2, (c & 3) << 6 | d], dim=2)
    return packed.flatten(1).to(torch.uint8), scale


def _unpack_six(packed: Tensor) -> Tensor:
    first, second, third = packed.to(torch.int16).view(len(packed), -1, 3).unbind(dim=2)
    values = [
        first >> 2,
        (first & 3) << 4 | second >> 4,
        (second & 15) << 2 | third >> 6,
        third & 63,
    ]
    return torch.stack(values, dim=2).flatten(1) - SIX_MIDDLE


def pack_levels(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """Index (uint8) and the sorted distinct values of a tensor, or None where there are more than 256."""
    levels, index = torch.unique(weight, sorted=True, return_inverse=True)
    return (index.to(torch.uint8), levels) if len(levels) <= 256 else None


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo the packings: every tensor comes back as float32 under its own name."""
    plain: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith((".scale", ".levels")):
            continue
        if f"{name}.scale" in tensors:
            rows = _unpack_six(value) if value.dtype == torch.uint8 else value
            plain[name] = (
                rows.to(torch.float32) * tensors[f"{name}.scale"].to(torch.float32)[:, None]
            )
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
    names = (
        [SINGLE]
        if count == 1
        else [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    )
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
        WeightsError: a file is missing or is not safetensors.
    """
    try:
        index = folder / INDEX
        names = (
            sorted(set(json.loads(index.read_text())["weight_map"].values()))
            if index.is_file()
            else [SINGLE]
        )
        tensors: dict[str, Tensor] = {}
        for name in names:
            tensors.update(load_file(folder / name))
        return tensors
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"The weights in {folder.name} cannot be read: {error}") from error
