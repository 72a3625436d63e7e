"""Annotations and Predictions."""

import numpy as np
import pytest
from toy_sets import found, truth

from crowdeval import Annotations
from crowdeval.errors import InputError


def test_columns_are_read_only_and_values_are_frozen():
    for column in (truth().xy, truth().offsets, found().score):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    with pytest.raises(AttributeError):
        truth().xy = None
    with pytest.raises(TypeError):
        Annotations(["a"], [0, 0], [])


@pytest.mark.parametrize(
    ("side", "change", "words"),
    [
        (truth, {"image_ids": ["a", "a"]}, "'a' given more than once"),
        (truth, {"image_ids": ["a", 2]}, "strings"),
        (truth, {"image_ids": ["a", ""]}, "not empty"),
        (truth, {"image_ids": ["a", "\ud800"]}, "whole characters"),
        (truth, {"radii": [[1, -1]] * 3}, "at least 0"),
        (truth, {"sizes": [[5, np.nan], [5, 5]]}, "both or neither"),
        (truth, {"offsets": [0, 2]}, "3 integers"),
        (truth, {"offsets": [0, 4, 3]}, "rise"),
        (truth, {"offsets": [0.0, 2, 3]}, "integers"),
        (truth, {"offsets": [1, 2, 3]}, "from 0"),
        (truth, {"xy": [[1, 2], [3, np.nan], [5, 6]]}, "finite"),
        (truth, {"boxes": [[1, 2, 3, 4]]}, r"shape \(3, 4\)"),
        (truth, {"radii": [[1, np.inf]] * 3}, "finite"),
        (truth, {"level": [0.5, 1, 2]}, "integers"),
        (truth, {"sizes": [[0, 5], [5, 5]]}, "positive"),
        (truth, {"attributes": {"w": [1]}}, "attributes"),
        (truth, {"point_attributes": {"o": [1, 2]}}, "point_attributes"),
        (found, {"score": [0.9, 0.8]}, r"shape \(3,\)"),
        (found, {"score": [0.9, 0.8, np.nan]}, "finite"),
        (found, {"counts": [1]}, "shape"),
        (found, {"counts": [1, -1]}, "at least 0"),
        (found, {"located": False}, "count for every image"),
    ],
)
def test_a_column_that_does_not_fit_is_one_clear_error(side, change, words):
    with pytest.raises(InputError, match=words):
        side(**change)
