"""Points outside their image."""

from dataclasses import replace

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, Protocol, evaluate
from crowdeval.errors import NeedsError
from crowdeval.points.image_bounds import apply_off_image, points_outside

TRUTH = Annotations(
    image_ids=["a", "b"],
    offsets=[0, 3, 5],
    xy=[[0.0, 0], [100, 50], [100.1, 50], [-1, 5], [5, 5]],
    sizes=[[100, 50], [20, 20]],
    boxes=[[i, i, i + 1, i + 1] for i in range(5)],
    point_attributes={"blur": [0, 1, 2, 3, 4]},
)


def test_the_right_and_lower_edges_are_outside_the_others_inside():
    assert points_outside(TRUTH.points, TRUTH.sizes).tolist() == [False, True, True, True, False]
    inner = replace(TRUTH, xy=[[0.0, 49.999], [99.999, 0], [50, 50], [100, 5], [0, -0.0]])
    assert points_outside(inner.points, inner.sizes).tolist() == [False, False, True, True, False]


def test_an_unknown_size_has_no_outside():
    assert not points_outside(TRUTH.points, np.full((2, 2), np.nan)).any()


def test_points_outside_are_kept_dropped_or_clipped():
    assert apply_off_image(TRUTH, "keep") is TRUTH
    dropped = apply_off_image(TRUTH, "drop")
    assert dropped.offsets.tolist() == [0, 1, 2]
    assert dropped.boxes[:, 0].tolist() == [0, 4]
    assert dropped.point_attributes["blur"].tolist() == [0, 4]
    assert apply_off_image(TRUTH, "clip").xy.tolist() == [[0, 0], [100, 50], [100, 50], [0, 5], [5, 5]]


def test_the_choice_moves_the_count_and_stands_in_the_signature():
    predictions = Predictions(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[])
    for choice, error in (("keep", 2.5), ("drop", 1.0), ("clip", 2.5)):
        report = evaluate(predictions, TRUTH, protocol=Protocol(metrics=["MAE"], off_image=choice))
        assert report["MAE"] == error
        assert f"|off:{choice}|" in report.signature


def test_sizes_are_needed_to_drop():
    with pytest.raises(NeedsError, match=r"off_image='drop' needs the width and height .* off_image='keep'"):
        apply_off_image(Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1, 1]]), "drop")
