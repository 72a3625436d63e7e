"""Annotations, Predictions, align, fingerprint."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdeval import Annotations, Predictions, align
from crowdeval.errors import AlignmentError, InputError
from crowdeval.points import stem


def truth(**change):
    columns = {"image_ids": ["a", "b"], "offsets": [0, 2, 3], "xy": [[1.0, 2], [3, 4], [5, 6]]}
    return Annotations(**(columns | change))


def found(**change):
    columns = {
        "image_ids": ["a", "b"],
        "offsets": [0, 1, 3],
        "xy": [[1.0, 2], [3, 4], [5, 6]],
        "score": [0.9, 0.8, 0.7],
    }
    return Predictions(**(columns | change))


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


def test_align_brings_predictions_into_the_order_of_the_annotations():
    predictions, annotations = align(found(), truth(image_ids=["b", "a"], offsets=[0, 1, 3]))
    assert predictions.image_ids == annotations.image_ids == ("b", "a")
    assert predictions.offsets.tolist() == [0, 2, 3]
    assert predictions.xy.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert predictions.score.tolist() == [0.8, 0.7, 0.9]


def test_a_missing_image_is_an_error_or_empty():
    annotations = truth(image_ids=["a", "b", "c"], offsets=[0, 2, 3, 3])
    with pytest.raises(AlignmentError, match=r"1 of 3 annotated images have no predictions: 'c'.*--missing empty"):
        align(found(), annotations)
    predictions, _ = align(found(counts=[1.5, np.nan]), annotations, missing="empty")
    assert predictions.offsets.tolist() == [0, 1, 3, 3]
    np.testing.assert_array_equal(predictions.counts, [1.5, np.nan, np.nan])


def test_a_missing_image_of_a_counting_method_counts_zero():
    counts = Predictions(image_ids=["b"], offsets=[0, 0], xy=[], counts=[7], located=False)
    assert align(counts, truth(), missing="empty")[0].counts.tolist() == [0, 7]


def test_no_predictions_at_all_can_be_empty():
    nothing = Predictions(image_ids=[], offsets=[0], xy=[])
    assert align(nothing, truth(), missing="empty")[0].offsets.tolist() == [0, 0, 0]


@pytest.mark.parametrize("missing", ["error", "empty"])
def test_an_unknown_image_is_always_an_error_with_the_nearest_id(missing):
    annotations = truth(image_ids=["IMG_1", "IMG_2"])
    with pytest.raises(AlignmentError, match="'IMG_3'; did you mean 'IMG_"):
        align(found(image_ids=["IMG_1", "IMG_3"]), annotations, missing=missing)


def test_ids_that_differ_by_folder_and_extension_are_found_by_stem():
    predictions = found(image_ids=["val/a.jpg", "val/b.JPG"])
    with pytest.raises(AlignmentError, match=r"2 of them are found when .*--id-style stem"):
        align(predictions, truth())
    assert align(predictions, truth(), id_style="stem")[0].image_ids == ("a", "b")


def test_stems_that_clash_are_an_error():
    with pytest.raises(AlignmentError, match=r"several images .* 'a'"):
        align(found(image_ids=["x/a.jpg", "y/a.jpg"]), truth(), id_style="stem")


def test_by_stem_the_file_name_of_an_image_counts_too():
    annotations = truth(image_ids=["101", "102"], attributes={"file_name": ["b.jpg", "a.jpg"]})
    predictions, _ = align(found(), annotations, id_style="stem")
    assert predictions.image_ids == ("101", "102")
    assert predictions.xy[0].tolist() == [3, 4]


def test_only_known_extensions_are_dropped():
    assert [stem(name) for name in ("a.jpg", "a.v2", "x\\y.png", ".jpg")] == ["a", "a.v2", "y", ".jpg"]


@given(st.permutations(range(3)), st.permutations(range(4)))
def test_the_fingerprint_ignores_the_order_of_images_and_points(images, rows):
    xy = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    first = Annotations(image_ids=["a", "b", "c"], offsets=[0, 4, 4, 5], xy=[*xy, [9, 9]])
    parts = {"a": xy[list(rows)], "b": xy[:0], "c": np.array([[9.0, 9]])}
    order = [("a", "b", "c")[i] for i in images]
    counts = np.cumsum([0] + [len(parts[name]) for name in order])
    second = Annotations(image_ids=order, offsets=counts, xy=np.concatenate([parts[name] for name in order]))
    assert first.fingerprint == second.fingerprint


def test_the_fingerprint_sees_every_column():
    prints = [
        truth().fingerprint,
        truth(image_ids=["a", "c"]).fingerprint,
        truth(offsets=[0, 1, 3]).fingerprint,
        truth(xy=[[2, 1], [3, 4], [5, 6]]).fingerprint,
        truth(xy=[[1, 2], [3, 4], [5, 6.0000001]]).fingerprint,
        truth(boxes=[[0, 0, 1, 1]] * 3).fingerprint,
        truth(radii=[[1, 2]] * 3).fingerprint,
        found().fingerprint,
        found(score=None).fingerprint,
        found(score=[0.8, 0.9, 0.7]).fingerprint,
        found(counts=[1, 2]).fingerprint,
        found(counts=[2, 1]).fingerprint,
        Annotations(image_ids=[], offsets=[0], xy=[]).fingerprint,
    ]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_stays_the_same_over_versions():
    assert truth().fingerprint == "e8de19ed4947158f8aec9e3f"
