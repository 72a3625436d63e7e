"""Maximum matching of gated pairs: hand table, oracles, parity with scipy, widening gates, groups, long chains."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import bipartite as oracle
from oracles.crowds import chain, chains, columns, ragged, shuffled
from strategies import crowds

from crowdeval.matching import batching
from crowdeval.matching.cardinality import growing_matchings, matched_counts, pairs_by_image

RADII = st.sampled_from([0.125, 0.5, 1.0, 2.0, 4.0, 25.0])


def sizes(crowd, radii):
    return matched_counts(*columns(crowd), np.asarray(radii, dtype=float))


def image_sizes(points, truths, *radii):
    return sizes([(points, [1.0] * len(points), truths)], radii)[0].tolist()


def own_radii(crowd, random, gates):
    """Return random radii that rise along the gates, different for every true point, (N, gates)."""
    number = sum(len(truths) for _, _, truths in crowd)
    steps = [[random.choice([0.0, 0.25, 0.5, 1.0, 3.0, 20.0]) for _ in range(gates)] for _ in range(number)]
    return np.cumsum(np.array(steps).reshape(-1, gates), axis=1)


def by_image(crowd, radii):
    """Yield predictions, true points and radii of the true points, image by image."""
    row = 0
    for points, _, truths in crowd:
        yield points, truths, radii[row : row + len(truths)]
        row += len(truths)


TWO = [(0, 0), (3, 0)]
HAND = [
    # predictions, true points, radius, TP by hand
    ([(1, 0), (-4, 0)], TWO, 5, 2),  # (1, 0) is nearest to (0, 0) and goes to (3, 0); nearest first finds 1
    ([(1, 0), (-4, 0)], TWO, 3.9, 1),  # (-4, 0) reaches nothing
    ([(3, 4)], [(0, 0)], 5, 1),  # 3-4-5: exactly the radius is within
    ([(3, 4)], [(0, 0)], math.nextafter(5, 0), 0),
    ([(1, 1)], [(0, 0)], math.sqrt(2), 1),
    ([(1, 1)], [(0, 0)], math.nextafter(math.sqrt(2), 0), 0),
    ([(0, 0)] * 3, TWO, 2, 1),  # three on one place: one true point in reach
    ([(0, 0)] * 3, TWO, 3, 2),
    ([(1, 0)], TWO, 9, 1),
    ([(0, 0)], [(0, 0)] * 4, 1, 1),
    ([], TWO, 9, 0),
    ([(1, 0)], [], 9, 0),
    ([], [], 9, 0),
]


@pytest.mark.parametrize(("points", "truths", "radius", "expected"), HAND)
def test_hand_table(points, truths, radius, expected):
    assert image_sizes(points, truths, radius) == [expected]


@given(crowds(), RADII)
def test_one_fixed_radius_equals_three_other_ways(crowd, radius):
    computed = sizes(crowd, [radius])[:, 0].tolist()
    for ways in (oracle.size, oracle.dense_size, oracle.sparse_size):
        assert computed == [ways(points, truths, radius) for points, _, truths in crowd]


@given(chains())
def test_chains_with_gaps_and_repetitions_equal_three_other_ways(crowd):
    computed = sizes(crowd, [1.0])[:, 0].tolist()
    for ways in (oracle.size, oracle.dense_size, oracle.sparse_size):
        assert computed == [ways(points, truths, 1.0) for points, _, truths in crowd]


@pytest.mark.parametrize("gates", [1, 2, 3, 5])
@settings(max_examples=100)
@given(crowd=crowds(), random=st.randoms(use_true_random=False))
def test_every_true_point_has_a_radius_of_its_own_at_every_gate(gates, crowd, random):
    radii = own_radii(crowd, random, gates)
    expected = [
        [oracle.dense_size(points, truths, own[:, g].tolist()) for g in range(gates)]
        for points, truths, own in by_image(crowd, radii)
    ]
    assert sizes(crowd, radii).tolist() == expected


@given(crowds(), st.lists(st.integers(1, 240), min_size=2, max_size=6, unique=True))
def test_all_radii_at_once_equal_each_alone(crowd, eighths):
    radii = sorted(eighth / 8 for eighth in eighths)
    together = sizes(crowd, radii)
    for g, radius in enumerate(radii):
        np.testing.assert_array_equal(together[:, g], sizes(crowd, [radius])[:, 0])
    assert (np.diff(together, axis=1) >= 0).all()


def test_a_distance_equal_to_a_radius_is_within_for_any_number_of_gates():
    for gates in ([5], [5, 6], [4, 5, 6], [3, 4, 5, 6]):
        assert image_sizes([(3, 4)], [(0, 0)], *gates) == [int(radius >= 5) for radius in gates]
        own = np.array([gates, gates], dtype=float)
        own[1] += 100
        computed = sizes([([(3, 4)], [1.0], [(0, 0), (900, 0)])], own)
        assert computed.tolist() == [[int(radius >= 5) for radius in gates]]


def test_two_gates_of_one_radius_hold_the_same():
    assert image_sizes([(1, 0), (-4, 0)], TWO, 5, 5, 5) == [2, 2, 2]


@settings(max_examples=80)
@given(crowds(), RADII)
def test_no_matching_is_larger_and_nearest_first_is_never_better(crowd, radius):
    for (points, _, truths), computed in zip(crowd, sizes(crowd, [radius])[:, 0].tolist(), strict=True):
        assert oracle.greedy_size(points, truths, radius) <= computed <= min(len(points), len(truths))


@settings(max_examples=80)
@given(crowds(), RADII, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, radius, random):
    assert sorted(sizes(crowd, [radius])[:, 0].tolist()) == sorted(
        sizes(shuffled(crowd, random), [radius])[:, 0].tolist()
    )


@settings(max_examples=80)
@given(crowds(), RADII)
def test_the_two_sides_of_one_radius_can_be_exchanged(crowd, radius):
    turned = [(truths, scores, points) for points, scores, truths in crowd]
    np.testing.assert_array_equal(sizes(crowd, [radius]), sizes(turned, [radius]))


@pytest.mark.parametrize("block", [1, 7, 60])
@settings(max_examples=60)
@given(crowd=crowds(most_images=6), random=st.randoms(use_true_random=False))
def test_the_size_of_a_block_changes_nothing(block, crowd, random):
    own = own_radii(crowd, random, 2)
    whole = [sizes(crowd, [1.0, 2.0, 25.0]), sizes(crowd, own)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PAIRS", block)
        parts = [sizes(crowd, [1.0, 2.0, 25.0]), sizes(crowd, own)]
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_are_worked_on_in_groups_of_about_a_block_of_pairs(monkeypatch):
    # five images of 2 x 3 points, all within reach: 6 pairs each; two end before pair 14, two before 28, one after
    crowd = [([(0, 0)] * 2, [1.0] * 2, [(0, 0)] * 3)] * 5
    monkeypatch.setattr(batching, "PAIRS", 14)
    predicted, true = columns(crowd)
    groups = [(images.tolist(), len(pairs.true)) for images, pairs in pairs_by_image(predicted, true, np.ones((15, 1)))]
    assert groups == [([0, 1], 12), ([2, 3], 12), ([4], 6)]


def test_images_without_points_on_a_side_are_in_no_group():
    crowd = [([], [], [(0, 0)]), ([(0, 0)], [1.0], []), ([(0, 0)], [1.0], [(0, 0)]), ([], [], [])]
    predicted, true = columns(crowd)
    (group,) = pairs_by_image(predicted, true, np.ones((2, 1)))
    assert (group[0].tolist(), group[1].true.tolist(), group[1].truths) == ([2], [0], 1)
    assert sizes(crowd, [1.0]).tolist() == [[0], [0], [1], [0]]


def test_images_do_not_see_each_other():
    assert sizes([([(1, 1)], [1.0], [(90, 90)]), ([(90, 90)], [1.0], [(1, 1)])], [5.0]).tolist() == [[0], [0]]


@settings(max_examples=80)
@given(crowds(most_images=3), st.randoms(use_true_random=False))
def test_the_pairs_are_those_within_the_widest_gate_in_the_order_of_the_first_that_admits_them(crowd, random):
    radii = own_radii(crowd, random, 3)
    predicted, true = columns(crowd)
    for images, pairs in pairs_by_image(predicted, true, radii):
        rows, true_rows = 0, 0
        for i in images:
            truths, own = true.take(np.array([i])).xy, radii[true.rows(np.array([i]))]
            for q in predicted.take(np.array([i])).xy:
                expected = []
                for t, p in enumerate(truths):
                    admits = [g for g in range(3) if oracle.distance(q, p) <= own[t, g]]
                    expected += [(admits[0], true_rows + t)] if admits else []
                own_rows = slice(pairs.starts[rows], pairs.starts[rows + 1])
                assert list(zip(pairs.gate[own_rows], pairs.true[own_rows], strict=True)) == sorted(expected)
                rows += 1
            true_rows += len(truths)
        assert pairs.truths == true_rows


@settings(max_examples=80)
@given(crowds(most_images=3), st.randoms(use_true_random=False))
def test_every_gate_yields_a_matching_that_holds_on_to_its_true_points(crowd, random):
    radii = own_radii(crowd, random, 3)
    predicted, true = columns(crowd)
    for images, pairs in pairs_by_image(predicted, true, radii):
        image, true_image = predicted.take(images).image, true.take(images).image
        before = set()
        for g, mate in enumerate(growing_matchings(pairs, image, true_image, 3)):
            taken = [(j, t) for j, t in enumerate(mate.tolist()) if t >= 0]
            for j, t in taken:
                own_rows = slice(pairs.starts[j], pairs.starts[j + 1])
                assert t in pairs.true[own_rows][pairs.gate[own_rows] <= g]
            matched = {t for _, t in taken}
            assert len(matched) == len(taken)
            assert before <= matched
            before = matched


def test_a_matching_that_was_yielded_does_not_change_any_more():
    predicted, true = columns([([(1, 0)], [1.0], [(0, 0)])])
    ((_, pairs),) = pairs_by_image(predicted, true, np.array([[0.5, 1.0]]))
    first, second = growing_matchings(pairs, np.zeros(1, dtype=int), np.zeros(1, dtype=int), 2)
    assert (first.tolist(), second.tolist()) == ([-1], [0])


def test_a_chain_of_5000_points_that_one_path_must_run_through():
    points, truths = chain(5000)
    assert image_sizes(points, truths, 0.5, 1.0) == [0, 5001]
    assert image_sizes(points[::-1], truths[::-1], 1.0) == [5001]


def test_a_thick_chain_takes_one_path_after_the_other():
    points, truths = chain(250, thick=20)
    assert image_sizes(points, truths, 1.0) == [251 * 20]


@pytest.mark.parametrize("thick", [1, 20])
def test_a_wider_gate_pushes_a_taken_chain_link_by_link(thick):
    # at 0.75 every prediction takes the place to its left; at 1.25 it reaches the right one too, and so does the key
    links = 5000 // thick
    points = [(2.0 * i + 0.75, 0.0) for i in range(links)] + [(-1.25, 0.0)]
    truths = [(2.0 * i, 0.0) for i in range(links + 1)]
    assert image_sizes(points * thick, truths * thick, 0.5, 0.75, 1.25) == [0, links * thick, (links + 1) * thick]
    assert image_sizes(points * thick, truths * thick, 0.75, 1.25) == [links * thick, (links + 1) * thick]


def test_far_more_predictions_than_true_points_leave_the_matching_as_it_is():
    points, truths = chain(60)
    assert image_sizes(points + [(-1.0, 0.0)] * 500 + [(31.0, 0.0)] * 500, truths, 1.0) == [61]


def test_a_crowded_image_equals_scipy():
    rng = np.random.default_rng(3)
    crowd = [
        (rng.uniform(0, 60, (n, 2)).tolist(), [1.0] * n, rng.uniform(0, 60, (m, 2)).tolist())
        for n, m in ((400, 300), (250, 250), (30, 300))
    ]
    for radius, computed in zip((1.0, 2.5, 6.0), sizes(crowd, [1.0, 2.5, 6.0]).T.tolist(), strict=True):
        assert computed == [oracle.sparse_size(points, truths, radius) for points, _, truths in crowd]


def test_a_radius_of_zero_admits_points_on_the_same_place():
    computed = matched_counts(ragged([[(5, 5)]]), ragged([[(5, 5)]]), np.zeros((1, 2)))
    assert computed.tolist() == [[1, 1]]
