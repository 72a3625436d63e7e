"""A set owns its numbers: nothing outside can change them; a mask is never taken for data."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, nap
from crowdeval.errors import InputError


def test_a_change_of_the_callers_array_does_not_reach_the_set():
    xy, score, offsets = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.6]), np.array([0, 2])
    predictions = Predictions(image_ids=["a"], offsets=offsets, xy=xy, score=score)
    before = predictions.fingerprint
    xy[:], score[:], offsets[1] = 9.0, 0.1, 1
    assert predictions.xy.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert predictions.score.tolist() == [0.5, 0.6]
    assert predictions.offsets.tolist() == [0, 2]
    assert predictions.fingerprint == before


def test_a_view_that_is_read_only_over_memory_that_is_not_is_copied():
    whole = np.array([[1.0, 2.0], [3.0, 4.0]])
    view = whole[:1]
    view.flags.writeable = False
    annotations = Annotations(image_ids=["a"], offsets=[0, 1], xy=view)
    whole[:] = 7.0
    assert annotations.xy.tolist() == [[1.0, 2.0]]


def test_the_numbers_of_a_set_can_not_be_written_to():
    annotations = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    with pytest.raises(ValueError, match="read-only"):
        annotations.xy[0] = 0


@pytest.mark.parametrize("column", ["xy", "score", "counts"])
def test_a_masked_array_is_refused_naming_the_mask(column):
    columns = {"xy": np.array([[1.0, 2.0], [3.0, 4.0]]), "score": np.array([0.5, 0.6]), "counts": np.array([2.0])}
    columns[column] = np.ma.masked_array(columns[column], mask=np.zeros_like(columns[column], dtype=bool))
    with pytest.raises(InputError, match="mask"):
        Predictions(image_ids=["a"], offsets=[0, 2], **columns)


def test_plain_arrays_with_a_mask_are_refused_too():
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 0], [1, 1]])
    with pytest.raises(InputError, match="mask"):
        nap((masked, [0.5, 0.6]), [[1.0, 2.0]])
    with pytest.raises(InputError, match="mask"):
        nap(([[1.0, 2.0]], [0.5]), masked)
