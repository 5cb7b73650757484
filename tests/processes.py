"""What tests share that start processes of their own: how, and under torchrun."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Two processes on this machine, after `python`.
TORCHRUN = (
    "-m",
    "torch.distributed.run",
    "--nproc-per-node=2",
    "--rdzv-backend=c10d",
    "--rdzv-endpoint=127.0.0.1:0",
)


def environment() -> dict[str, str]:
    """For a script that lies elsewhere and imports the project, in one thread."""
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return os.environ | more
