"""Learning rates of each step, the running mean of the weights, the clipped gradient, and frozen layers."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from baselines.p2pnet import P2PNet
from baselines.p2pnet.optimization import RunningMean, optimizer_of, set_rates

from . import crowd

thin = crowd.thin
source = crowd.source


def rates(steps, at, **values):
    """Return the learning rates of heads and trunk at some of the steps."""
    config = crowd.config(lr=1.0, lr_backbone=0.1, **values)
    optimizer = optimizer_of(P2PNet(config), config)
    found = []
    for step in at:
        share = set_rates(optimizer, config, step, steps)
        heads, trunk = (group["lr"] for group in optimizer.param_groups)
        assert share == pytest.approx(heads)
        assert trunk == pytest.approx(heads / 10)
        found.append(heads)
    return found


def test_the_rate_is_constant_where_nothing_else_is_reported():
    assert rates(12, [0, 5, 11]) == [1, 1, 1]


def test_a_warm_up_is_linear_and_ends_at_the_whole_rate():
    assert rates(12, [0, 1, 2, 3, 4, 11], warmup=4) == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_cosine_begins_at_the_whole_rate_and_ends_at_a_hundredth():
    found = rates(100, [0, 25, 50, 75, 100], schedule="cosine")
    assert found == pytest.approx([1, 0.855018, 0.505, 0.154982, 0.01], abs=1e-6)


def test_a_cosine_begins_where_the_warm_up_ends():
    found = rates(12, [0, 3, 4, 8, 11, 12], schedule="cosine", warmup=4)
    assert found == pytest.approx([0.25, 1, 1, 0.505, 0.047679, 0.01], abs=1e-6)


def test_a_run_takes_the_rates_of_its_schedule(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=6, warmup=2, schedule="cosine")
    found = [entry["rate"] for entry in crowd.steps_in(tmp_path / "run")]
    assert found == pytest.approx([0.5, 1, 1, 0.855017, 0.505, 0.154983], abs=1e-6)


def test_trunk_and_heads_have_rates_of_their_own_and_every_parameter_has_one():
    config = crowd.config(lr=3e-4, lr_backbone=2e-5)
    model = P2PNet(config)
    rest, trunk = optimizer_of(model, config).param_groups
    assert (rest["lr"], trunk["lr"]) == (3e-4, 2e-5)
    assert {id(each) for each in trunk["params"]} == {id(each) for each in model.trunk.parameters()}
    assert len(rest["params"]) + len(trunk["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize(("decay", "kind"), [(0.0, torch.optim.Adam), (0.01, torch.optim.AdamW)])
def test_weight_decay_is_decoupled(decay, kind):
    config = crowd.config(weight_decay=decay)
    optimizer = optimizer_of(P2PNet(config), config)
    assert type(optimizer) is kind
    assert {group["weight_decay"] for group in optimizer.param_groups} == {decay}


def averages(decay, values):
    """Return the running mean after each value of one weight."""
    model = nn.Linear(1, 1)
    mean = RunningMean(model, decay)
    found = []
    for value in values:
        nn.init.constant_(model.weight, value)
        mean.update(model)
        found.append(mean.weights()["weight"].item())
    return found


def test_the_mean_of_the_weights_forgets_its_start_soon():
    # decays 2 / 11 and 3 / 12 after the first value, which replaces the start
    assert averages(0.9, [1.0, 0.0, 1.0]) == pytest.approx([1, 2 / 11, 2 / 11 * 3 / 12 + 9 / 12])


def test_the_mean_of_the_weights_reaches_its_decay():
    assert averages(0.2, [1.0, 0.0, 0.0, 0.0])[-1] == pytest.approx(2 / 11 * 0.2 * 0.2)


def test_the_mean_takes_in_the_statistics_of_batch_norms():
    model = nn.BatchNorm2d(1)
    mean = RunningMean(model, 0.9)
    for value in (1.0, 0.0):
        model.running_mean.fill_(value)
        mean.update(model)
    assert mean.weights()["running_mean"].item() == pytest.approx(2 / 11)


def test_a_run_with_a_mean_keeps_the_mean_and_goes_on_with_the_weights(tmp_path, source):
    run = crowd.train(tmp_path / "run", source, steps=8, ema=0.9)
    kept = crowd.weights_in(tmp_path / "run" / "last.safetensors")
    mean, now = run.mean.weights(), run.model.state_dict()
    assert all(torch.equal(kept[key], mean[key]) for key in kept)
    assert not torch.equal(kept["neck.top.weight"], now["neck.top.weight"])
    assert torch.equal(run.folder.load_state()["model"]["neck.top.weight"], now["neck.top.weight"])


def test_a_mean_does_not_change_the_training(tmp_path, source):
    crowd.train(tmp_path / "plain", source, steps=8, validate_every=4)
    crowd.train(tmp_path / "mean", source, steps=8, validate_every=4, ema=0.9)
    assert crowd.losses_in(tmp_path / "mean") == crowd.losses_in(tmp_path / "plain")


def norms_of_steps(run):
    """Return the norms of the gradients that the optimizer gets."""
    norms = []

    def note(optimizer, args, kwargs):
        gradients = [each.grad for group in optimizer.param_groups for each in group["params"]]
        norms.append(torch.stack([each.norm() for each in gradients]).norm().item())

    run.optimizer.register_step_pre_hook(note)
    run.run()
    return norms


def test_the_gradient_is_clipped_and_its_own_norm_logged(tmp_path, source):
    norms = norms_of_steps(crowd.trainer(tmp_path / "run", source, steps=4, clip=0.01))
    logged = [entry["gradient"] for entry in crowd.steps_in(tmp_path / "run")]
    assert norms == pytest.approx([0.01] * 4, rel=1e-3)
    assert min(logged) > 0.02


def test_without_clip_the_gradient_is_as_it_is(tmp_path, source):
    norms = norms_of_steps(crowd.trainer(tmp_path / "run", source, steps=4, clip=0.0))
    assert norms == pytest.approx([entry["gradient"] for entry in crowd.steps_in(tmp_path / "run")], rel=1e-5)


def changed(tmp_path, source, **values):
    """Return the keys of the trunk's values that change in a few steps."""
    run = crowd.trainer(tmp_path / "run", source, steps=3, **values)
    before = {key: value.clone() for key, value in run.model.trunk.state_dict().items()}
    run.run()
    return {key for key, value in run.model.trunk.state_dict().items() if not torch.equal(value, before[key])}


BLOCKS_1_AND_2 = [0, 1, 3, 4, 7, 8, 10, 11]
"""torchvision's indices of their convolutions and batch norms."""


def indices(keys):
    return {int(key.split(".")[2]) for key in keys}


def test_a_training_changes_every_layer(tmp_path, source):
    assert indices(changed(tmp_path, source)) >= {*BLOCKS_1_AND_2, 14, 40, 41}


def test_frozen_blocks_keep_their_weights_and_the_statistics_of_their_batch_norms(tmp_path, source):
    found = indices(changed(tmp_path, source, frozen_blocks=2))
    assert found.isdisjoint(BLOCKS_1_AND_2)
    assert found >= {14, 15, 40, 41}


def test_frozen_batch_norms_keep_their_statistics_and_learn_their_weights(tmp_path, source):
    found = changed(tmp_path, source, batch_norm="frozen")
    assert {key.rpartition(".")[2] for key in found} == {"weight", "bias"}
    assert "stages.0.1.weight" in found
