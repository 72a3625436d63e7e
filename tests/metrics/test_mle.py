"""MLE: hand table, dense assignment, every matching tried, blocks, strings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import bipartite
from oracles import mle as oracle
from oracles.crowds import chain, chains, columns, report, same, scores_of, shuffled
from strategies import crowds

from crowdeval.errors import UsageError
from crowdeval.matching import batching
from crowdeval.metrics import canonical
from crowdeval.metrics.mle import localization_costs

LIMITS = st.sampled_from([0.5, 2.0, 5.0, 16.0])


def one(points, truths, limit=16.0):
    return localization_costs(*columns([(points, [1.0] * len(points), truths)]), limit=limit).tolist()


HAND = [
    # predictions, true points, limit, cost by hand
    ([(3, 4)], [(0, 0)], 16, 5),
    ([(0, 0)], [(0, 0)], 16, 0),
    ([], [(0, 0), (1, 0)], 16, 32),  # two unmatched true points
    ([(0, 0), (1, 0), (2, 0)], [], 16, 48),  # three unmatched predictions
    ([(3, 4), (90, 0)], [(0, 0)], 16, 5 + 16),  # max(0 true, 1 predicted)
    ([(3, 4), (90, 0)], [(0, 0), (0, 50), (0, 80)], 16, 5 + 2 * 16),  # max(2, 1): not their sum
    ([(17, 0)], [(0, 0)], 16, 16),  # out of reach: max(1, 1)
    ([(16, 0)], [(0, 0)], 16, 16),  # matched or not at exactly the limit: one cost
    ([(1, 0), (-4, 0)], [(0, 0), (3, 0)], 16, 6),  # 2 + 4 beats 1 + 7
    ([(1, 0), (-4, 0)], [(0, 0), (3, 0)], 5, 6),  # 2 + 4 beats 1 and one alone for 5: equal
    ([(1, 0), (-4, 0)], [(0, 0), (3, 0)], 4.5, 5.5),  # 1 + 4.5 beats 2 + 4
    ([(0, 0), (0, 0)], [(0, 0), (0, 0)], 16, 0),
    ([], [], 16, 0),
]


@pytest.mark.parametrize(("points", "truths", "limit", "cost"), HAND)
def test_hand_table(points, truths, limit, cost):
    assert one(points, truths, limit) == pytest.approx([cost], abs=1e-12)


@given(crowds(), LIMITS)
def test_costs_equal_the_dense_assignment(crowd, limit):
    expected = [oracle.cost(points, truths, limit) for points, _, truths in crowd]
    np.testing.assert_allclose(localization_costs(*columns(crowd), limit=limit), expected, atol=1e-9)


@settings(max_examples=100)
@given(chains(), st.sampled_from([1.0, 1.5, 3.0]))
def test_costs_of_chains_equal_the_dense_assignment(crowd, limit):
    expected = [oracle.cost(points, truths, limit) for points, _, truths in crowd]
    np.testing.assert_allclose(localization_costs(*columns(crowd), limit=limit), expected, atol=1e-9)


@settings(max_examples=100)
@given(crowds(most_images=1, most=3), LIMITS)
def test_no_matching_within_the_limit_is_cheaper(crowd, limit):
    ((points, _, truths),) = crowd
    total, pairs = oracle.cheapest(points, truths, limit)
    expected = total + limit * (max(len(points), len(truths)) - pairs)
    assert one(points, truths, limit) == pytest.approx([expected], abs=1e-9)


@settings(max_examples=100)
@given(crowds(), LIMITS)
def test_the_mean_over_images_with_true_points_equals_the_oracle(crowd, limit):
    assert same(scores_of(crowd, f"MLE@{limit}px")[canonical(f"MLE@{limit}px")], oracle.mle(crowd, limit))


@pytest.mark.parametrize("block", [1, 7])
@settings(max_examples=50)
@given(crowd=crowds(most_images=6))
def test_the_size_of_a_block_changes_nothing(block, crowd):
    whole = localization_costs(*columns(crowd), limit=3.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PAIRS", block)
        np.testing.assert_allclose(localization_costs(*columns(crowd), limit=3.0), whole, atol=1e-9)


@settings(max_examples=50)
@given(crowds(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, random):
    assert same(scores_of(crowd, "MLE")["MLE@16px"], scores_of(shuffled(crowd, random), "MLE")["MLE@16px"])


def test_images_count_alike_and_those_without_true_points_do_not():
    # 5 / 1, (3 + 16) / 2, left out: mean of 5 and 9.5
    crowd = [
        ([(3, 4)], [0.9], [(0, 0)]),
        ([(3, 0)], [0.9], [(0, 0), (0, 90)]),
        ([(1, 1)], [0.9], []),
    ]
    found = report(crowd, "MLE", per_image=True)
    assert found["MLE@16px"] == pytest.approx((5 + 9.5) / 2)
    np.testing.assert_allclose(found.per_image["MLE@16px"], [5, 9.5, np.nan])


def test_predictions_at_the_confidence_threshold_are_left_out():
    crowd = [([(3, 4), (0, 0)], [0.9, 0.5], [(0, 0)])]
    assert scores_of(crowd, "MLE")["MLE@16px"] == pytest.approx(5)
    assert scores_of(crowd, "MLE", scored=False)["MLE@16px"] == pytest.approx(16)
    assert scores_of(crowd, "MLE", options={"count_threshold": 0.4})["MLE@16px"] == pytest.approx(16)


def test_a_perfect_prediction_costs_nothing():
    truths = [(float(x), float(y)) for x in range(5) for y in range(5)]
    assert scores_of([(truths, [1.0] * 25, truths)], "MLE")["MLE@16px"] == pytest.approx(0, abs=1e-12)


def test_a_long_chain_is_matched_at_its_price():
    # 2001 predictions each 1 px from the place they take, in a line: sum of distances 2001, one true point each
    points, truths = chain(2000)
    assert one(points, truths, 1.5) == pytest.approx([2001], rel=1e-12)


def test_a_crowded_image_equals_the_dense_assignment():
    rng = np.random.default_rng(8)
    points, truths = rng.uniform(0, 120, (300, 2)).tolist(), rng.uniform(0, 120, (250, 2)).tolist()
    assert one(points, truths) == pytest.approx([oracle.cost(points, truths, 16)], rel=1e-12)
    assert bipartite.size(points, truths, 16) == 250


def test_without_true_points_mle_is_undefined_and_says_so():
    found = report([([(1, 1)], [0.9], [])], "MLE")
    assert math.isnan(found["MLE@16px"])
    assert "undefined: MLE is undefined: there are no true points" in found.warnings


def test_sixteen_pixels_are_the_default():
    assert canonical("MLE") == canonical("MLE@16.0px") == "MLE@16px"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MLE@16", "expected MLE@ followed by one limit, such as 16px"),
        ("MLE@8,16px", "one limit"),
        ("MLE@0px", "positive"),
        ("MLE@xpx", "number"),
        ("MLE@sigma_l", "16px"),
        ("MLE(2)", "takes no"),
        ("MLE by scene", "takes no"),
        ("MLE[S]", "takes no"),
    ],
)
def test_a_bad_string_is_one_clear_error(text, words):
    with pytest.raises(UsageError, match=words):
        canonical(text)
