"""Where and how the arithmetic runs: device, precision, memory layout, and the processes of torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed, nn

from crowdeval.errors import UsageError

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes files and talks."""
        return self.rank == 0

    def alike(self, module: nn.Module) -> None:
        """Give all processes the first one's parameters and buffers, batch norms' statistics among them."""
        if self.world > 1:
            for held in module.state_dict().values():
                distributed.broadcast(held, 0)

    def sum(self, numbers: list[float], device: torch.device) -> list[float]:
        """Return the sums over all processes, in float64."""
        if self.world == 1:
            return numbers
        held = torch.tensor(numbers, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        distributed.all_reduce(held)
        return held.tolist()


def device_named(name: str) -> torch.device:
    """Return a device: "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    UsageError
        If it is asked for and not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"device: expected auto, cpu, cuda, cuda:N or mps, found {name!r}")
    if device.type == "cuda":
        return _cuda(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device 'mps' was asked for and is not available")
    return device


def _cuda(device: torch.device) -> torch.device:
    """Return a CUDA device with its number; each of torchrun's processes has its own."""
    rank, found = os.environ.get("LOCAL_RANK"), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.index is not None and rank is not None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError(f"device {str(device)!r}: under torchrun each process takes its own, ask for cuda")
    index = int(rank or 0) if device.index is None else device.index
    if index >= found:
        raise UsageError(f"device {str(device)!r} was asked for, and this machine's torch sees {found} CUDA devices")
    return torch.device("cuda", index)


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Use deterministic algorithms only, where wanted; what was set before is set again afterwards."""
    before, workspace = torch.are_deterministic_algorithms_enabled(), os.environ.get(CUBLAS)
    torch.use_deterministic_algorithms(wanted)
    if wanted and workspace is None:
        os.environ[CUBLAS] = ":4096:8"  # what CUDA needs to be so
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        if wanted and workspace is None:
            os.environ.pop(CUBLAS, None)


def precision(name: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context that convolutions run in."""
    if name == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[name])


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, NCCL on CUDA and gloo elsewhere; alone without torchrun."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), world)
    finally:
        distributed.destroy_process_group()
