"""Annotations and Predictions."""

import numpy as np
import pytest
from toy_sets import toy_annotations, toy_predictions

from crowdeval import Annotations
from crowdeval.errors import InputError


def test_columns_are_read_only_and_values_are_frozen():
    for column in (toy_annotations().xy, toy_annotations().offsets, toy_predictions().score):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    with pytest.raises(AttributeError):
        toy_annotations().xy = None
    with pytest.raises(TypeError):
        Annotations(["a"], [0, 0], [])


@pytest.mark.parametrize(
    ("side", "change", "words"),
    [
        (toy_annotations, {"image_ids": ["a", "a"]}, "'a' given more than once"),
        (toy_annotations, {"image_ids": ["a", 2]}, "strings .*found 2"),
        (toy_annotations, {"image_ids": ["a", ""]}, "not empty"),
        (toy_annotations, {"image_ids": ["a", "\ud800"]}, "whole characters"),
        (toy_annotations, {"counts": [2, 2]}, "2 and 1 points for image 'b'"),
        (toy_annotations, {"counts": [2]}, r"annotations.counts: expected .*\(2,\)"),
        (toy_annotations, {"labels": ["a"]}, "expected 3 labels, one for each point, found 1"),
        (toy_annotations, {"labels": ["a", 1, "b"]}, "expected text, found 1"),
        (toy_annotations, {"located": False}, "need a count for every image and no points"),
        (toy_annotations, {"located": False, "counts": [1, 2]}, "need a count for every image and no points"),
        (toy_predictions, {"labels": [None] * 3}, "expected text, found None"),
        (toy_predictions, {"sizes": [[1, 2], [0, 1]]}, "expected positive widths and heights"),
        (toy_annotations, {"sizes": [[5, np.nan], [5, 5]]}, r"both or neither NaN, found \(5.0, nan\) for image 'a'"),
        (toy_annotations, {"offsets": [0, 2]}, "3 integers"),
        (toy_annotations, {"offsets": [0, 4, 3]}, "rise from 0 to 3.* from 0 to 3 that fall behind position 1"),
        (toy_annotations, {"offsets": [0.0, 2, 3]}, "integers"),
        (toy_annotations, {"offsets": [1, 2, 3]}, "rise from 0 to 3.*found offsets from 1 to 3$"),
        (toy_annotations, {"xy": [[1, 2], [3, np.nan], [5, 6]]}, r"finite .*found \(3.0, nan\) in row 1$"),
        (toy_annotations, {"boxes": [[1, 2, 3, 4]]}, r"shape \(3, 4\)"),
        (toy_annotations, {"radii": [[1, np.inf]] * 3}, r"finite numbers, found \(1.0, inf\) in row 0"),
        (toy_annotations, {"level": [0.5, 1, 2]}, "integers"),
        (toy_annotations, {"level": [5, 6, 2]}, "from 0 to 5, found 6 in row 1"),
        (toy_annotations, {"xy": [[1, np.inf]] * 3}, "in row 0 and in 2 more rows"),
        (toy_annotations, {"sizes": [[5, 5], [0, 5]]}, r"positive .*found \(0.0, 5.0\) for image 'b'"),
        (toy_annotations, {"attributes": {"w": [1]}}, "attributes"),
        (toy_annotations, {"point_attributes": {"o": [1, 2]}}, "point_attributes"),
        (toy_predictions, {"score": [0.9, 0.8]}, r"shape \(3,\)"),
        (toy_predictions, {"score": [0.9, 0.8, np.nan]}, "finite"),
        (toy_predictions, {"counts": [1]}, "shape"),
        (toy_predictions, {"counts": [1, -1]}, "at least 0, found -1.0 for image 'b'"),
        (toy_predictions, {"located": False}, "count for every image"),
    ],
)
def test_a_column_that_does_not_fit_is_one_clear_error(side, change, words):
    with pytest.raises(InputError, match=words):
        side(**change)


def test_true_counts_are_those_of_the_points_or_given_without_points():
    assert toy_annotations().counts.tolist() == [2, 1]
    assert toy_annotations(counts=[2, 1]).counts.tolist() == [2, 1]
    counted = Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], counts=[7, 0], located=False)
    assert (counted.counts.tolist(), repr(counted)) == ([7, 0], "Annotations(2 images, counts only: 7 people)")
    assert counted.take(np.array([1])).counts.tolist() == [0]
    other = Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], counts=[7, 1], located=False)
    assert counted.fingerprint != other.fingerprint
    for wrong in ([7, 0.5], [7, -1], [7, np.nan]):
        with pytest.raises(InputError, match=r"annotations\.counts"):
            Annotations(image_ids=["a", "b"], offsets=[0, 0, 0], xy=[], counts=wrong, located=False)


def test_rows_of_all_columns_move_together():
    truth = toy_annotations(labels=["p", "q", "r"], classes={"1": "p"})
    assert truth.take(np.array([1, 0])).labels.tolist() == ["r", "p", "q"]
    assert truth.where(np.array([True, False, True])).labels.tolist() == ["p", "r"]
    found = toy_predictions(labels=["p", "q", "r"], sizes=[[1, 2], [3, 4]], counts=[5, 6])
    assert found.take(np.array([1, 0])).sizes.tolist() == [[3, 4], [1, 2]]
    some = found.where(np.array([True, False, True]))
    assert (some.labels.tolist(), some.score.tolist(), some.counts) == (["p", "r"], [0.9, 0.7], None)
