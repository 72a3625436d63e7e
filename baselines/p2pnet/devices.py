"""The devices, precisions and processes that the arithmetic runs on."""

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
    """This process and the others that train together with it.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    world : int
        Number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the messages."""
        return self.rank == 0

    def synchronize(self, module: nn.Module) -> None:
        """Copy the first process's parameters and buffers, with the statistics of batch norms, to all processes.

        Parameters
        ----------
        module : nn.Module
            Changed in place in all processes but the first.

        Examples
        --------
        >>> Processes().synchronize(nn.ReLU())  # a single process: nothing to do
        """
        if self.world > 1:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, 0)

    def sum(self, numbers: list[float], device: torch.device) -> list[float]:
        """Return the sums of numbers over all processes.

        Parameters
        ----------
        numbers : list of float
            The numbers of this process; all processes have equally many.
        device : torch.device
            The device on which the processes communicate.

        Returns
        -------
        list of float
            Summed in float64, on MPS in float32.

        Examples
        --------
        >>> Processes().sum([1.5, 2.0], torch.device("cpu"))
        [1.5, 2.0]
        """
        if self.world == 1:
            return numbers
        sums = torch.tensor(numbers, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        distributed.all_reduce(sums)
        return sums.tolist()


def select_device(name: str) -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : str
        "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda", "cuda:1" or "mps".

    Returns
    -------
    torch.device
        A CUDA device has its number.

    Raises
    ------
    UsageError
        If the name is unknown, or the device is not available.

    Examples
    --------
    >>> select_device("cpu")
    device(type='cpu')
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
        return _select_cuda(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device: 'mps' was requested and is not available here; use --device cpu")
    return device


def _select_cuda(device: torch.device) -> torch.device:
    """Return a CUDA device with its number; under torchrun, each process has its own."""
    rank, available = os.environ.get("LOCAL_RANK"), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.index is not None and rank is not None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError(
            f"device: {str(device)!r} was requested under torchrun, which gives each process a device of "
            "its own; use --device cuda"
        )
    index = int(rank or 0) if device.index is None else device.index
    if index >= available:
        hint = f"one of the first {available}, or fewer processes" if available else "--device cpu"
        raise UsageError(
            f"device: {str(device)!r} was requested, and torch finds {available} CUDA devices on this machine; "
            f"use {hint}"
        )
    return torch.device("cuda", index)


@contextmanager
def deterministic(on: bool) -> Iterator[None]:
    """Restrict torch to deterministic algorithms inside the block; the previous settings come back after it.

    Parameters
    ----------
    on : bool
        Whether to restrict it; False lifts the restriction inside the block.

    Examples
    --------
    >>> with deterministic(True):
    ...     torch.are_deterministic_algorithms_enabled()
    True
    """
    before, workspace = torch.are_deterministic_algorithms_enabled(), os.environ.get(CUBLAS)
    torch.use_deterministic_algorithms(on)
    if on and workspace is None:
        os.environ[CUBLAS] = ":4096:8"  # CUDA's matrix products are deterministic only with this workspace
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        if on and workspace is None:
            os.environ.pop(CUBLAS, None)


def precision(name: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which convolutions run.

    Parameters
    ----------
    name : {"float32", "bf16", "fp16"}
        The arithmetic of the convolutions.
    device : torch.device
        The device that they run on.

    Returns
    -------
    context manager
        Autocast, or no change for "float32".

    Examples
    --------
    >>> with precision("bf16", torch.device("cpu")):
    ...     nn.Conv2d(3, 4, 1)(torch.zeros(1, 3, 2, 2)).dtype
    torch.bfloat16
    """
    if name == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[name])


@contextmanager
def join_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, and leave them at the end of the block.

    Parameters
    ----------
    device : torch.device
        The device of this process: the processes communicate by NCCL on CUDA and by gloo elsewhere.

    Yields
    ------
    Processes
        A single process without torchrun.

    Examples
    --------
    >>> with join_processes(torch.device("cpu")) as processes:
    ...     processes
    Processes(rank=0, world=1)
    """
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
