"""Images one by one to columns, and sets as one: what is without points is neutral, what is mixed is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.crowds import predictions
from strategies import crowds
from toy_sets import toy_annotations, toy_predictions

from crowdeval import Annotations, Predictions, concatenated
from crowdeval.errors import InputError
from crowdeval.points.assemble import (
    ImageAnnotations,
    ImagePredictions,
    assemble_annotations,
    assemble_predictions,
    attribute_column,
    image_annotations,
    image_predictions,
)

ONE = np.array([[1.0, 2.0]])
NONE = np.empty((0, 2))


def test_images_one_by_one_become_columns():
    made = assemble_predictions(
        {"a": ImagePredictions(xy=ONE, score=np.array([0.5])), "b": ImagePredictions(xy=NONE, count=3.0)}
    )
    assert (made.image_ids, made.offsets.tolist(), made.score.tolist()) == (("a", "b"), [0, 1, 1], [0.5])
    np.testing.assert_array_equal(made.counts, [np.nan, 3.0])


def test_an_image_without_points_says_nothing_about_scores():
    scored = ImagePredictions(xy=ONE, score=np.array([0.5]))
    for empty in (ImagePredictions(xy=NONE), ImagePredictions(xy=NONE, score=np.empty(0))):
        assert assemble_predictions({"a": scored, "b": empty}).score.tolist() == [0.5]
        assert assemble_predictions({"a": ImagePredictions(xy=ONE), "b": empty}).score is None


def test_scores_in_some_images_only_are_refused_with_both_names():
    with pytest.raises(InputError, match="only some images have scores: 'a', not 'b'"):
        assemble_predictions({"a": ImagePredictions(xy=ONE, score=np.array([0.5])), "b": ImagePredictions(xy=ONE)})


def test_points_and_counts_are_not_mixed():
    with pytest.raises(
        InputError, match="points for 'a' and only counts for 'b'; expected points for all images or for none"
    ):
        assemble_predictions({"a": ImagePredictions(xy=ONE), "b": ImagePredictions(xy=None, count=2.0)})


def test_boxes_of_some_images_only_are_refused_and_empty_images_are_neutral():
    boxed = ImageAnnotations(xy=ONE, boxes=np.array([[0.0, 1, 2, 3]]))
    assert assemble_annotations({"a": boxed, "b": ImageAnnotations(xy=NONE)}).boxes.tolist() == [[0, 1, 2, 3]]
    with pytest.raises(InputError, match="only some images have boxes: 'a', not 'b'"):
        assemble_annotations({"a": boxed, "b": ImageAnnotations(xy=ONE)})


@given(crowds())
def test_a_set_taken_apart_and_put_together_is_the_set(crowd):
    whole = predictions(crowd)
    again = assemble_predictions(image_predictions(whole))
    assert again.fingerprint == whole.fingerprint or not len(whole.xy)


@given(crowds(most_images=6), st.randoms(use_true_random=False))
def test_parts_of_a_set_concatenated_are_the_set(crowd, random):
    whole = predictions(crowd)
    order = list(range(len(crowd)))
    random.shuffle(order)
    cuts = sorted(random.randrange(len(order) + 1) for _ in range(2))
    parts = [order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :]]
    joined = concatenated([whole.take(np.array(part, dtype=np.int64)) for part in parts])
    assert joined.image_ids == tuple(whole.image_ids[i] for i in order)
    assert joined.fingerprint == whole.fingerprint or not len(whole.xy)


def test_annotations_are_concatenated_with_everything_known_of_them():
    one = toy_annotations(
        boxes=[[0, 0, 1, 1]] * 3, sizes=[[10, 20]] * 2, attributes={"scene": ["street", "hall"]},
        point_attributes={"blur": [0, 1, 0]},
    )  # fmt: skip
    empty = Annotations(image_ids=["c"], offsets=[0, 0], xy=[], attributes={"level": [3]})
    both = concatenated([one, empty])
    assert both.boxes.shape == (3, 4)
    np.testing.assert_array_equal(both.sizes, [[10, 20], [10, 20], [np.nan, np.nan]])
    assert both.attributes["scene"].tolist() == ["street", "hall", None]
    np.testing.assert_array_equal(both.attributes["level"], [np.nan, np.nan, 3])
    assert both.point_attributes["blur"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "found nothing"),
        ([toy_predictions(), toy_annotations()], "found 'Annotations', 'Predictions'"),
        ([toy_predictions(), toy_predictions()], "'a', 'b' given more than once"),
        (
            [toy_predictions(), toy_predictions(image_ids=["c", "d"], score=None)],
            "only some images have scores: 'a', not 'c'",
        ),
        (
            [toy_annotations(boxes=[[0, 0, 1, 1]] * 3), toy_annotations(image_ids=["c", "d"])],
            "only some images have boxes",
        ),
        (
            [toy_predictions(), Predictions(image_ids=["c"], offsets=[0, 0], xy=[], counts=[2], located=False)],
            "some of the predictions are points",
        ),
    ],
)
def test_what_can_not_be_one_set_is_one_clear_error(parts, words):
    with pytest.raises(InputError, match=words):
        concatenated(parts)


def test_one_image_of_a_set_is_its_rows():
    one = image_annotations(toy_annotations(radii=[[1, 2], [3, 4], [5, 6]], point_attributes={"blur": [7, 8, 9]}), 1)
    assert (one.xy.tolist(), one.radii.tolist(), one.boxes) == ([[5, 6]], [[5, 6]], None)
    assert one.point_attributes["blur"].tolist() == [9]


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, 2], "i"), ([1, 2.5], "f"), ([1, None], "f"), ([True, False], "b"), (["a", "b"], "U"), ([True, 1], "O"),
     (["a", None], "O"), ([2**70], "O"), ([2**53 + 1, None], "O"), (["a\0"], "O"), ([], "O"),
     ([float("nan"), 1], "f")],
)  # fmt: skip
def test_an_attribute_is_of_the_narrowest_type_that_holds_it(values, kind):
    column = attribute_column(values)
    assert column.dtype.kind == kind
    np.testing.assert_array_equal(column, np.array([np.nan if v is None and kind == "f" else v for v in values],
                                                   dtype=column.dtype))  # fmt: skip
