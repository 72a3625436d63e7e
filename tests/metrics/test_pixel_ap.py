"""AP at a radius in pixels and L-AUC: hand table, oracle, parity with nAP's matching, strings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import pixel_ap as oracle
from oracles.crowds import report, same, scores_of, shuffled
from sklearn.metrics import average_precision_score
from strategies import crowds

from crowdeval.errors import UsageError
from crowdeval.matching import batching
from crowdeval.metrics import canonical

RADII = st.sampled_from([0.125, 0.5, 1.0, 2.0, 4.0, 25.0])

SQUARE = [(0, 0), (10, 0), (0, 10), (10, 10), (60, 10)]
HAND = [
    # predictions, scores, radius, AP by hand over five true points
    ([(1, 0), (9, 0)], [0.9, 0.8], 2, 2 / 5),
    ([(1, 0), (2, 0)], [0.9, 0.8], 3, 1 / 5),  # the second finds its true point taken
    ([(50, 50), (1, 0)], [0.9, 0.8], 2, 1 / 10),  # a false positive first: precision 1/2
    ([(3, 4)], [0.9], 5, 0),  # strictly below the radius, unlike F1
    ([(3, 4)], [0.9], 5.001, 1 / 5),
    ([(5, 1), (5, 1)], [0.9, 0.8], 6, 2 / 5),
    ([(50, 50), (1, 0)], [0.8, 0.8], 2, 1 / 10),  # a tie enters together
    ([(1, 0), (50, 50), (10, 1), (0, 9)], [0.9, 0.8, 0.7, 0.6], 2, 1 / 5 + 2 / 5 * 3 / 4),  # envelope
    ([(1, 0), (9, 0)], [0.4, 0.1], 2, 2 / 5),  # no confidence is dropped
    ([], [], 2, 0),
]


@pytest.mark.parametrize(("points", "scores", "radius", "expected"), HAND)
def test_hand_table(points, scores, radius, expected):
    name = f"AP@{radius}px"
    assert scores_of([(points, scores, SQUARE)], name)[name] == pytest.approx(expected, abs=1e-15)


@given(crowds(), RADII)
def test_equals_the_oracle(crowd, radius):
    assert same(
        scores_of(crowd, f"AP@{radius}px")[canonical(f"AP@{radius}px")], oracle.average_precision(crowd, radius)
    )


@settings(max_examples=60)
@given(crowds(), RADII, st.sampled_from(["step", "coco101", "voc11"]))
def test_every_area_equals_the_oracle(crowd, radius, ap):
    name = canonical(f"AP@{radius}px")
    assert same(scores_of(crowd, name, options={"ap": ap})[name], oracle.average_precision(crowd, radius, ap))


@settings(max_examples=60)
@given(crowds())
def test_a_range_is_the_mean_over_its_radii_under_both_names(crowd):
    values = scores_of(crowd, "AP@1:1:5px", "L-AUC@1:1:5px", "AP@3px")
    expected = np.mean([oracle.average_precision(crowd, radius) for radius in (1, 2, 3, 4, 5)])
    assert same(values["AP@1:1:5px"], expected)
    assert same(values["L-AUC@1:1:5px"], expected)
    assert same(values["AP@3px"], oracle.average_precision(crowd, 3))


@settings(max_examples=60)
@given(crowds(), RADII)
def test_without_confidences_it_is_precision_times_recall_of_the_sequential_matching(crowd, radius):
    name = canonical(f"AP@{radius}px")
    alike = [(points, [1.0] * len(points), truths) for points, _, truths in crowd]
    assert same(scores_of(crowd, name, scored=False)[name], oracle.average_precision(alike, radius))


@settings(max_examples=40)
@given(crowds(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, random):
    assert same(scores_of(crowd, "AP@2px")["AP@2px"], scores_of(shuffled(crowd, random), "AP@2px")["AP@2px"])


@pytest.mark.parametrize("block", [1, 7])
@settings(max_examples=40)
@given(crowd=crowds(most_images=6))
def test_the_size_of_a_block_changes_nothing(block, crowd):
    whole = scores_of(crowd, "AP@1:1:4px")["AP@1:1:4px"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PAIRS", block)
        assert same(scores_of(crowd, "AP@1:1:4px")["AP@1:1:4px"], whole)


@settings(max_examples=60)
@given(crowds(), RADII)
def test_the_step_area_equals_scikit_learn(crowd, radius):
    flags = [flag for image in crowd for flag in oracle.image_flags(*image, radius)]
    total, hits = sum(len(t) for _, _, t in crowd), sum(hit for _, hit in flags)
    name = canonical(f"AP@{radius}px")
    value = scores_of(crowd, name, options={"ap": "step"})[name]
    if not hits:
        assert value == 0 or math.isnan(value)
        return
    expected = average_precision_score([hit for _, hit in flags], [score for score, _ in flags]) * hits / total
    assert same(value, expected)


def test_all_confidences_are_used_whatever_the_count_threshold():
    crowd = [([(1, 0), (9, 0)], [0.4, 0.1], SQUARE)]
    assert scores_of(crowd, "AP@2px", options={"count_threshold": 0.9})["AP@2px"] == pytest.approx(2 / 5)


def test_a_perfect_prediction_scores_one():
    assert scores_of([(SQUARE, [0.5] * 5, SQUARE)], "AP@1:1:100px")["AP@1:1:100px"] == 1


def test_images_without_true_points_bring_false_positives():
    crowd = [([(1, 1)], [0.9], []), ([(5, 5)], [0.8], [(5, 5)])]
    assert scores_of(crowd, "AP@2px")["AP@2px"] == 0.5


def test_without_true_points_it_is_undefined_and_says_so():
    found = report([([(1, 1)], [0.9], [])], "AP@2px")
    assert math.isnan(found["AP@2px"])
    assert "undefined: AP is undefined: there are no true points" in found.warnings


def test_a_radius_is_spelled_as_short_as_can_be():
    assert canonical("AP@8.0px") == "AP@8px"
    assert canonical("AP@5,10,15px") == "AP@5:5:15px"
    assert canonical("L-AUC@1:1:100px") == "L-AUC@1:1:100px"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("AP", "expected AP@ followed by 8px or 1:1:100px"),
        ("AP@8", "expected AP@ followed by 8px"),
        ("AP@0px", "positive"),
        ("AP@-3px", "positive"),
        ("AP@infpx", "finite"),
        ("AP@1:2:4px", "does not reach its end in whole steps"),
        ("L-AUC@sigma_l", "expected L-AUC@ followed by"),
        ("AP@8px by scene", "takes no"),
        ("AP(1)@8px", "takes no"),
    ],
)
def test_a_bad_string_is_one_clear_error(text, words):
    with pytest.raises(UsageError, match=words):
        canonical(text)


def test_three_true_points_within_half_a_pixel_are_all_within_reach():
    # a radius has no d_k that keeps neighbours apart: each of three predictions must find one of three free points
    close = [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1)]
    crowd = [([(0.05, 0.05)] * 3, [0.9, 0.8, 0.7], close)]
    assert scores_of(crowd, "AP@0.5px") == {"AP@0.5px": 1.0}
    assert oracle.average_precision(crowd, 0.5) == 1
