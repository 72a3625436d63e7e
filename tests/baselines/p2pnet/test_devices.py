"""Devices by name, and errors for those that are not available."""

import pytest

pytest.importorskip("torch")

import torch

from baselines.p2pnet.devices import Processes, join_processes, precision, select_device
from crowdeval.errors import UsageError

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
NO_MPS = pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS is there")


def test_the_processor_is_always_there():
    assert select_device("cpu") == torch.device("cpu")


@NO_CUDA
@NO_MPS
def test_auto_is_the_processor_where_there_is_nothing_better():
    assert select_device("auto") == torch.device("cpu")


@NO_CUDA
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_that_is_asked_for_and_absent_is_reported(name):
    with pytest.raises(
        UsageError, match=f"^device: '{name}' was requested, and torch finds 0 CUDA .*; use --device cpu$"
    ):
        select_device(name)


@NO_MPS
def test_mps_that_is_asked_for_and_absent_is_reported():
    with pytest.raises(UsageError, match="device: 'mps' was requested and is not available here; use --device cpu"):
        select_device("mps")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu0", "meta", "xpu"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(UsageError, match=f"expected auto, cpu, cuda, cuda:N or mps, found '{name}'"):
        select_device(name)


@pytest.mark.parametrize(
    ("name", "kind"), [("float32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_a_precision_is_that_of_the_convolutions(name, kind):
    with precision(name, torch.device("cpu")):
        assert torch.nn.Conv2d(1, 1, 1)(torch.zeros(1, 1, 2, 2)).dtype == kind


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_processes(torch.device("cpu")) as alone:
        assert alone == Processes(rank=0, world=1)
        assert alone.first
        assert alone.sum([1.5, 2.0], torch.device("cpu")) == [1.5, 2.0]


def test_only_the_first_of_several_processes_writes():
    assert not Processes(rank=1, world=2).first


@pytest.fixture
def two_gpus(monkeypatch):
    """The second process of torchrun on a machine with two GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    return monkeypatch


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_under_torchrun_each_process_has_its_own_gpu(two_gpus, name):
    assert select_device(name) == torch.device("cuda", 1)


def test_under_torchrun_one_gpu_for_all_is_refused(two_gpus):
    with pytest.raises(
        UsageError, match=r"device: 'cuda:0' was requested under torchrun, .* its own; use --device cuda"
    ):
        select_device("cuda:0")


def test_more_processes_than_gpus_are_refused(two_gpus):
    two_gpus.setenv("LOCAL_RANK", "2")
    with pytest.raises(
        UsageError, match="torch finds 2 CUDA devices on this machine; use one of the first 2, or fewer processes"
    ):
        select_device("auto")


def test_without_torchrun_a_gpu_may_be_named(two_gpus):
    two_gpus.delenv("LOCAL_RANK")
    assert select_device("cuda:1") == torch.device("cuda", 1)
    assert select_device("cuda") == torch.device("cuda", 0)
