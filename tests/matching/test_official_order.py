"""True points matched in the order of the official script: hand table, the recursive script, long chains, failures."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import bipartite as oracle
from oracles.crowds import chain, chains, columns
from strategies import crowds

from crowdeval.matching import batching
from crowdeval.matching.cardinality import matched_counts, pairs_by_image
from crowdeval.matching.official_order import scripted_matches


def flags(crowd, radius):
    """Return which true points of all images are matched."""
    predicted, true = columns(crowd)
    matched = np.zeros(len(true), dtype=bool)
    gates = np.broadcast_to(np.reshape(radius, (-1, 1)), (len(true), 1)).astype(float)
    for images, pairs in pairs_by_image(predicted, true, gates):
        matched[true.rows(images)] = scripted_matches(pairs)
    return matched.tolist()


def image_flags(points, truths, radius):
    return flags([(points, [1.0] * len(points), truths)], radius)


def expected(crowd, radius):
    return [
        flag
        for points, _, truths in crowd
        for flag in oracle.official_order(oracle.neighbours(points, truths, radius), len(truths))
    ]


HAND = [
    # predictions, true points, radius, which are matched
    ([(1, 0)], [(0, 0), (1, 0), (2, 0)], 1, [True, False, False]),  # the first row in reach, not the nearest
    ([(1, 0)], [(2, 0), (1, 0), (0, 0)], 1, [True, False, False]),
    ([(1, 0), (1, 0)], [(0, 0), (1, 0), (2, 0)], 1, [True, True, False]),  # the holder of row 0 moves on to row 1
    ([(1, 0), (-1, 0)], [(0, 0), (2, 0)], 1, [True, True]),  # (-1, 0) takes row 0, (1, 0) moves on to row 1
    ([(2, 0), (1, 0), (3, 0)], [(1, 0), (3, 0)], 0.5, [True, True]),  # a prediction without any is passed over
    ([(0, 0)] * 3 + [(2, 0)], [(0, 0), (2, 0)], 1, [True, True]),  # failed searches leave the next one free to go
    ([(0, 0)] * 3 + [(1, 0)], [(0, 0), (2, 0)], 1, [True, True]),  # through a row that a failed search has visited
    ([(1, 0), (1, 0), (1, 0), (3, 0)], [(0, 0), (2, 0), (4, 0)], 1, [True, True, True]),
    ([], [(0, 0)], 1, [False]),
]


@pytest.mark.parametrize(("points", "truths", "radius", "matched"), HAND)
def test_hand_table(points, truths, radius, matched):
    assert image_flags(points, truths, radius) == matched


@settings(max_examples=250)
@given(crowds(), st.sampled_from([0.125, 0.5, 1.0, 2.0, 4.0, 25.0]))
def test_equals_the_recursive_script(crowd, radius):
    assert flags(crowd, radius) == expected(crowd, radius)


@settings(max_examples=250)
@given(chains())
def test_equals_the_recursive_script_on_chains(crowd):
    assert flags(crowd, 1.0) == expected(crowd, 1.0)


def test_equals_the_recursive_script_where_most_searches_fail():
    rng = np.random.default_rng(5)
    for few, many in ((40, 200), (200, 40), (120, 120)):
        for radius in (3.0, 6.0, 12.0):
            truths, points = rng.uniform(0, 60, (few, 2)).tolist(), rng.uniform(0, 60, (many, 2)).tolist()
            crowd = [(points, [1.0] * many, truths)]
            assert flags(crowd, radius) == expected(crowd, radius)


def test_equals_the_recursive_script_where_every_true_point_has_its_radius():
    rng = np.random.default_rng(6)
    for _ in range(30):
        truths, points = rng.integers(0, 20, (30, 2)).tolist(), rng.integers(0, 20, (40, 2)).tolist()
        radii = rng.uniform(0, 4, 30)
        near = oracle.neighbours(points, truths, radii.tolist())
        assert image_flags(points, truths, radii) == oracle.official_order(near, 30)


@settings(max_examples=80)
@given(crowds(), st.sampled_from([0.5, 1.0, 4.0]))
def test_the_number_of_matched_points_is_the_maximum(crowd, radius):
    matched = flags(crowd, radius)
    sizes = matched_counts(*columns(crowd), np.array([radius]))[:, 0]
    starts = columns(crowd)[1].offsets[:-1].tolist()
    assert sizes.tolist() == [sum(matched[a : a + len(crowd[i][2])]) for i, a in enumerate(starts)]


@settings(max_examples=80)
@given(crowds(most_images=1), st.sampled_from([1.0, 4.0]), st.data())
def test_more_predictions_never_free_a_matched_true_point(crowd, radius, data):
    points, _, truths = crowd[0]
    fewer = data.draw(st.integers(0, len(points)))
    assert all(
        a <= b
        for a, b in zip(image_flags(points[:fewer], truths, radius), image_flags(points, truths, radius), strict=True)
    )


@pytest.mark.parametrize("block", [1, 7])
@settings(max_examples=50)
@given(crowd=crowds(most_images=6))
def test_the_size_of_a_block_changes_nothing(block, crowd):
    whole = flags(crowd, 2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PAIRS", block)
        assert flags(crowd, 2.0) == whole


def test_the_order_of_lines_decides_who_is_matched():
    # documented for recall by level: the number is the same, the points are not
    truths = [(0, 0), (2, 0), (4, 0)]
    assert image_flags([(1, 0), (3, 0)], truths, 1) == [True, True, False]
    assert image_flags([(1, 0), (3, 0)], truths[::-1], 1) == [True, True, False]  # now (4, 0) and (2, 0)
    assert image_flags([(3, 0), (1, 0)], truths, 1) == [True, True, False]
    assert image_flags([(1, 0), (3, 0), (3, 0)], truths, 1) == [True, True, True]


def test_a_chain_of_5000_points_that_one_path_must_run_through():
    points, truths = chain(5000)
    assert image_flags(points[:-1], truths, 1.0) == [True] * 5000 + [False]
    assert image_flags(points, truths, 1.0) == [True] * 5001


def test_a_thick_chain_takes_one_path_after_the_other():
    points, truths = chain(500, thick=10)
    assert image_flags(points, truths, 1.0) == [True] * 5010


def test_a_chain_that_is_used_up_is_searched_once():
    # 400 more keys, each of which would walk 400 links: the visited points are left out from then on
    class Counted(list):
        reads = 0

        def __getitem__(self, place):
            Counted.reads += 1
            return super().__getitem__(place)

    class Column(np.ndarray):
        def tolist(self):
            return Counted(super().tolist())

    links, truths = chain(400)
    predicted, true = columns([(links[:-1] + [(-1.0, 0.0)] * 400, [], truths[:-1])])
    ((_, pairs),) = pairs_by_image(predicted, true, np.ones((400, 1)))
    assert scripted_matches(replace(pairs, true=pairs.true.view(Column))).all()
    assert 0 < Counted.reads < 20 * len(pairs.true)


def test_thousands_of_keys_to_a_chain_that_is_used_up():
    links, truths = chain(5000)
    assert image_flags(links[:-1] + [(-1.0, 0.0)] * 5000, truths[:-1], 1.0) == [True] * 5000
