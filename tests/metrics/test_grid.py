"""GAME: hand table, oracle, order 0 is MAE, needs, strings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import grid as oracle
from oracles.crowds import columns, report, same, scores_of, shuffled
from strategies import crowds

from crowdeval.errors import NeedsError, UsageError
from crowdeval.metrics import canonical
from crowdeval.metrics.grid import grid_errors

SIDES = st.sampled_from([1.0, 2.0, 7.5, 16.0, 100.0])


def one(points, truths, size, order):
    return grid_errors(
        *columns([(points, [1.0] * len(points), truths)]), np.array([size], dtype=float), order=order
    ).tolist()


HAND = [
    # predictions, true points, size, L, error by hand; cells of an 8 x 4 image at L = 1 are 4 x 2
    ([(1, 1)], [(7, 1)], (8, 4), 0, 0),
    ([(1, 1)], [(7, 1)], (8, 4), 1, 2),  # left cell +1, right cell -1
    ([(1, 1)], [(3.9, 1.9)], (8, 4), 1, 0),
    ([(1, 1)], [(4, 1)], (8, 4), 1, 2),  # x = 4 begins the right cell
    ([(1, 1)], [(1, 2)], (8, 4), 1, 2),  # y = 2 begins the lower cell
    ([(1, 1)], [(3.9, 1.9)], (8, 4), 2, 2),  # cells of 2 x 1
    ([(8, 4)], [(7, 3)], (8, 4), 1, 0),  # the far corner belongs to the last cell
    ([(90, -5)], [(7, 1)], (8, 4), 1, 0),  # off the image: clipped to the upper right cell
    ([(-90, 50)], [(1, 3)], (8, 4), 1, 0),
    ([(1, 1)] * 3, [(1, 1)], (8, 4), 1, 2),
    ([], [(1, 1), (7, 3), (7, 1)], (8, 4), 1, 3),
    ([(1, 1), (5, 1)], [(3, 3)], (8, 4), 0, 1),
    ([(5, 1)], [(1, 3)], (8, 4), 1, 2),  # mirrored cells are two cells
    ([], [], (8, 4), 1, 0),
]


@pytest.mark.parametrize(("points", "truths", "size", "order", "error"), HAND)
def test_hand_table(points, truths, size, order, error):
    assert one(points, truths, size, order) == [error]


@settings(max_examples=150)
@given(crowds(), SIDES, SIDES, st.integers(0, 3))
def test_equals_the_oracle(crowd, width, height, order):
    sizes = [(width + i, height) for i in range(len(crowd))]
    found = report(crowd, f"GAME({order})", sizes=sizes, per_image=True)
    assert same(found[f"GAME({order})"], oracle.game(crowd, sizes, order))
    kept = [([q for q, s in zip(p, scores, strict=True) if s > 0.5], truths) for p, scores, truths in crowd]
    assert found.per_image[f"GAME({order})"].tolist() == [
        oracle.image_error(points, truths, size, order) for (points, truths), size in zip(kept, sizes, strict=True)
    ]


@settings(max_examples=80)
@given(crowds(), SIDES)
def test_order_0_is_the_mae_and_a_finer_grid_is_never_below(crowd, side):
    values = scores_of(crowd, "MAE", *(f"GAME({n})" for n in range(6)), sizes=[(side, 2 * side)] * len(crowd))
    assert values["GAME(0)"] == values["MAE"]
    assert all(values[f"GAME({n})"] <= values[f"GAME({n + 1})"] for n in range(5))


@settings(max_examples=40)
@given(crowds(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, random):
    sizes = [(40, 30)] * len(crowd)
    assert scores_of(crowd, "GAME(2)", sizes=sizes) == scores_of(shuffled(crowd, random), "GAME(2)", sizes=sizes)


def test_the_finest_grid_tells_every_pixel_of_a_thousand_apart():
    points = [(x + 0.5, 3.0) for x in range(0, 1024, 3)]
    truths = [(x + 1.5, 3.0) for x in range(0, 1024, 3)]
    assert one(points, points, (1024, 1024), 10) == [0]
    assert one(points, truths, (1024, 1024), 10) == [342 + 342 - 2]  # 1023 + 1.5 is clipped: one cell both fill


def test_images_do_not_share_cells():
    crowd = [([(1, 1)], [1.0], []), ([], [], [(1, 1)])]
    assert scores_of(crowd, "GAME(0)", "GAME(3)", sizes=[(8, 8)] * 2) == {"GAME(0)": 1, "GAME(3)": 1}


def test_the_image_has_the_mean_of_its_own_size():
    crowd = [([(3, 3)], [1.0], [(5, 5)]), ([(3, 3)], [1.0], [(5, 5)])]
    assert scores_of(crowd, "GAME(1)", sizes=[(8, 8), (80, 80)]) == {"GAME(1)": 1}


def test_predictions_at_the_confidence_threshold_are_left_out():
    crowd = [([(1, 1), (7, 7)], [0.9, 0.5], [(1, 1)])]
    assert scores_of(crowd, "GAME(1)", sizes=[(8, 8)]) == {"GAME(1)": 0}
    assert scores_of(crowd, "GAME(1)", sizes=[(8, 8)], scored=False) == {"GAME(1)": 1}
    assert scores_of(crowd, "GAME(1)", sizes=[(8, 8)], options={"count_threshold": 0.25}) == {"GAME(1)": 1}


def test_points_are_counted_even_where_the_file_gives_a_count():
    crowd = [([(1, 1)], [0.9], [(1, 1)])]
    assert scores_of(crowd, "MAE", "GAME(0)", sizes=[(8, 8)], counts=[5]) == {"MAE": 4, "GAME(0)": 0}


@pytest.mark.parametrize("sizes", [None, [(8, 8), (math.nan, math.nan)]])
def test_without_the_sizes_of_all_images_game_says_what_it_needs(sizes):
    crowd = [([(1, 1)], [0.9], [(1, 1)])] * 2
    with pytest.raises(NeedsError, match=r"GAME\(1\) needs the width and height of every image.*dataset"):
        report(crowd, "GAME(1)", sizes=sizes)


def test_the_order_is_a_whole_number_from_0_to_10():
    assert [canonical(text) for text in ("GAME(0)", "GAME(01)", "GAME(10)")] == ["GAME(0)", "GAME(1)", "GAME(10)"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GAME", r"GAME\(L\) with L from 0 to 10"),
        ("GAME(11)", r"GAME\(L\) with L from 0 to 10"),
        ("GAME(-1)", "not a metric string"),
        ("GAME(1.5)", "not a metric string"),
        ("GAME(1)@8px", "takes no"),
        ("GAME(1) by scene", "takes no"),
    ],
)
def test_a_bad_string_is_one_clear_error(text, words):
    with pytest.raises(UsageError, match=words):
        canonical(text)
