"""Exact copies of points, and counts that are one multiple of the truth, are said; sound inputs are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdeval import Annotations, Predictions
from crowdeval.evaluation.copies import copy_notices, count_notices, number_of_copies
from crowdeval.points.ragged import Ragged

COORDINATE = st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5])


@settings(deadline=None)
@given(images=st.lists(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=6), min_size=1, max_size=4))
def test_the_number_of_copies_is_that_of_a_set(images):
    xy = np.array([point for image in images for point in image]).reshape(-1, 2)
    points = Ragged(xy, np.cumsum([0, *map(len, images)]))
    expected = sum(len(image) - len({(x + 0.0, y + 0.0) for x, y in image}) for image in images)
    assert number_of_copies(points) == expected


def test_both_sides_and_what_copies_do():
    twice, once = Ragged(np.array([[1.0, 2.0]] * 3), np.array([0, 3])), Ragged(np.array([[1.0, 2.0]]), np.array([0, 1]))
    assert copy_notices(once, once) == ()
    truth, predictions = copy_notices(twice, twice)
    assert truth.startswith(
        "copies-of-truth: 2 true points are exact copies of another in their image; each is one more"
    )
    assert predictions.startswith("copies-of-predictions: 2 predictions are exact copies")


def counted(estimates, counts=(10, 40, 25, 60, 33)):
    m = len(counts)
    ids = [str(i) for i in range(m)]
    truth = Annotations(image_ids=ids, offsets=[0] * (m + 1), xy=[], counts=counts, located=False)
    found = Predictions(image_ids=ids, offsets=[0] * (m + 1), xy=[], counts=estimates, located=False)
    return count_notices(found, truth)


@pytest.mark.parametrize("factor", [1 / 64, 1 / 16, 1 / 4, 4, 16, 64])
@pytest.mark.parametrize("noise", [0, 0.1])
def test_a_map_that_was_resized_and_not_divided_is_said(factor, noise):
    counts = np.array([10, 40, 25, 60, 33])
    estimates = counts * factor * (1 + noise * np.array([1, -1, 0.5, -0.5, 0.2]))
    assert "a density map that is resized" in counted(estimates)[0]


@pytest.mark.parametrize("factor", [0.5, 1, 2, 3])
def test_other_multiples_are_bad_predictions(factor):
    assert counted(np.array([10, 40, 25, 60, 33]) * factor) == ()


def test_weak_counting_methods_are_not_suspected():
    rng = np.random.default_rng(0)
    suspected = 0
    for _ in range(2000):
        counts = rng.integers(5, 400, 40)
        estimates = np.clip(counts * rng.lognormal(rng.normal(0, 0.7), 0.5, 40), 0, None)
        suspected += bool(counted(estimates, counts))
    assert suspected <= 20  # 1 in 100 of methods whose bias alone is often a factor of 2 to 4


def test_points_have_no_given_counts():
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1, 2]])
    assert count_notices(Predictions(image_ids=["a"], offsets=[0, 4], xy=[[1, 2]] * 4), truth) == ()


@pytest.mark.parametrize("factor", [100, 1000])
def test_a_map_multiplied_for_training_is_said(factor):
    true = np.array([10, 20, 30, 40])
    truth = Annotations(image_ids=list("abcd"), offsets=[0] * 5, xy=[], counts=true, located=False)
    found = Predictions(image_ids=list("abcd"), offsets=[0] * 5, xy=[], counts=true * (factor * 1.03), located=False)
    assert f"about {factor} times the true ones" in count_notices(found, truth)[0]
