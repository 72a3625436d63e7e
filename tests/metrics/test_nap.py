"""nAP: hand table, oracle, invariances, parity with scikit-learn, arguments."""

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import nap as oracle
from oracles.crowds import columns, ragged
from sklearn.metrics import average_precision_score
from strategies import DELTAS, arguments, crowds

import crowdeval
from crowdeval.errors import CrowdevalWarning, InputError, UndefinedMetricWarning, UsageError
from crowdeval.matching.scale import knn_scales
from crowdeval.matching.sequential import candidates, sequential_matches
from crowdeval.metrics.nap import match_normalized
from crowdeval.metrics.strings import parse_range

pytestmark = pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")


def ours(crowd, delta, **options):
    predictions, annotations = arguments(crowd)
    return crowdeval.nap(predictions, annotations, delta=delta, **options).mean


def same(a, b):
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))


# True points on a unit square of side 10 and one far away: d_1 = 10, 10, 10, 10, 50.
SQUARE = [[0, 0], [10, 0], [0, 10], [10, 10], [60, 10]]
HAND = [
    # predictions, scores, delta, AP by hand
    ([[1, 0], [9, 0]], [0.9, 0.8], 0.25, 2 / 5),  # both hit: precision 1 up to recall 2/5
    ([[1, 0], [2, 0]], [0.9, 0.8], 0.25, 1 / 5),  # the second finds its true point taken
    ([[50, 50], [1, 0]], [0.9, 0.8], 0.25, 1 / 10),  # a false positive first: precision 1/2
    ([[1, 0]], [0.9], 0.1, 0.0),  # 1 / 10 is not strictly below 0.1
    ([[1, 0]], [0.9], 0.1000001, 1 / 5),
    ([[72, 10]], [0.9], 0.25, 1 / 5),  # 12 / 50: the far point has a wide reach
    ([[5, 1]], [0.9], 0.6, 1 / 5),  # between (0, 0) and (10, 0), equally near: one is taken
    ([[5, 1], [5, 1]], [0.9, 0.8], 0.6, 2 / 5),  # the next goes to the other
    ([[50, 50], [1, 0]], [0.8, 0.8], 0.25, 1 / 10),  # a tie enters together: precision 1/2
    ([[1, 0], [50, 50], [10, 1], [0, 9]], [0.9, 0.8, 0.7, 0.6], 0.25, 1 / 5 + 2 / 5 * 3 / 4),  # envelope
    ([], [], 0.25, 0.0),
]


@pytest.mark.parametrize(("points", "scores", "delta", "expected"), HAND)
def test_hand_table(points, scores, delta, expected):
    assert crowdeval.nap((points, scores), SQUARE, delta=delta, k=1) == pytest.approx(expected, abs=1e-15)


@settings(max_examples=1500)
@given(crowds(), DELTAS, st.integers(1, 6))
def test_equals_the_oracle(crowd, delta, k):
    assert same(ours(crowd, delta, k=k), oracle.average_precision(crowd, delta, k))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(crowds(most_images=2, most=40), st.sampled_from([0.25, 0.5, 1.5]), st.integers(1, 4))
def test_equals_the_oracle_in_denser_crowds(crowd, delta, k):
    assert same(ours(crowd, delta, k=k), oracle.average_precision(crowd, delta, k))


@given(crowds(), DELTAS, st.sampled_from(["area", "step", "coco101", "voc11"]), st.sampled_from(["set", "image"]))
def test_every_area_and_pool_equals_the_oracle(crowd, delta, ap, pool):
    assert same(ours(crowd, delta, ap=ap, pool=pool), oracle.average_precision(crowd, delta, 3, ap, pool))


@given(crowds(), DELTAS, st.sampled_from([1.0, 20.0]))
def test_a_length_for_lone_points_equals_the_oracle(crowd, delta, lone):
    assert same(ours(crowd, delta, lone=lone), oracle.average_precision(crowd, delta, 3, lone=lone))


@given(crowds(), DELTAS, st.integers(1, 4))
def test_flags_equal_the_sequential_loop_one_by_one(crowd, delta, k):
    predicted, true = columns(crowd)
    score = np.concatenate([scores for _, scores in arguments(crowd)[0]])
    table = candidates(predicted, score, true, knn_scales(true, k=k), delta=delta, k=k)
    hits = np.zeros(len(predicted), dtype=bool)
    hits[table.prediction[sequential_matches(table, delta)]] = True
    flags = [flag for image in crowd for flag in oracle.image_flags(*image, delta, k)]
    # predictions equal in place, confidence and image are interchangeable: compare how many of each kind hit
    kinds = [(i, *q, s) for i, (points, scores, _) in enumerate(crowd) for q, s in zip(points, scores, strict=True)]
    assert sorted(zip(kinds, hits.tolist(), strict=True)) == sorted(
        (kind, hit) for kind, (_, hit) in zip(kinds, flags, strict=True)
    )


@given(crowds())
def test_the_lemma_and_the_radius_search_find_the_same_pairs(crowd):
    predicted, true = columns(crowd)
    scale = knn_scales(true, k=2)
    fast, slow = (candidates(predicted, None, true, scale, delta=0.5, k=k) for k in (2, 0))
    rows = [[t.ratio[a:b].tolist() for a, b in zip(t.start, t.end, strict=True)] for t in (fast, slow)]
    assert rows[0] == rows[1]


def test_a_point_on_the_lemmas_edge_is_not_lost():
    # All neighbours coincide and the prediction is halfway: 0.5 rounds to either side, k true points tie.
    for x in np.arange(1, 400) / 7:
        truths = [(0.0, 0.0)] + [(x, x / 3)] * 3
        crowd = [([(x / 2, x / 6), (x, x / 3)], [0.9, 0.8], truths)]
        for k in (1, 2, 3):
            assert same(ours(crowd, 0.5, k=k), oracle.average_precision(crowd, 0.5, k))


@given(crowds(), st.sampled_from([0.25, 0.5, 1.0]), st.randoms())
def test_the_order_of_lines_and_images_changes_nothing(crowd, delta, random):
    shuffled = []
    for points, scores, truths in crowd:
        rows = list(zip(points, scores, strict=True))
        random.shuffle(rows)
        shuffled.append(([q for q, _ in rows], [s for _, s in rows], random.sample(truths, len(truths))))
    random.shuffle(shuffled)
    assert same(ours(crowd, delta), ours(shuffled, delta))


MOVES = {
    "translation": lambda p: (p[0] + 1024, p[1] - 512),
    "scaling by 8": lambda p: (8 * p[0], 8 * p[1]),
    "scaling by 1/4": lambda p: (p[0] / 4, p[1] / 4),
}


@pytest.mark.parametrize("move", MOVES)
@given(crowd=crowds(), delta=DELTAS)
def test_moving_everything_changes_nothing(move, crowd, delta):
    moved = [([MOVES[move](q) for q in p], s, [MOVES[move](q) for q in t]) for p, s, t in crowd]
    assert same(ours(crowd, delta), ours(moved, delta))


def untied(crowd):
    """Confidences all different: ties go by x and y, which a rotation exchanges."""
    number = sum(len(scores) for _, scores, _ in crowd)
    values = iter(np.linspace(1, 0.1, max(number, 1)).tolist())
    return [(p, [next(values) for _ in s], t) for p, s, t in crowd]


@given(crowds(), DELTAS)
def test_one_prediction_an_image_is_indifferent_to_rotation(crowd, delta):
    one = [(p[:1], s[:1], t) for p, s, t in untied(crowd)]
    turned = [([(-y, x) for x, y in p], s, [(-y, x) for x, y in t]) for p, s, t in one]
    assert same(ours(one, delta), ours(turned, delta))


def test_rotation_by_90_degrees_changes_nothing_without_ties():
    rng = np.random.default_rng(7)
    for _ in range(50):
        truths = [tuple(p) for p in rng.integers(0, 4000, (30, 2)) / 8]
        points = [tuple(np.array(p) + rng.integers(-40, 40, 2) / 8) for p in truths]
        scores = (rng.permutation(30) / 30).tolist()
        turned = [([(-y, x) for x, y in points], scores, [(-y, x) for x, y in truths])]
        for delta in (0.1, 0.5, 2.0):
            assert same(ours([(points, scores, truths)], delta), ours(turned, delta))


@given(crowds(), DELTAS)
def test_the_step_area_equals_scikit_learn(crowd, delta):
    flags = [flag for image in crowd for flag in oracle.image_flags(*image, delta, 3)]
    total, hits = sum(len(t) for _, _, t in crowd), sum(hit for _, hit in flags)
    value = ours(crowd, delta, ap="step")
    if not hits:
        assert value == 0 or math.isnan(value)
        return
    # scikit-learn's recall counts the positives it is shown: rescale to all true points
    expected = average_precision_score([hit for _, hit in flags], [score for score, _ in flags]) * hits / total
    assert same(value, expected)


@given(crowds())
def test_a_perfect_prediction_scores_one_at_every_delta(crowd):
    truths = [[p for p, s in zip(t, oracle.d_k(t, 3), strict=True) if s > 0] for _, _, t in crowd]
    truths = [t if all(s > 0 for s in oracle.d_k(t, 3)) else t[:1] for t in truths]
    value = crowdeval.nap([(t, np.ones(len(t))) for t in truths], truths)
    assert math.isnan(value) if not any(truths) else set(value.per_delta.values()) == {1.0}


def test_flags_are_not_nested_in_delta():
    # At 0.3 the first prediction takes the near point; the second is out of reach of the other.
    truths = [[0, 0], [10, 0]]
    points = [[2.5, 0], [0, 0]]
    result = match_normalized(ragged([points]), np.array([0.9, 0.8]), ragged([truths]), deltas=(0.2, 0.3), k=3)
    assert [bits.tolist() for bits in result.bits] == [[0b10], [0b01]]


def test_a_point_on_top_of_its_neighbours_never_matches():
    assert crowdeval.nap(([[5, 5]], [1.0]), [[5, 5], [5, 5], [5, 5], [5, 5]], delta=0.5) == 0


def test_a_lone_point_is_matched_from_anywhere():
    assert crowdeval.nap(([[900, 900]], [0.3]), [[5, 5]], delta=0.05) == 1


def test_images_without_true_points_bring_false_positives():
    predictions, truths = [([[1, 1]], [0.9]), ([[5, 5]], [0.8])], [[], [[5, 5]]]
    assert crowdeval.nap(predictions, truths, delta=0.5) == 0.5
    assert crowdeval.nap(predictions, truths, delta=0.5, pool="image") == 1


def test_without_confidences_ap_is_precision_times_recall():
    assert crowdeval.nap([[1, 0], [50, 50]], SQUARE, delta=0.25, k=1) == pytest.approx(1 / 2 * 1 / 5)


def test_without_true_points_nap_is_nan_with_a_named_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UndefinedMetricWarning):
            crowdeval.nap(([[1, 1]], [0.5]), [])
    assert math.isnan(crowdeval.nap(([[1, 1]], [0.5]), []))


def test_the_result_is_a_float_with_parts():
    result = crowdeval.nap(([[1, 0], [9, 0]], [0.9, 0.8]), SQUARE, k=1)
    assert isinstance(result, float)
    assert result.mean == float(result) == pytest.approx(np.mean(list(result.per_delta.values())))
    assert list(result.per_delta) == list(parse_range("0.05:0.05:0.5"))
    assert f"{result:.3f}" == "0.320"
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert (twin, twin.per_delta) == (result, result.per_delta)


def test_points_that_cannot_match_are_never_silent():
    with pytest.warns(CrowdevalWarning, match="zero-scales: 5 true points"):
        result = crowdeval.nap(([[1, 1]], [0.5]), [[1, 1]] * 5)
    assert result.warnings[0].startswith("zero-scales")
    assert crowdeval.nap(([[1, 1]], [0.5]), [[1, 1]]).warnings[0].startswith("lone-points")
    assert crowdeval.nap(([[1, 1]], [0.5]), SQUARE).warnings == ()


@pytest.mark.parametrize("k", [1, 5, 100, 10**20])
def test_any_k_equals_the_oracle(k):
    rng = np.random.default_rng(k % 97)
    truths, points = rng.uniform(0, 50, (30, 2)), rng.uniform(0, 50, (40, 2))
    crowd = [(points.tolist(), rng.permutation(40).tolist(), truths.tolist())]
    for delta in (0.3, 0.5, 1.2):
        assert same(ours(crowd, delta, k=k), oracle.average_precision(crowd, delta, k))


@given(crowds(), DELTAS, st.integers(1, 3))
def test_images_in_groups_give_what_all_at_once_give(crowd, delta, k):
    whole = ours(crowd, delta, k=k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crowdeval.matching.batching.LEMMA_PAIRS", 5)
        patch.setattr("crowdeval.matching.neighbours.CHUNK", 1)
        assert same(ours(crowd, delta, k=k), whole)
        assert same(ours(crowd, delta, k=k, pool="image"), oracle.average_precision(crowd, delta, k, pool="image"))


def test_beyond_one_half_the_lemma_does_not_hold_and_is_not_used():
    # (0, 0) is the third nearest of (0.58, 0), and within 0.6 of its d_2, which is 1
    truths = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.01)]
    crowd = [([(1.0, 0.0), (1.0, 0.01), (0.58, 0.0)], [1.0, 0.9, 0.8], truths)]
    assert ours(crowd, 0.6, k=2) == oracle.average_precision(crowd, 0.6, 2) == 1


def test_of_two_true_points_equally_near_the_one_with_the_lower_x_is_taken():
    # d_1 is sqrt(20) for both; the first prediction is as near to either, the second reaches one of them only
    for flip in (False, True):
        truths = [(0.0, 4.0), (2.0, 0.0), (1.0, 30.0), (3.0, 30.0)]
        points, scores = [(1.0, 2.0), (-0.5, 4.0) if flip else (2.5, 0.0)], [0.9, 0.8]
        hits = 1 if flip else 2
        assert ours([(points, scores, truths)], 0.6, k=1) == pytest.approx(hits / 4)


SPELLINGS = [
    (([[1, 0]], [0.9]), SQUARE),
    ((np.array([[1, 0]]), np.array([0.9])), np.array(SQUARE)),
    ([([[1, 0]], [0.9])], [SQUARE]),
    ([(np.array([[1, 0]]), [0.9])], [np.array(SQUARE)]),
    ([[1, 0]], SQUARE),
    (np.array([[1, 0]], dtype=np.float32), np.array(SQUARE, dtype=np.int32)),
    ([[[1, 0]]], [SQUARE]),
    ([np.array([[1, 0]])], [np.array(SQUARE)]),
    (([[1, 0]], None), SQUARE),
    ([([], []), ([[1, 0]], [0.9])], [[], SQUARE]),
    ([([[1, 0]], [0.9]), ([], [])], [SQUARE, []]),
]


@pytest.mark.parametrize("case", range(len(SPELLINGS)))
def test_one_image_and_many_images_in_every_spelling(case):
    assert crowdeval.nap(*SPELLINGS[case], delta=0.25, k=1) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("predictions", "annotations", "words"),
    [
        (([[1, 0]], [0.9, 0.8]), SQUARE, r"scores: expected shape \(1,\)"),
        (([[1, 0, 3]], [0.9]), SQUARE, r"shape \(N, 2\)"),
        (([[1, math.nan]], [0.9]), SQUARE, "finite"),
        (([[1, 0]], [math.inf]), SQUARE, "finite"),
        (
            [([[1, 0]], [0.9])],
            [SQUARE, SQUARE],
            "expected the same number of images in predictions and annotations, found 1 and 2",
        ),
        ([([[1, 0]], [0.9]), ([[1, 0]], None)], [SQUARE, SQUARE], "only some images have scores"),
        (([[1e10, 0]], [0.9]), SQUARE, "within"),
        (([["a", "b"]], [0.9]), SQUARE, "numbers"),
        (None, None, "predictions: expected an array"),
        (([[1, 0]], [0.9]), iter(SQUARE), "annotations: expected an array"),
    ],
)
def test_bad_arrays_are_one_clear_error(predictions, annotations, words):
    with pytest.raises(InputError, match=words):
        crowdeval.nap(predictions, annotations)


@pytest.mark.parametrize(
    "options",
    [
        {"delta": 0},
        {"delta": "0.5:0.1"},
        {"delta": "x"},
        {"delta": None},
        {"k": 0},
        {"k": 2.0},
        {"k": "3"},
        {"ap": "auc"},
        {"pool": "batch"},
        {"lone": "far"},
    ],
)
def test_an_option_that_means_nothing_is_a_usage_error(options):
    with pytest.raises(UsageError):
        crowdeval.nap(([[1, 0]], [0.9]), SQUARE, **options)
