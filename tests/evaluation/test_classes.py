"""Classes: one is picked on both sides, several are said with their numbers, and disjoint ones are said."""

from dataclasses import replace

import numpy as np
import pytest

from crowdeval import Annotations, Predictions
from crowdeval.errors import UsageError
from crowdeval.evaluation.classes import class_notices, pick_class, points_of_class, tally


def truth(labels, **columns):
    n = len(labels)
    return Annotations(image_ids=["a"], offsets=[0, n], xy=np.arange(2.0 * n).reshape(n, 2), labels=labels, **columns)


def found(labels):
    n = 3 if labels is None else len(labels)
    return Predictions(image_ids=["a"], offsets=[0, n], xy=np.arange(2.0 * n).reshape(n, 2), labels=labels)


@pytest.mark.parametrize(
    ("predicted", "true", "notice"),
    [
        (["cow"], ["cow"], ""),
        (None, ["cow", "cow"], ""),
        (None, ["cow", ""], ""),
        (["1", "1"], ["cow"], ""),  # numbers and names can't be compared
        (["cow", "dog", "dog"], ["cow"], "several-classes: points are scored as one class: predictions dog 2, cow 1 "
                                         "and annotations cow 1; --class NAME picks one"),
        (["background"], ["cow"], "disjoint-classes: no class is on both sides, and all points are scored as one "
                                  "class: predictions background 1 and annotations cow 1"),
    ],
)  # fmt: skip
def test_several_or_disjoint_classes_are_said(predicted, true, notice):
    assert "".join(class_notices(found(predicted), truth(true))) == notice


def test_numbers_in_the_predictions_have_the_names_of_the_annotations():
    annotations = truth(["cow", "dog"], classes={"7": "cow", "9": "dog"})
    predictions, annotations, changes, _ = pick_class(found(["7", "9", "9"]), annotations, "dog")
    assert (len(predictions.xy), len(annotations.xy)) == (2, 1)
    assert changes["predictions:class"] == "dog (2 of 3 points)"
    again = pick_class(found(["7", "9", "9"]), truth(["cow", "dog"], classes={"7": "cow", "9": "dog"}), "9")
    assert again[0].xy.tolist() == predictions.xy.tolist()


def test_a_side_without_classes_stays_whole_and_one_without_the_class_is_empty():
    predictions, _, _, notices = pick_class(found(None), truth(["cow", "dog"]), "dog")
    assert (len(predictions.xy), notices[0].partition(":")[0]) == (3, "no-classes")
    predictions, _, _, notices = pick_class(found(["cow"]), truth(["cow", "dog"]), "dog")
    assert (len(predictions.xy), notices[0].partition(":")[0]) == (0, "class-not-found")
    with pytest.raises(UsageError, match="the points of neither side have classes"):
        pick_class(found(None), Annotations(image_ids=["a"], offsets=[0, 0], xy=[]), "dog")


def test_a_pick_keeps_every_column_of_the_points():
    annotations = truth(["cow", "dog"], radii=[[1, 2], [3, 4]], level=[1, 2], point_attributes={"k": [5, 6]})
    _, annotations, _, _ = pick_class(found(["dog"]), annotations, "dog")
    assert (annotations.radii.tolist(), annotations.level.tolist()) == ([[3, 4]], [2])
    assert annotations.point_attributes["k"].tolist() == [6]


def test_one_side_alone():
    assert points_of_class(truth(["cow", "dog"]), "cow").labels.tolist() == ["cow"]
    with pytest.raises(UsageError, match="did you mean 'cow'"):
        points_of_class(truth(["cow", "dog"]), "cows")
    with pytest.raises(UsageError, match="have no classes"):
        points_of_class(found(None), "cow")


def test_many_classes_are_summed_up():
    labels = np.array([f"c{i}" for i in range(9)], dtype=object)
    assert tally(labels) == "c0 1, c1 1, c2 1, c3 1, c4 1, 4 more classes 4"


def test_a_class_is_found_in_any_case_unless_two_differ_only_in_it():
    truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], labels=["Cow", "dog"])
    found = Predictions(image_ids=["a"], offsets=[0, 0], xy=[])
    assert pick_class(found, truth, "cow")[1].xy.tolist() == [[1, 2]]
    both = replace(truth, labels=["Cow", "COW"])
    with pytest.raises(UsageError, match="no point is of the class 'cow'"):
        pick_class(found, both, "cow")
