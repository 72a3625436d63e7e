"""Matching: one-to-one, of least cost, the same in any order, and with an error for images it can't match."""

import itertools
import math
import re
import warnings

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from oracles import p2pnet as oracle

from baselines.p2pnet import Proposals, match
from crowdeval.errors import CrowdevalWarning, InputError, UsageError


def table(output, targets, image, tau=0.05):
    return oracle.costs(output.points[image].tolist(), output.logits[image].tolist(), targets[image].tolist(), tau)


def total(costs, pairs):
    return math.fsum(costs[target][proposal] for proposal, target in zip(*map(torch.Tensor.tolist, pairs), strict=True))


@pytest.mark.parametrize("tau", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_no_assignment_costs_less(seed, tau):
    output = oracle.random_batch(2, 7, seed)
    targets = oracle.random_targets(3, 4, seed=seed)
    for image, pairs in enumerate(match(output, targets, tau=tau)):
        costs = table(output, targets, image, tau)
        assert total(costs, pairs) == pytest.approx(oracle.cheapest(costs), abs=1e-5)


def test_as_many_targets_as_proposals_are_all_matched():
    output, targets = oracle.random_batch(1, 6), oracle.random_targets(6)
    [(proposals, heads)] = match(output, targets)
    assert sorted(proposals.tolist()) == sorted(heads.tolist()) == list(range(6))
    costs = table(output, targets, 0)
    assert total(costs, (proposals, heads)) == pytest.approx(oracle.cheapest(costs), abs=1e-5)


def test_no_random_assignment_of_a_crowd_costs_less():
    output, targets = oracle.random_batch(1, 300, seed=3), oracle.random_targets(80, seed=4)
    [pairs] = match(output, targets)
    costs = table(output, targets, 0)
    random = np.random.default_rng(0)
    others = [random.permutation(300)[:80] for _ in range(300)]
    least = min(math.fsum(costs[i][j] for i, j in enumerate(chosen)) for chosen in others)
    assert total(costs, pairs) < least


def test_exchanging_two_proposals_or_taking_a_free_one_never_costs_less():
    output, targets = oracle.random_batch(1, 60, seed=5), oracle.random_targets(25, seed=6)
    [(proposals, heads)] = match(output, targets)
    costs = table(output, targets, 0)
    chosen = dict(zip(heads.tolist(), proposals.tolist(), strict=True))
    free = set(range(60)) - set(chosen.values())
    for a, b in itertools.combinations(chosen, 2):
        now = costs[a][chosen[a]] + costs[b][chosen[b]]
        assert costs[a][chosen[b]] + costs[b][chosen[a]] >= now - 1e-5
    for head in chosen:
        assert min(costs[head][j] for j in free) >= costs[head][chosen[head]] - 1e-5


def test_every_target_has_one_proposal_and_no_proposal_two():
    output, targets = oracle.random_batch(3, 50), oracle.random_targets(20, 1, 50)
    for (proposals, heads), true in zip(match(output, targets), targets, strict=True):
        assert heads.tolist() == list(range(len(true)))
        assert len(set(proposals.tolist())) == len(true)
        assert proposals.dtype == heads.dtype == torch.int64


def test_of_two_proposals_of_one_confidence_the_nearer_is_matched():
    output = Proposals(torch.zeros(1, 2, 2), torch.tensor([[[9.0, 5.0], [6.0, 5.0]]]), 8, 4)
    assert match(output, [torch.tensor([[5.0, 5.0]])])[0][0].tolist() == [1]


def test_of_two_proposals_at_one_distance_the_surer_is_matched():
    output = Proposals(torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[4.0, 5.0], [6.0, 5.0]]]), 8, 4)
    assert match(output, [torch.tensor([[5.0, 5.0]])])[0][0].tolist() == [1]


@pytest.mark.parametrize(("tau", "expected"), [(0.05, [0]), (0.01, [1])])
def test_tau_weighs_a_pixel_against_confidence(tau, expected):
    """Ten pixels cost 0.5 or 0.1; the confidence of the other proposal is higher by 0.38."""
    output = Proposals(torch.tensor([[[0.0, 0.0], [0.0, 2.0]]]), torch.tensor([[[0.0, 0.0], [10.0, 0.0]]]), 8, 4)
    assert match(output, [torch.zeros(1, 2)], tau=tau)[0][0].tolist() == expected


def test_two_targets_near_one_proposal_are_not_both_given_it():
    output = Proposals(torch.zeros(1, 3, 2), torch.tensor([[[5.0, 5.0], [30.0, 30.0], [9.0, 5.0]]]), 8, 4)
    assert match(output, [torch.tensor([[5.0, 5.0], [6.0, 5.0]])])[0][0].tolist() == [0, 2]


def test_an_image_without_targets_has_no_pairs():
    output = oracle.random_batch(2, 10)
    empty, other = match(output, [torch.zeros(0, 2), torch.tensor([[1.0, 2.0]])])
    assert [len(each) for each in empty] == [0, 0]
    assert [len(each) for each in other] == [1, 1]


def test_targets_in_another_order_get_the_same_proposals():
    output, [targets] = oracle.random_batch(1, 40), oracle.random_targets(15)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(2))
    [(proposals, _)] = match(output, [targets])
    [(permuted, _)] = match(output, [targets[order]])
    assert permuted.tolist() == proposals[order].tolist()


def test_an_image_is_matched_as_if_alone():
    output, targets = oracle.random_batch(3, 30), oracle.random_targets(9, 0, 12)
    for image, (proposals, heads) in enumerate(match(output, targets)):
        one = Proposals(output.logits[image : image + 1], output.points[image : image + 1], 8, 4)
        [(alone, alone_heads)] = match(one, [targets[image]])
        assert proposals.tolist() == alone.tolist()
        assert heads.tolist() == alone_heads.tolist()


def test_matching_carries_no_gradient():
    output = oracle.random_batch(1, 8)
    output.points.requires_grad_()
    assert not any(each.requires_grad for each in match(output, oracle.random_targets(3))[0])


def test_near_points_far_from_the_origin_keep_their_digits():
    """Of two proposals half a pixel apart at 9,000 px the nearer one is matched, as distances come from differences."""
    near, far = [9000.0, 9000.0], [9000.5, 9000.0]
    output = Proposals(torch.zeros(1, 40, 2), torch.tensor([[far] * 20 + [near] + [far] * 19]), 8, 4)
    heads = torch.tensor([[9000.0, 9000.0]])
    assert match(output, [heads])[0][0].tolist() == [20]


def test_too_many_heads_are_an_error_that_names_image_stride_and_k():
    output = oracle.random_batch(2, 4, stride=16, K=1)
    with pytest.raises(InputError) as caught:
        match(output, oracle.random_targets(2, 6), names=["a.jpg", "b.jpg"])
    assert str(caught.value) == (
        "image b.jpg: 6 heads and only 4 proposals (stride 16, K = 1); "
        "use a smaller stride or more reference points, or surplus=truncate"
    )


def test_truncating_warns_and_matches_the_cheapest():
    output, targets = oracle.random_batch(1, 3, stride=16, K=1), oracle.random_targets(5)
    with pytest.warns(
        CrowdevalWarning, match=r"^image a\.jpg: 5 heads and only 3 proposals .*; 2 heads are not matched$"
    ):
        [(proposals, heads)] = match(output, targets, surplus="truncate", names=["a.jpg"])
    assert sorted(proposals.tolist()) == [0, 1, 2]
    assert len(set(heads.tolist())) == 3
    costs = table(output, targets, 0)
    turned = [list(row) for row in zip(*costs, strict=True)]
    assert total(costs, (proposals, heads)) == pytest.approx(oracle.cheapest(turned), abs=1e-5)


def test_truncating_says_nothing_where_there_are_proposals_enough():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match(oracle.random_batch(1, 5), oracle.random_targets(5), surplus="truncate")


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("part", "word"), [("points", "a proposal's position"), ("logits", "a confidence"), ("targets", "a target")]
)
def test_a_cost_that_is_not_finite_names_the_image_and_what_it_came_from(part, word, value):
    output, targets = oracle.random_batch(2, 5), oracle.random_targets(2, 2)
    {"points": output.points, "logits": output.logits, "targets": targets}[part][1][0] = value
    with pytest.raises(InputError) as caught:
        match(output, targets, names=["a.jpg", "b.jpg"])
    assert str(caught.value) == f"image b.jpg: the matching cost is not finite: {word} is NaN or infinite"


def test_without_names_an_image_is_named_by_its_place():
    output, targets = oracle.random_batch(2, 5), oracle.random_targets(2, 2)
    targets[1][0, 0] = math.nan
    with pytest.raises(InputError, match=r"^image 1 of the batch: "):
        match(output, targets)


def test_targets_for_another_number_of_images_are_refused():
    with pytest.raises(UsageError, match="expected targets for 2 images, found targets for 1"):
        match(oracle.random_batch(2, 5), oracle.random_targets(2))


@pytest.mark.parametrize("shape", [(2, 3), (4,), (1, 2, 2)])
def test_targets_that_are_no_points_are_refused_with_their_image_and_shape(shape):
    targets = [torch.zeros(1, 2), torch.zeros(shape)]
    with pytest.raises(UsageError, match=re.escape(f"image 1 of the batch: expected targets (N, 2), found {shape}")):
        match(oracle.random_batch(2, 20), targets)
