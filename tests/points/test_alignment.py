"""align()."""

from dataclasses import replace

import numpy as np
import pytest
from toy_sets import toy_annotations, toy_predictions

from crowdeval import Annotations, Predictions, align
from crowdeval.errors import AlignmentError
from crowdeval.points.alignment import aligned, stem, stem_style


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


@pytest.mark.parametrize(
    ("style", "predicted", "annotated"),
    [
        ("caseless", ["x/Img_A.JPG", "b.Jpeg"], ["img_a", "B"]),
        ("number", ["0001", "img-2.png"], ["IMG_1.jpg", "IMG_2.jpg"]),
        ("number", ["seq3_000", "seq3_7"], ["IMG_0", "IMG_7"]),
        ("stem", ["0a1b2c3d-a.jpg", "b_jpg.rf.0123456789abcdef0123456789abcdef.jpg"], ["a.jpg", "b.jpg"]),
        ("stem", ["a", "b"], ["0a1b2c3d-a.jpg", "b_jpg.rf.0123456789abcdef0123456789abcdef.jpg"]),
    ],
)
def test_ids_meet_in_a_looser_style(style, predicted, annotated):
    predictions, annotations = toy_predictions(image_ids=predicted), toy_annotations(image_ids=annotated)
    ready, _ = align(predictions, annotations, id_style=style)
    assert ready.image_ids == tuple(annotated)
    assert ready.xy.tolist() == predictions.xy.tolist()
    with pytest.raises(AlignmentError):
        align(predictions, annotations)


@pytest.mark.parametrize("style", ["caseless", "number"])
def test_the_error_names_the_strictest_style_that_helps(style):
    ids = {"caseless": ["A.jpg", "B.jpg"], "number": ["x1", "x2"]}[style]
    truth = {"caseless": ["a", "b"], "number": ["IMG_1", "IMG_2"]}[style]
    with pytest.raises(AlignmentError, match=f"--id-style {style}"):
        align(toy_predictions(image_ids=ids), toy_annotations(image_ids=truth))


def test_a_date_is_no_hash_where_the_other_side_has_it_too():
    ids = ["20201225-a", "20201226-a"]
    truth = toy_annotations(image_ids=[f"{name}.jpg" for name in ids])
    assert align(toy_predictions(image_ids=ids), truth, id_style="stem")[0].image_ids == truth.image_ids


def test_numbers_that_clash_are_an_error():
    with pytest.raises(AlignmentError, match=r"last number is '1'"):
        align(toy_predictions(image_ids=["a_1", "b_1"]), toy_annotations(), id_style="number")


def test_extra_images_are_an_error_or_ignored_and_named():
    predictions = toy_predictions(image_ids=["a", "z"])
    annotations = toy_annotations(image_ids=["a"], offsets=[0, 3])
    with pytest.raises(AlignmentError, match="--extra ignore"):
        align(predictions, annotations)
    result = aligned(predictions, annotations, extra="ignore")
    assert (result.predictions.image_ids, result.extra) == (("a",), ("z",))


def ranked(style):
    """Twelve images IMG_1 to IMG_12 with as many people as their number, and predictions numbered in a style."""
    names = [f"IMG_{i}" for i in range(1, 13)]
    counts = np.arange(1, 13) * 5
    truth = Annotations(image_ids=names, offsets=[0] * 13, xy=[], counts=counts, located=False)
    order = sorted(names) if style == "string-rank" else names
    found = [float(counts[names.index(name)]) for name in order]
    numbers = [str(i) for i in range(1, 13)]
    return Predictions(image_ids=numbers, offsets=[0] * 13, xy=[], counts=found, located=False), truth


def test_ranks_in_the_order_of_text_are_suspected_and_mended():
    predictions, truth = ranked("string-rank")
    with pytest.raises(AlignmentError, match="--id-style string-rank") as refused:
        align(predictions, truth)
    assert "--id-style number" not in str(refused.value)
    assert "--id-style string-rank" in aligned(predictions, truth, id_style="number").notices[0]
    ready, _ = align(predictions, truth, id_style="string-rank")
    assert ready.counts.tolist() == truth.counts.tolist()
    predictions, truth = ranked("number")
    assert aligned(predictions, truth, id_style="number").notices == ()


def test_labels_and_own_sizes_move_with_their_image():
    predictions = toy_predictions(labels=["p", "q", "r"], sizes=[[10, 20], [30, 40]])
    ready, _ = align(predictions, toy_annotations(image_ids=["b", "c", "a"], offsets=[0, 1, 1, 3]), missing="empty")
    assert ready.labels.tolist() == ["q", "r", "p"]
    np.testing.assert_array_equal(ready.sizes, [[30, 40], [np.nan, np.nan], [10, 20]])


def test_ranks_are_suspected_where_ids_meet_as_they_are_and_where_some_lack():
    predictions, truth = ranked("string-rank")
    same = replace(truth, image_ids=[str(i) for i in range(1, 13)])
    assert "--id-style string-rank" in aligned(predictions, same).notices[0]
    some = Predictions(
        image_ids=predictions.image_ids[:11], offsets=[0] * 12, xy=[], counts=predictions.counts[:11], located=False
    )
    assert "the ids 1 to 11 seem" in aligned(some, truth, id_style="number", missing="empty").notices[0]
    assert aligned(*ranked("number"), id_style="number").notices == ()


def test_stems_are_compared_where_more_images_meet_so():
    predictions = toy_predictions(image_ids=["a", "b"])
    assert stem_style(predictions, toy_annotations(image_ids=["a", "b.jpg"]))
    assert not stem_style(predictions, toy_annotations(image_ids=["a", "b"]))
