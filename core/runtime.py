"""The machine that computes: devices, processes, number formats, memory."""

import ctypes
import gc
import os
import statistics
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

from core.commandline import UserError

TURNS = 7
CLEARLY_FASTER = 0.8
MALLOC_TRIM_THRESHOLD, MALLOC_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def fast_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the device convolves in it faster than in float32: CUDA from Ampere on,
    and some CPUs.

    On a CPU a short measurement decides, once a process: what its flags promise does not hold. With
    AVX512-BF16 but without AMX, an AMD processor takes half of float32's time, an Intel one up to
    twice as long.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if kind == "cpu" and bfloat16_pays() else torch.float32


@cache
def bfloat16_pays() -> bool:
    """Whether this CPU convolves in bfloat16 clearly faster than in float32,
    measured in about 0.3 s.

    The two take turns in a single thread, whose own processor time counts, so that other programs
    that keep the cores busy make no difference; the medians decide.
    """
    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        in_float32, in_bfloat16 = [], []
        for _ in range(TURNS + 1):
            in_float32.append(convolution_seconds(torch.float32))
            in_bfloat16.append(convolution_seconds(torch.bfloat16))
    finally:
        torch.set_num_threads(threads)
    # The first of each prepares the library's kernels.
    return statistics.median(in_bfloat16[1:]) < CLEARLY_FASTER * statistics.median(in_float32[1:])


@torch.inference_mode(False)
@torch.enable_grad()
def convolution_seconds(dtype: torch.dtype) -> float:
    """Processor time of a usual convolution, forward and backward:
    128 -> 128 channels at 64 x 64 px.
    """
    images = torch.ones(1, 128, 64, 64, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(128, 128, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    images.requires_grad_()
    weight.requires_grad_()
    start = time.thread_time()
    result = F.conv2d(images, weight, padding=1)
    torch.autograd.grad(result, (images, weight), result.detach())
    return time.thread_time() - start


def cpu_features() -> str:
    """The CPU's flags in upper case as the operating system lists them, empty where it does not."""
    try:
        return Path("/proc/cpuinfo").read_text().upper()
    except OSError:
        return ""


@dataclass(frozen=True)
class DistributedContext:
    """This process among its peers, and its device."""

    device: torch.device
    rank: int = 0
    world: int = 1


def keep_freed_memory(largest: int = 1 << 30, kept: int = 2**31 - 1) -> None:
    """Have the C library keep what is freed for the next tensor: returning it to the system and
    touching fresh pages again takes longer than many of a network's operations.
    Does nothing where the library is not glibc.

    Args:
        largest: bytes; larger tensors are returned all the same.
        kept: bytes at most.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(MALLOC_MMAP_THRESHOLD, largest)
        mallopt(MALLOC_TRIM_THRESHOLD, kept)


class DeviceError(UserError):
    """There is no such device."""


AUTO = "auto"
DEVICE_HELP = "auto, cpu, cuda, cuda:N or mps (default: auto, a GPU if there is one)"
_default = torch.device("cpu")


def default_device() -> torch.device:
    """Where this program computes unless told otherwise: the CPU,
    or what `set_default_device` was given.
    """
    return _default


def set_default_device(name: str) -> torch.device:
    """Compute on the device of that name from now on, which is returned; see `find_device`."""
    global _default
    _default = find_device(name)
    return _default


def find_device(name: str) -> torch.device:
    """The device of that name: cpu, cuda, cuda:N or mps (Apple's GPU);
    `auto` for the fastest that there is.

    Raises:
        DeviceError: it is no name of a device, or there is no such device on this machine.
    """
    if name == AUTO:
        found = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device("mps" if torch.backends.mps.is_available() else found)
    try:
        device = torch.device(name)
    except (RuntimeError, ValueError):
        device = None
    if (
        device is None
        or device.type not in ("cpu", "cuda", "mps")
        or (device.type != "cuda" and device.index)
    ):
        raise DeviceError(
            f'There is no device called "{name}"; give auto, cpu, cuda, cuda:N or mps.'
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"There is no Apple GPU that PyTorch can use here for {name}; give cpu.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"There is no GPU that PyTorch can use here for {name}; give cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(
            f"There is no {name} here; GPUs are counted from cuda:0 to cuda:{count - 1}."
        )
    return device


def release_freed_memory() -> None:
    """Return to the system what `keep_freed_memory` kept, in all threads' heaps;
    for a process that has nothing to do now.

    Does nothing where the C library is not glibc.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim:
        trim(0)


def init_distributed(name: str = AUTO) -> DistributedContext:
    """The device to use; under torchrun also joins the process group (nccl on GPUs, gloo on CPUs).

    Args:
        name: see `find_device`; under torchrun each process takes a GPU of its own unless one is
            named by number.

    Raises:
        DeviceError: there is no such device.
    """
    device = find_device(name)
    cuda = device.type == "cuda"
    if device.type == "cpu":
        keep_freed_memory()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    if cuda and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return DistributedContext(device, rank, world)
