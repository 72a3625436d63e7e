"""Report: JSON both ways."""

import json
import math

import numpy as np
import pytest

from crowdeval import Protocol, Report, evaluate
from crowdeval.errors import FormatError, UsageError
from crowdeval.evaluation.report import Side


def report(**change):
    fields = {
        "values": {"nAP": 0.1 + 0.2, "NAE": math.nan, "MAE": 3.0},
        "protocol": Protocol(delta="0.05:0.05:0.5", k=2),
        "images": 2,
        "predictions": Side(name="preds.json", fingerprint="ab", points=7),
        "annotations": Side(name="gt.json", fingerprint="cd", points=9),
        "warnings": ("lone-points: one",),
        "per_image": {"image": np.array(["a", "b"], dtype=object), "AP@0.5": np.array([0.5, np.nan])},
        "version": "0.1.0",
    }
    return Report(**(fields | change))


def test_json_reads_back_into_an_equal_report():
    first = report()
    second = Report.from_json(first.to_json())
    assert second.protocol == first.protocol
    np.testing.assert_equal(dict(second.values), dict(first.values))
    assert second.predictions.points == 7
    assert second.annotations.fingerprint == "cd"
    assert second.warnings == first.warnings
    np.testing.assert_equal(dict(second.per_image), dict(first.per_image))
    assert second.to_json() == first.to_json()


def test_the_json_has_the_promised_shape_and_null_for_undefined():
    document = json.loads(report().to_json())
    assert document["values"] == {"nAP": 0.1 + 0.2, "NAE": None, "MAE": 3.0}
    assert document["signature"] == report().signature
    assert document["warnings"] == ["lone-points: one"]
    assert document["format"] == "crowdeval/report@2"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-20],
        lambda text: text.replace("report@2", "report@3"),
        lambda text: text.replace("k:2", "k:two"),
        lambda text: text.replace('"images": 2', '"images": "two"'),
        lambda text: "[]",
        lambda text: "",
        lambda text: b"\xff\xfe",
    ],
)
def test_what_is_no_report_is_one_clear_error(change):
    with pytest.raises(FormatError, match=r"result\.json"):
        Report.from_json(change(report().to_json()), name="result.json")


def test_a_table_that_was_not_asked_for_is_an_error():
    with pytest.raises(UsageError, match="per_image=True"):
        report(per_image=None).to_frame()


def test_an_evaluation_with_a_table_survives_json():
    from toy_sets import toy_annotations, toy_predictions

    first = evaluate(toy_predictions(), toy_annotations(), per_image=True)
    second = Report.from_json(first.to_json())
    np.testing.assert_equal({k: v.tolist() for k, v in second.per_image.items()},
                            {k: v.tolist() for k, v in first.per_image.items()})  # fmt: skip
