"""Two processes of torchrun give the same training as one process."""

import socket
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch
from torch import distributed

from baselines.p2pnet.checkpoints import load_checkpoint
from baselines.p2pnet.samples import samples
from baselines.p2pnet.validation import predict_samples, score

from . import crowd

thin = crowd.thin

pytestmark = pytest.mark.skipif(not distributed.is_gloo_available(), reason="this torch has no gloo")


def torchrun(*args, number=2):
    """Run the command line in several processes by torchrun, and return its messages."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = ["torch.distributed.run", "--nproc-per-node", number, "--master-addr", "127.0.0.1", "--master-port", port]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command), crowd.__file__, *map(str, args)],
        env=crowd.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stderr


def test_two_processes_have_the_losses_validations_and_weights_of_one(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", 7)
    values = {"steps": 5, "validate_every": 3, "batch_size": 4, "accumulate": 2, "batch_norm": "frozen", "clip": 0.1}
    code, said = torchrun(
        "train", "--train", source, "--device", "cpu", "--out", tmp_path / "two", *crowd.settings(**values)
    )
    assert code == 0, said
    one = crowd.train(tmp_path / "one", source, **values)
    steps = [crowd.steps_in(tmp_path / name) for name in ("one", "two")]
    assert len(steps[1]) == 5
    for first, second in zip(*steps, strict=True):
        assert second == pytest.approx(first, rel=1e-5)
    first, second = ([each["validation"] for each in crowd.validations_in(tmp_path / name)] for name in ("one", "two"))
    assert [each["MAE"] for each in second] == [each["MAE"] for each in first]
    assert [each["nAP"] for each in second] == pytest.approx([each["nAP"] for each in first], abs=1e-3)
    model, record = load_checkpoint(tmp_path / "two" / "last.safetensors")
    assert record.step == 5
    for key, value in one.model.state_dict().items():
        assert torch.allclose(model.state_dict()[key], value, atol=1e-4), key


def test_with_batch_norms_that_learn_the_checkpoint_is_the_one_that_was_scored(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", 8)
    held = crowd.write_photos(tmp_path / "held", 3, seed=3)
    values = {"steps": 12, "batch_size": 2, "crops": 1, "ema": 0.9, "lr": 0.01, "lr_backbone": 0.01}
    args = ("train", "--train", source, "--validation", held, "--device", "cpu", "--out", tmp_path / "run")
    code, said = torchrun(*args, *crowd.settings(**values))
    assert code == 0, said
    model, record = load_checkpoint(tmp_path / "run" / "best.safetensors")
    images = samples(held)
    values = score(images, predict_samples(model, images)).values
    assert {name: values[name] for name in record.selected_by if name != "step"} == pytest.approx(
        {name: value for name, value in record.selected_by.items() if name != "step"}
    )
    assert len(images) == 3  # two for one process and one for the other


def test_a_batch_that_two_processes_can_not_share_is_refused(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", 5)
    code, said = torchrun(
        "train", "--train", source, "--device", "cpu", "--out", tmp_path / "run", *crowd.settings(batch_size=3, steps=1)
    )
    assert code != 0
    assert "error: batch_size: expected a multiple of 2 processes x 1 parts (accumulate), found 3" in said
    assert not (tmp_path / "run" / "last.safetensors").exists()
