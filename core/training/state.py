"""The state of a training run in one safetensors file,
so that a run killed at any moment goes on to the same numbers.

Parameters, Adam's moments and the number of iterations done; the order of the pictures follows from
that number (`core.training.batches.TrainingBatches`). One file, replaced whole: there is never half
a state.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from core.files import remove_leftovers
from core.models.weights import WeightsError, load_one, save_one, under

STATE = "state.safetensors"


def save_state(
    folder: Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    done: int,
    config: dict[str, Any],
) -> None:
    """Write `state.safetensors`: what `load_state` needs to continue after `done` iterations of a
    run with this config.
    """
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    about = {"done": str(done), "config": json.dumps(config, sort_keys=True)}
    save_one(folder / STATE, tensors, about)


def saved_config(folder: Path) -> dict[str, Any]:
    """The configuration of the run whose state a folder holds;
    empty where there is none that can be read.
    """
    config: dict[str, Any] = {}
    with suppress(OSError, SafetensorError), safe_open(folder / STATE, "pt") as file:
        config = json.loads(file.metadata()["config"])
    return config


def load_state(
    folder: Path, net: nn.Module, optimizer: torch.optim.Optimizer, config: dict[str, Any]
) -> int:
    """Restore a run in place; returns the number of iterations done,
    0 where there is nothing to resume.

    Raises:
        WeightsError: the folder holds a run with another configuration, or a broken file.
    """
    remove_leftovers(folder)
    path = folder / STATE
    if not path.is_file():
        return 0
    try:
        metadata, tensors = load_one(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"The saved state in {folder} cannot be read: {error}") from error
    saved = json.loads(metadata["config"])
    config = json.loads(json.dumps(config))  # tuples as lists
    changed = sorted(
        key for key in saved.keys() | config.keys() if saved.get(key) != config.get(key)
    )
    if changed:
        raise WeightsError(
            f"{folder} holds a run with other settings ({', '.join(changed)}); remove the folder or name another."
        )
    net.load_state_dict(under(tensors, "net."))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in under(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    if moments:
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
    return int(metadata["done"])


def set_hash(contents: Sequence[Path], styles: Sequence[Path]) -> str:
    """SHA-256 of the names of a training set, in order."""
    names = "\n".join(path.name for path in (*contents, *styles))
    return hashlib.sha256(names.encode()).hexdigest()
