"""Eq. 4 to 6 against plain loops, both divisors, and batches without targets."""

import math

import pytest

pytest.importorskip("torch")

import torch
from oracles import p2pnet as oracle

from baselines.p2pnet import Config, Losses, Proposals, losses, match
from baselines.p2pnet.loss import Totals, losses_of_config
from crowdeval.errors import CrowdevalWarning, UsageError


def expected(output, targets, matched, lambda1, normalizer):
    positives = [proposals.tolist() for proposals, _ in matched]
    pairs = [list(zip(proposals.tolist(), heads.tolist(), strict=True)) for proposals, heads in matched]
    return (
        oracle.classification(output.logits.tolist(), positives, lambda1, normalizer),
        oracle.localization(output.points.tolist(), [each.tolist() for each in targets], pairs),
    )


@pytest.mark.parametrize("normalizer", ["proposals", "weights"])
@pytest.mark.parametrize("lambda1", [0.5, 1.0, 0.1])
@pytest.mark.parametrize("numbers", [(4, 9), (0, 5), (0, 0), (20, 1)])
def test_the_terms_are_those_of_the_equations_loops(numbers, lambda1, normalizer):
    output, targets = oracle.random_batch(2, 20), oracle.random_targets(*numbers)
    matched = match(output, targets)
    found = losses(output, targets, matched, lambda1=lambda1, ce_normalizer=normalizer)
    classification, localization = expected(output, targets, matched, lambda1, normalizer)
    assert found.classification.item() == pytest.approx(classification, rel=1e-5)
    assert found.localization.item() == pytest.approx(localization, rel=1e-5)


def test_a_case_by_hand():
    """One head, (3, 4) pixels from the first of two proposals with confidence 0.5."""
    output = Proposals(torch.zeros(1, 2, 2), torch.tensor([[[13.0, 14.0], [50.0, 50.0]]]), 8, 4)
    found = losses(output, [torch.tensor([[10.0, 10.0]])])
    assert found.classification.item() == pytest.approx((1 + 0.5) * math.log(2) / 2)
    assert found.localization.item() == pytest.approx(25)
    assert found.total.item() == pytest.approx(0.75 * math.log(2) + 2e-4 * 25)


def test_dividing_by_the_weights_makes_undecided_proposals_cost_log_2():
    output, targets = oracle.random_batch(1, 12), oracle.random_targets(5)
    output.logits.zero_()
    assert losses(output, targets, ce_normalizer="weights").classification.item() == pytest.approx(math.log(2))


def test_without_targets_the_localization_is_0_and_all_proposals_are_negative():
    output = oracle.random_batch(2, 10)
    output.points.requires_grad_()
    found = losses(output, [torch.zeros(0, 2), torch.zeros(0, 2)], lambda1=0.5)
    nothing = [-0.5 * math.log(oracle.softmax(*each)[0]) for image in output.logits.tolist() for each in image]
    assert found.localization.item() == 0
    assert found.classification.item() == pytest.approx(math.fsum(nothing) / 20, rel=1e-5)
    found.total.backward()
    assert output.points.grad.abs().max() == 0


def test_a_batch_is_divided_by_its_targets_not_image_by_image():
    """Squared distances of 1 and of 4 + 4 + 4 pixels, divided by four heads."""
    output = Proposals(torch.zeros(2, 4, 2), torch.zeros(2, 4, 2), 8, 4)
    output.points[1] = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]])
    targets = [torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [98.0, 0.0], [0.0, 102.0]])]
    assert losses(output, targets).localization.item() == pytest.approx(13 / 4)


def test_eq_6_weighs_the_localization_by_lambda2():
    assert Losses(torch.tensor(2.0), torch.tensor(300.0), lambda2=0.01).total.item() == pytest.approx(5.0)


def test_a_loss_cannot_be_made_without_its_weight():
    with pytest.raises(TypeError, match="lambda2"):
        Losses(torch.tensor(2.0), torch.tensor(300.0))


def test_pairs_are_matched_by_default():
    output, targets = oracle.random_batch(2, 20), oracle.random_targets(4, 9)
    assert losses(output, targets).total == losses(output, targets, match(output, targets)).total


@pytest.mark.parametrize("normalizer", ["proposals", "weights"])
def test_the_losses_of_a_batchs_parts_add_up_to_the_batchs(normalizer):
    output, targets = oracle.random_batch(3, 20), oracle.random_targets(4, 0, 9)
    whole = losses(output, targets, ce_normalizer=normalizer)
    totals = Totals(proposals=60, targets=13, pairs=13)
    parts = [
        losses(
            Proposals(output.logits[b : b + 1], output.points[b : b + 1], 8, 4),
            [targets[b]],
            ce_normalizer=normalizer,
            totals=totals,
        )
        for b in range(3)
    ]
    assert sum(each.classification.item() for each in parts) == pytest.approx(whole.classification.item(), rel=1e-5)
    assert sum(each.localization.item() for each in parts) == pytest.approx(whole.localization.item(), rel=1e-5)


def test_the_order_of_the_targets_does_not_matter():
    output, [targets] = oracle.random_batch(1, 30), oracle.random_targets(12)
    assert losses(output, [targets]).total.item() == pytest.approx(losses(output, [targets.flip(0)]).total.item())


def test_the_gradient_pulls_only_the_matched_proposals():
    output, targets = oracle.random_batch(1, 10), oracle.random_targets(3)
    output.points.requires_grad_()
    [(proposals, heads)] = matched = match(output, targets)
    losses(output, targets, matched).localization.backward()
    pull = torch.zeros(10, 2)
    pull[proposals] = 2 * (output.points.detach()[0, proposals] - targets[0][heads]) / 3
    assert torch.allclose(output.points.grad[0], pull)


def test_half_precision_logits_are_added_up_in_float32():
    output, targets = oracle.random_batch(1, 20), oracle.random_targets(4)
    output = Proposals(output.logits.bfloat16(), output.points, 8, 4)
    exact = Proposals(output.logits.float(), output.points, 8, 4)
    found = losses(output, targets)
    assert found.classification.dtype == torch.float32
    assert found.classification.item() == losses(exact, targets).classification.item()


def test_a_config_gives_all_its_weights():
    config = Config(lambda1=0.3, lambda2=0.7, ce_normalizer="weights")
    output, targets = oracle.random_batch(1, 20), oracle.random_targets(4)
    matched = match(output, targets)
    found = losses_of_config(config, output, targets, matched, Totals(proposals=20, targets=4, pairs=4))
    classification, localization = expected(output, targets, matched, 0.3, "weights")
    assert found.total.item() == pytest.approx(classification + 0.7 * localization, rel=1e-5)


def test_truncated_images_count_their_own_pairs_in_the_sum_of_weights():
    output, targets = oracle.random_batch(2, 4), oracle.random_targets(6, 0)
    with pytest.warns(CrowdevalWarning):
        matched = match(output, targets, surplus="truncate")
    found = losses(output, targets, matched, ce_normalizer="weights")
    classification, _ = expected(output, targets, matched, 0.5, "weights")
    assert found.classification.item() == pytest.approx(classification, rel=1e-5)


def test_targets_that_are_no_points_are_refused():
    output, targets = oracle.random_batch(1, 9), oracle.random_targets(3)
    matched = match(output, targets)
    with pytest.raises(UsageError, match=r"image 0 of the batch: expected targets \(N, 2\), found \(2, 3\)"):
        losses(output, [targets[0].reshape(2, 3)], matched)
