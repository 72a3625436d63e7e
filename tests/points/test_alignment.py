"""align()."""

import numpy as np
import pytest
from toy_sets import toy_annotations, toy_predictions

from crowdeval import Predictions, align
from crowdeval.errors import AlignmentError
from crowdeval.points.alignment import stem


def test_align_brings_predictions_into_the_order_of_the_annotations():
    predictions, annotations = align(toy_predictions(), toy_annotations(image_ids=["b", "a"], offsets=[0, 1, 3]))
    assert predictions.image_ids == annotations.image_ids == ("b", "a")
    assert predictions.offsets.tolist() == [0, 2, 3]
    assert predictions.xy.tolist() == [[3, 4], [5, 6], [1, 2]]
    assert predictions.score.tolist() == [0.8, 0.7, 0.9]


def test_a_missing_image_is_an_error_or_empty():
    annotations = toy_annotations(image_ids=["a", "b", "c"], offsets=[0, 2, 3, 3])
    with pytest.raises(AlignmentError, match=r"1 of 3 annotated images have no predictions: 'c'.*--missing empty"):
        align(toy_predictions(), annotations)
    predictions, _ = align(toy_predictions(counts=[1.5, np.nan]), annotations, missing="empty")
    assert predictions.offsets.tolist() == [0, 1, 3, 3]
    np.testing.assert_array_equal(predictions.counts, [1.5, np.nan, np.nan])


def test_a_missing_image_of_a_counting_method_counts_zero():
    counts = Predictions(image_ids=["b"], offsets=[0, 0], xy=[], counts=[7], located=False)
    assert align(counts, toy_annotations(), missing="empty")[0].counts.tolist() == [0, 7]


def test_no_predictions_at_all_can_be_empty():
    nothing = Predictions(image_ids=[], offsets=[0], xy=[])
    assert align(nothing, toy_annotations(), missing="empty")[0].offsets.tolist() == [0, 0, 0]


@pytest.mark.parametrize("missing", ["error", "empty"])
def test_an_unknown_image_is_always_an_error_with_the_nearest_id(missing):
    annotations = toy_annotations(image_ids=["IMG_1", "IMG_2"])
    with pytest.raises(AlignmentError, match="'IMG_3'; did you mean 'IMG_"):
        align(toy_predictions(image_ids=["IMG_1", "IMG_3"]), annotations, missing=missing)


def test_ids_that_differ_by_folder_and_extension_are_found_by_stem():
    predictions = toy_predictions(image_ids=["val/a.jpg", "val/b.JPG"])
    with pytest.raises(AlignmentError, match=r"2 of them are found when .*--id-style stem"):
        align(predictions, toy_annotations())
    assert align(predictions, toy_annotations(), id_style="stem")[0].image_ids == ("a", "b")


def test_stems_that_clash_are_an_error():
    with pytest.raises(AlignmentError, match=r"several images .* 'a'; .*--id-style exact"):
        align(toy_predictions(image_ids=["x/a.jpg", "y/a.jpg"]), toy_annotations(), id_style="stem")


def test_by_stem_the_file_name_of_an_image_counts_too():
    annotations = toy_annotations(image_ids=["101", "102"], attributes={"file_name": ["b.jpg", "a.jpg"]})
    predictions, _ = align(toy_predictions(), annotations, id_style="stem")
    assert predictions.image_ids == ("101", "102")
    assert predictions.xy[0].tolist() == [3, 4]


def test_only_known_extensions_are_dropped():
    assert [stem(name) for name in ("a.jpg", "a.v2", "x\\y.png", ".jpg")] == ["a", "a.v2", "y", ".jpg"]
