"""The machine that computes: devices, processes, number formats, memory."""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist


def fast_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the device multiplies it faster than float32: CUDA from Ampere on, and CPUs with AMX.

    AVX512-BF16 alone does not pay: on an Intel processor with it but without AMX, convolutions of 64 to 512 channels ran at
    0.5 to 0.7 of float32's speed.
    """
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    has = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if has and "AMX_BF16" in cpu_features() else torch.float32


def cpu_features() -> str:
    """The CPU's flags in upper case as the operating system lists them, empty where it does not."""
    try:
        return Path("/proc/cpuinfo").read_text().upper()
    except OSError:
        return ""


MALLOC_TRIM_THRESHOLD, MALLOC_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


@dataclass(frozen=True)
class DistributedContext:
    """This process among its peers, and its device."""

    device: torch.device
    rank: int = 0
    world: int = 1


def keep_freed_memory(largest: int = 1 << 30, kept: int = 2**31 - 1) -> None:
    """Have the C library keep what is freed for the next tensor: returning it to the system and touching fresh pages again takes
    longer than many of a network's operations. Does nothing where the library is not glibc.

    Args:
        largest: bytes; larger tensors are returned all the same.
        kept: bytes at most.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(MALLOC_MMAP_THRESHOLD, largest)
        mallopt(MALLOC_TRIM_THRESHOLD, kept)


def init_distributed(device: str | None = None) -> DistributedContext:
    """The device to use; under torchrun also joins the process group (nccl on GPUs, gloo on CPUs)."""
    cuda = torch.cuda.is_available() if device is None else device.startswith("cuda")
    if not cuda:
        keep_freed_memory()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    if cuda and device in (None, "cuda"):
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
    return DistributedContext(torch.device(device or "cpu"), rank, world)
