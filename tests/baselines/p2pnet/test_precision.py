"""Arithmetic, memory layout and compilation: options that change the speed, and almost not the result."""

import shutil

import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from baselines.p2pnet import P2PNet, predict_points
from baselines.p2pnet.devices import precision

from . import crowd

thin = crowd.thin
source = crowd.source


@pytest.fixture
def images():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def model():
    torch.manual_seed(0)
    return P2PNet(crowd.config())


def test_a_step_in_bf16_keeps_weights_state_and_statistics_in_float32(tmp_path, source):
    run = crowd.train(tmp_path / "run", source, steps=2, precision="bf16", ema=0.9)
    moments = [value for state in run.optimizer.state.values() for value in state.values()]
    values = [*run.model.parameters(), *moments, *run.model.buffers(), *run.mean.weights().values()]
    assert {value.dtype for value in values if value.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_a_training_in_half_the_bits_learns_as_in_all_of_them(tmp_path, source, name):
    for each in ("float32", name):
        crowd.train(tmp_path / each, source, steps=12, precision=each)
    whole, half = (crowd.losses_in(tmp_path / each) for each in ("float32", name))
    assert half != whole
    assert half[0] == pytest.approx(whole[0], rel=0.01)
    assert sum(half[-4:]) == pytest.approx(sum(whole[-4:]), rel=0.2)


def test_fp16_scales_the_loss_and_its_scale_is_resumed(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=3, precision="fp16")
    assert crowd.trainer(tmp_path / "run", source, steps=3, precision="fp16").scaler.get_scale() > 1


def test_the_logged_gradient_of_fp16_is_not_scaled(tmp_path, source):
    for name in ("float32", "fp16"):
        crowd.train(tmp_path / name, source, steps=1, precision=name)
    [whole], [half] = (crowd.steps_in(tmp_path / name) for name in ("float32", "fp16"))
    assert half["gradient"] == pytest.approx(whole["gradient"], rel=0.05)


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_positions_and_logits_are_float32_whatever_the_convolutions_are(images, name):
    with torch.no_grad(), precision(name, torch.device("cpu")):
        found = model().eval()(images)
    assert (found.points.dtype, found.logits.dtype) == (torch.float32, torch.float32)


def test_confidences_in_bf16_seldom_tie(images):
    net = model().eval()
    torch.nn.init.constant_(net.classification[-1].bias, 4.0)
    with torch.no_grad(), precision("bf16", torch.device("cpu")):
        found = net(images)
    differences = found.logits[..., 1] - found.logits[..., 0]
    assert differences.unique().numel() > 0.9 * differences.numel()  # 8 bits have steps of 1/64 there


def test_positions_far_from_the_corner_lose_nothing_in_bf16():
    net = model().eval()
    torch.nn.init.zeros_(net.regression[-1].weight)
    torch.nn.init.zeros_(net.regression[-1].bias)
    with torch.no_grad(), precision("bf16", torch.device("cpu")):
        found = net(torch.zeros(1, 3, 16, 4096))
    assert found.points[0, -1].tolist() == [4094, 14]  # bf16 has 8 bits: 4094 would be 4096


@pytest.mark.parametrize("name", ["float32", "bf16", "fp16"])
def test_prediction_takes_the_precision_and_gives_nearly_the_same(name):
    pixels = crowd.picture(np.array([[20.0, 20.0], [50.0, 40.0]]), (96, 80))
    net = model().eval()
    expected = predict_points(net, pixels, confidence=0.0)
    net.settle(name)
    found = predict_points(net, pixels, confidence=0.0)
    assert found.points.dtype == found.scores.dtype == np.float64
    assert len(found.points) == pytest.approx(len(expected.points), abs=3)
    assert found.scores.mean() == pytest.approx(expected.scores.mean(), abs=0.01)


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_a_settled_model_gives_what_autocast_gives_from_half_the_weights(images, name):
    net = model().eval()
    net.trunk.fold()
    with torch.no_grad(), precision(name, torch.device("cpu")):
        expected = net(images)
    before = sum(value.nbytes for value in net.parameters())
    net.settle(name)
    with torch.no_grad():
        found = net(images)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.points, expected.points)
    kept = {key for key, value in net.state_dict().items() if value.dtype == torch.float32}
    assert kept == {
        f"{branch}.4.{value}" for branch in ("regression", "classification") for value in ("weight", "bias")
    }
    assert sum(value.nbytes for value in net.parameters()) < 0.6 * before


def test_channels_last_gives_the_same_training(tmp_path, source):
    for last in (False, True):
        crowd.train(tmp_path / str(last), source, steps=4, channels_last=last, batch_norm="frozen")
    assert crowd.losses_in(tmp_path / "True") == pytest.approx(crowd.losses_in(tmp_path / "False"), rel=1e-4)


def test_channels_last_is_the_layout_of_the_weights(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, channels_last=True)
    assert run.model.neck.smooth.weight.is_contiguous(memory_format=torch.channels_last)
    assert not run.model.neck.smooth.weight.is_contiguous()


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_a_compiled_step_is_the_same_step(tmp_path, source):
    for compiled in (False, True):  # in separate processes: torch's exporter changes the state of its compiler
        values = crowd.settings(steps=2, compile=compiled)
        crowd.wait_for(crowd.start_program("train", "--train", source, "-o", tmp_path / str(compiled), *values))
    [first, second] = crowd.steps_in(tmp_path / "False")
    found = crowd.steps_in(tmp_path / "True")
    assert found[0] == pytest.approx(first, rel=1e-3)
    assert found[1]["loss"] == pytest.approx(second["loss"], rel=1e-3)
    keys = [set(crowd.weights_in(tmp_path / name / "last.safetensors")) for name in ("False", "True")]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("values", [{}, {"precision": "bf16"}, {"accumulate": 2}, {"frozen_blocks": 1}], ids=str)
def test_maps_computed_again_do_not_change_the_training(tmp_path, source, values):
    for again in (0, 2):
        crowd.train(tmp_path / str(again), source, steps=6, recompute=again, ema=0.9, **values)
    assert crowd.losses_in(tmp_path / "2") == crowd.losses_in(tmp_path / "0")
    plain, again = (crowd.weights_in(tmp_path / name / "last.safetensors") for name in ("0", "2"))
    assert [key for key in plain if not torch.equal(plain[key], again[key])] == []
