"""d_k: hand table, oracle, options."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.crowds import ragged
from oracles.nap import d_k
from strategies import points

from crowdeval import knn_scale
from crowdeval.errors import InputError, NeedsError, UsageError
from crowdeval.matching.scale import box_levels, box_radii, knn_scales


def test_hand_table():
    # a right triangle 3-4-5 and a far point (0, 13): distances by hand
    points = [[0, 0], [3, 0], [0, 4], [0, 13]]
    expected = {
        1: [3, 3, 4, 9],
        2: [3.5, 4, 4.5, 11],
        3: [20 / 3, (8 + math.sqrt(178)) / 3, 18 / 3, (22 + math.sqrt(178)) / 3],
    }
    for k, values in expected.items():
        assert knn_scale(points, k=k) == pytest.approx(values, abs=1e-12)


@given(points(14), st.integers(1, 8))
def test_equals_the_oracle(crowd, k):
    np.testing.assert_allclose(knn_scale(crowd, k=k), d_k(crowd, k), rtol=1e-14)


@given(st.lists(points(8), max_size=5), st.integers(1, 4))
def test_images_do_not_see_each_other(crowds, k):
    together = knn_scales(ragged(crowds), k=k)
    np.testing.assert_array_equal(together, np.concatenate([[], *(knn_scale(c, k=k) for c in crowds)]))


def test_fewer_than_k_others_is_the_mean_over_those_there_are():
    assert knn_scale([[0, 0], [4, 0]], k=3).tolist() == [4, 4]


def test_coincident_points_are_neighbours_at_distance_zero():
    assert knn_scale([[0, 0], [0, 0], [3, 0]], k=2).tolist() == [1.5, 1.5, 3]


def test_a_lone_point_has_infinite_scale():
    assert knn_scale([[5, 5]]).tolist() == [math.inf]


def test_no_points_have_no_scale():
    assert knn_scale([]).shape == (0,)


def test_lone_points_take_the_diagonal_or_a_length():
    crowd = ragged([[(1, 1)], [(5, 5), (9, 5)]])
    sizes = np.array([[300.0, 400], [np.nan, np.nan]])
    assert knn_scales(crowd, lone="diagonal", sizes=sizes).tolist() == [500, 4, 4]
    assert knn_scales(crowd, lone="12.5").tolist() == [12.5, 4, 4]


def test_the_diagonal_needs_the_size_of_the_image_with_the_lone_point():
    with pytest.raises(NeedsError, match=r"width and height .*lone='inf' \(--lone inf\)"):
        knn_scales(ragged([[(1, 1)]]), lone="diagonal")


@pytest.mark.parametrize("bad", ["", "infinite", "-3", "0", "nan"])
def test_an_unknown_lone_is_an_error(bad):
    with pytest.raises(UsageError, match="lone"):
        knn_scales(ragged([[(1, 1)]]), lone=bad)


@pytest.mark.parametrize("bad", [[[1, 2, 3]], [[1, math.nan]], [[math.inf, 0]], [["a", "b"]], [1, 2, 3], [[1], [2, 3]]])
def test_bad_points_are_one_clear_error(bad):
    with pytest.raises(InputError, match="points"):
        knn_scale(bad)


def test_k_below_one_is_an_error():
    with pytest.raises(UsageError, match="at least 1"):
        knn_scale([[0, 0], [1, 1]], k=0)


SIDES = [(w, h) for w in (1, 2, 11, 33, 127) for h in (3, 76, 261, 350)]


@pytest.mark.parametrize(("w", "h"), SIDES)
def test_a_prediction_at_the_corner_of_a_head_is_within_sigma_l_however_the_box_is_turned(w, h):
    from crowdeval.matching.neighbours import separation

    corners = [[10, 20, 10 + w, 20 + h], [10 + w, 20 + h, 10, 20], [10, 20 + h, 10 + w, 20]]
    radii = box_radii(np.array(corners, dtype=float))
    assert radii.tolist() == [radii[0].tolist()] * 3
    assert (
        box_levels(np.array(corners, dtype=float)).tolist() == [int(np.digitize(w * h, [10, 100, 1e3, 1e4, 1e5]))] * 3
    )
    centre, corner = np.array([[10 + w / 2, 20 + h / 2]]), np.array([[10.0 + w, 20.0 + h]])
    assert separation(centre, corner)[0] <= radii[0, 1]
