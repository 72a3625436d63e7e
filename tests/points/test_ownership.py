"""A set owns its numbers: nothing outside can change them; a mask is never taken for data."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crowdeval import Annotations, Predictions, nap
from crowdeval.errors import InputError
from crowdeval.points.labels import label_text


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


def test_an_array_that_the_caller_locked_and_unlocks_later_is_copied():
    xy = np.array([[1.0, 2.0]])
    for given in (xy, xy[:]):
        given.flags.writeable = False
        xy.flags.writeable = False
        truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=given)
        xy.flags.writeable = True
        xy[0] = 99
        assert truth.xy.tolist() == [[1.0, 2.0]]
        xy[0] = 1, 2


def test_the_columns_of_a_set_are_shared_with_the_sets_made_from_it():
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    assert replace(truth, sizes=[[4, 4]]).xy is truth.xy


@pytest.mark.parametrize(
    "columns",
    [
        {"level": np.ma.masked_array([1, 2], mask=[0, 1])},
        {"offsets": np.ma.masked_array([0, 2], mask=[0, 1])},
        {"attributes": {"w": np.ma.masked_array([2], mask=[1])}},
        {"point_attributes": {"w": np.ma.masked_array([2, 3], mask=[1, 0])}},
        {"xy": [np.ma.masked_array([1.0, 2.0]), np.ma.masked_array([3.0, 4.0], mask=[1, 1])]},
    ],
)
def test_a_mask_is_refused_in_every_column_and_in_a_list(columns):
    given = {"image_ids": ["a"], "offsets": [0, 2], "xy": [[1.0, 2.0], [3.0, 4.0]], **columns}
    with pytest.raises(InputError, match="mask"):
        Annotations(**given)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, "1", 1, np.float32(1), Decimal("1.0")], ["1"] * 5),
        ([float("nan"), "a", None], [None, "a", None]),
        ([2**53, 2**53 + 1], ["9007199254740992.0", "9007199254740993"]),
        (["\ud800", ""], ["\\ud800", "(empty)"]),
        ([True, "True"], ["True", "True"]),
    ],
)
def test_the_label_of_a_value_depends_on_the_value_alone(values, labels):
    truth = Annotations(image_ids=[f"i{n}" for n in range(len(values))], offsets=[0] * (len(values) + 1), xy=[],
                        attributes={"w": values})  # fmt: skip
    assert [label_text(value) for value in truth.attributes["w"].tolist()] == labels


def test_pandas_na_is_unknown():
    assert label_text(pd.NA) is None
