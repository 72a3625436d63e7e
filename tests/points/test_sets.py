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
        (toy_annotations, {"radii": [[1, -1]] * 3}, r"at least 0, found \(1.0, -1.0\) in row 0"),
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
