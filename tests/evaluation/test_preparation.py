"""What is done to the two sides before scoring: it changes the number, and stands in the report beside its side."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, Protocol, Report, concatenated, evaluate, evidence_of, report_of
from crowdeval.errors import AlignmentError, InputError, UsageError
from crowdeval.evaluation.preparation import Preparation

MAE = Protocol(metrics=("MAE",))
PAIR = Protocol(metrics=("MAE", "F1@8px"))


def truth(**columns):
    return Annotations(
        **{
            "image_ids": ["a", "b", "c"],
            "offsets": [0, 2, 3, 3],
            "xy": [[10, 10], [40, 40], [20, 60]],
            "sizes": [[100, 200], [100, 200], [100, 200]],
            "labels": ["cow", "dog", "cow"],
            **columns,
        }
    )


def found(**columns):
    return Predictions(
        **{
            "image_ids": ["a", "b", "c"],
            "offsets": [0, 2, 3, 4],
            "xy": [[10, 10], [40, 40], [20, 60], [70, 70]],
            "score": [0.9, 0.8, 0.7, 0.6],
            "labels": ["cow", "dog", "cow", "dog"],
            **columns,
        }
    )


@pytest.mark.filterwarnings("ignore::crowdeval.errors.NoticeWarning")
@pytest.mark.parametrize(
    ("options", "mae", "side", "text"),
    [
        ({}, 1 / 3, "predictions", ""),
        ({"label": "cow"}, 0, "predictions", "class cow (2 of 4 points)"),
        ({"label": "dog"}, 1 / 3, "annotations", "class dog (1 of 3 points)"),
        ({"only": ["c", "a.jpg"]}, 0.5, "annotations", "only 2 of 3 images"),
    ],
)
def test_class_and_subset_change_the_number_and_stand_in_the_report(options, mae, side, text):
    report = evaluate(found(), truth(), protocol=MAE, **options)
    assert report["MAE"] == pytest.approx(mae)
    assert getattr(report, side).changes_text == text
    assert getattr(Report.from_json(report.to_json()), side).changes == getattr(report, side).changes
    whole = evaluate(found(), truth(), protocol=MAE)
    assert (getattr(report, side).fingerprint == getattr(whole, side).fingerprint) == (text == "")


def test_frame_is_of_the_predictions():
    report = evaluate(
        found(xy=[[10, 10], [40, 40], [60, 20], [70, 70]]), truth(), protocol=PAIR, frame="yx", label="cow"
    )
    assert report["F1@8px"] == 1
    assert report.predictions.changes == {"class": "cow (2 of 4 points)", "frame": "yx"}
    assert report.annotations.changes == {"class": "cow (2 of 3 points)"}


def test_an_id_map_renames_predicted_images_and_extra_ones_are_ignored():
    renamed = found(image_ids=["x1", "x2", "z"])
    with pytest.raises(AlignmentError):
        evaluate(renamed, truth(), protocol=MAE)
    options = {"id_map": {"x1": "a", "x2": "b"}, "extra": "ignore", "label": "cow"}
    report = evaluate(renamed, truth(), protocol=Protocol(metrics=("MAE",), missing="empty"), **options)
    assert report["MAE"] == 0
    assert report.predictions.changes["ids"] == "id map"
    assert report.predictions.changes["extra"] == "1 of 3 images ignored"
    assert any(text.startswith("extra-images: 1 of 3") for text in report.warnings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"id_map": {"q": "a"}}, "the id map has none of the predicted images"),
        ({"id_map": {"a": "b"}}, "several predicted images are called 'b'"),
        ({"only": ["a", "q"]}, r"1 of 2 images of the subset are not annotated: 'q'"),
        ({"label": "cat"}, "no point is of the class 'cat'.*cow 4, dog 3"),
    ],
)
def test_what_is_not_there_is_named(options, words):
    with pytest.raises((AlignmentError, UsageError), match=words):
        evaluate(found(), truth(), protocol=MAE, **options)


def test_a_subset_needs_predictions_of_its_images_only():
    some = found().take(np.array([0, 1]))
    assert evaluate(some, truth(), protocol=MAE, only=["a", "b"], label="cow")["MAE"] == 0
    with pytest.raises(AlignmentError, match="1 of 2 images of the subset have no predictions: 'c'"):
        evaluate(some, truth(), protocol=MAE, only=["a", "c"])
    with pytest.raises(AlignmentError, match="not in the annotations"):
        evaluate(found(image_ids=["a", "b", "z"]), truth(), protocol=MAE, only=["a"])


@pytest.mark.filterwarnings("ignore::crowdeval.errors.NoticeWarning")
def test_the_changes_of_parts_are_those_of_the_whole():
    ids = [np.array([0, 1]), np.array([2])]
    parts = [evidence_of(found().take(i), truth().take(i), protocol=MAE, frame="yx") for i in ids]
    whole = evidence_of(found(), truth(), protocol=MAE, frame="yx")
    assert report_of(concatenated(parts)).predictions.changes == report_of(whole).predictions.changes == {"frame": "yx"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"extra": "leave"}, UsageError, "extra"),
        ({"only": "a"}, InputError, "only: expected a list of image ids, found 'a'"),
        ({"only": []}, UsageError, "only: the list names no image"),
        ({"id_map": [("a", "b")]}, InputError, "id_map: expected a dict"),
        ({"frame": None}, InputError, "frame: expected text"),
        ({"label": 3}, InputError, "label: expected text"),
    ],
)
def test_wrong_options_are_named(options, error, words):
    with pytest.raises(error, match=words):
        Preparation(**options)
