"""The expected count: the share of matched proposals, from the confidence that eq. 4 gives it."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from scipy.optimize import minimize_scalar

from baselines.p2pnet import losses
from baselines.p2pnet.expectation import probabilities
from baselines.p2pnet.prediction import Found
from baselines.p2pnet.proposals import Proposals


def test_the_hand_table():
    found = probabilities(np.array([0.0, 0.2, 0.5, 0.8, 1.0]), 0.25)
    assert found == pytest.approx([0, 1 / 17, 1 / 5, 1 / 2, 1])
    assert probabilities(np.array([0.0, 0.3, 1.0]), 1.0) == pytest.approx([0, 0.3, 1])


@pytest.mark.parametrize("lambda1", [0.2, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("matched", [1, 7, 20, 39])
def test_the_confidence_of_least_loss_gives_back_the_share_of_matched_proposals(lambda1, matched):
    """Forty proposals that look alike have one confidence; the loss itself shows which value is best."""
    number = 40
    pairs = [(torch.arange(matched), torch.arange(matched))]
    heads = [torch.zeros(matched, 2)]

    def loss(logit):
        logits = torch.tensor([[[0.0, logit]]], dtype=torch.float64).expand(1, number, 2)
        output = Proposals(logits=logits, points=torch.zeros(1, number, 2), stride=8, K=1)
        return float(losses(output, heads, pairs, lambda1=lambda1).classification)

    best = minimize_scalar(loss, bounds=(-12, 12), method="bounded", options={"xatol": 1e-6}).x
    confidences = np.full(number, 1 / (1 + np.exp(-best)))
    assert probabilities(confidences, lambda1).sum() == pytest.approx(matched, abs=0.02)


def test_the_count_is_the_expected_one_or_that_above_the_threshold():
    points, scores = np.arange(8.0).reshape(4, 2), np.array([0.5, 0.9, 0.2, 0.6])
    assert Found(points, scores).people() == 2
    assert Found(points, scores).people(0.1) == 4
    assert Found(points, scores).surest().tolist() == [[2, 3], [6, 7]]
    assert Found(points, scores, 2.6).people() == 3
    assert Found(points, scores, 2.6).surest().tolist() == [[2, 3], [6, 7], [0, 1]]
    assert len(Found(points, scores, 9.0).surest()) == 4
