"""evaluate(): the report of a small set by hand, notices, errors."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, Protocol, evaluate, evidence_of
from crowdeval.errors import (
    AlignmentError,
    InputError,
    NeedsError,
    NoConfidencesWarning,
    OffImageWarning,
    ScaleWarning,
    TiedConfidencesWarning,
    UndefinedMetricWarning,
)


def truth(**change):
    columns = {
        "image_ids": ["a", "b", "c"],
        "offsets": [0, 4, 5, 5],
        "xy": [[0.0, 0], [10, 0], [0, 10], [10, 10], [50, 50]],
        "sizes": [[100, 100]] * 3,
    }
    return Annotations(**(columns | change))


def found(**change):
    columns = {
        "image_ids": ["a", "b", "c"],
        "offsets": [0, 3, 4, 5],
        "xy": [[1.0, 0], [9, 0], [50, 50], [52, 50], [5, 5]],
        "score": [0.9, 0.8, 0.4, 0.7, 0.6],
    }
    return Predictions(**(columns | change))


def names(report):
    return {text.partition(":")[0] for text in report.warnings}


def test_a_small_set_by_hand():
    # k = 1: d_k is 10 in image a, inf in b. Ranked: hit, hit, hit (lone), false (c), false (a's far point).
    report = evaluate(found(), truth(), protocol=Protocol(preset="paper", metrics=["bias"], delta=0.25, k=1))
    assert report["nAP"] == report["nAP@0.25"] == pytest.approx(3 / 5)
    # counts above 0.5: 2, 1, 1 against 4, 1, 0
    assert report["MAE"] == pytest.approx((2 + 0 + 1) / 3)
    assert report["RMSE"] == pytest.approx(math.sqrt((4 + 0 + 1) / 3))
    assert report["NAE"] == pytest.approx((2 / 4 + 0 / 1) / 2)
    assert report["bias"] == pytest.approx((-2 + 0 + 1) / 3)
    assert (report.images, report.predictions.points, report.annotations.points) == (3, 5, 5)


def test_values_stand_in_the_order_asked_for_each_with_its_parts():
    report = evaluate(found(), truth(), protocol=Protocol(metrics=["MAE", "nAP"], delta="0.1,0.2"))
    assert list(report.values) == ["MAE", "nAP", "nAP@0.1", "nAP@0.2"]


def test_the_groups_of_a_metric_follow_it():
    report = evaluate(found(), truth(), protocol=Protocol(metrics=["MAE by count_quartile", "bias"]))
    assert list(report.values)[-1] == "bias"
    assert len(report.values) > 2


def test_one_delta_and_a_range_of_its_own_beside_the_protocols():
    protocol = Protocol(metrics=["nAP@0.3", "nAP@1:1:3", "nAP"], delta=0.5)
    values = evaluate(found(), truth(), protocol=protocol).values
    assert values["nAP@1:1:3"] == pytest.approx(np.mean([values["nAP@1"], values["nAP@2"], values["nAP@3"]]))
    assert set(values) == {"nAP", "nAP@0.5", "nAP@0.3", "nAP@1:1:3", "nAP@1", "nAP@2", "nAP@3"}


def test_the_per_image_table_adds_up():
    report = evaluate(found(), truth(), protocol=Protocol(delta=0.25, k=1), per_image=True)
    frame = report.to_frame()
    assert frame["image"].tolist() == ["a", "b", "c"]
    assert frame["estimated_count"].tolist() == [2, 1, 1]
    assert frame["count_error"].tolist() == [-2, 0, 1]
    assert frame["TP@0.25"].tolist() == [2, 1, 0]
    assert frame["FP@0.25"].tolist() == [1, 0, 1]
    assert frame["FN@0.25"].tolist() == [2, 0, 0]
    assert frame["AP@0.25"].tolist()[:2] == [0.5, 1.0]
    assert math.isnan(frame["AP@0.25"][2])


def test_a_count_in_the_file_comes_before_counted_points():
    report = evaluate(found(counts=[4.5, np.nan, 0]), truth(), protocol=Protocol(metrics=["MAE"]))
    assert report["MAE"] == pytest.approx((0.5 + 0 + 0) / 3)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([4.5, np.nan, 0], "2 of 3 images have a count"),
        ([np.nan, 0, np.nan], "1 of 3 images have a count"),
        ([4.5, 1, 0], "every image has a count"),
    ],
)
def test_counts_beside_points_are_told_where_counting_errors_are(counts, share):
    said = f"own-counts: {share} of its own in the predictions, which counting errors take instead of its points"
    assert said in evaluate(found(counts=counts), truth(), protocol=Protocol(metrics=["bias"])).warnings
    assert "own-counts" not in names(evaluate(found(counts=counts), truth(), protocol=Protocol(metrics=["nAP"])))
    assert "own-counts" not in names(evaluate(found(counts=[np.nan] * 3), truth()))
    alone = Predictions(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[4.5, 1, 0], located=False)
    assert "own-counts" not in names(evaluate(alone, truth()))


def test_a_counting_method_gets_counts_and_the_preset_leaves_nap_out():
    counts = Predictions(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[3.5, 1, 0], located=False)
    report = evaluate(counts, truth())
    assert set(report.values) == {"MAE", "RMSE", "NAE"}
    assert any(text.startswith("left-out: nAP: needs predicted points") for text in report.warnings)
    with pytest.raises(NeedsError, match="nAP needs predicted points"):
        evaluate(counts, truth(), protocol=Protocol(metrics=["nAP"]))


def test_a_preset_of_which_nothing_is_left_is_an_error():
    counts = Predictions(image_ids=["a", "b", "c"], offsets=[0] * 4, xy=[], counts=[3.5, 1, 0], located=False)
    with pytest.raises(NeedsError, match="predicted points"):
        evaluate(counts, truth(), protocol=Protocol(metrics=["F1@8px"]))


@pytest.mark.parametrize(
    ("predictions", "annotations", "name"),
    [
        ({}, {}, "lone-points"),
        ({"score": None}, {}, "no-confidences"),
        ({"score": [0.9] * 5}, {"xy": [[10.0, 10], [20, 10], [15, 15], [30, 30], [35, 35]]}, "tied-confidences"),
        ({"score": [0.9, 0.8, 0.4, 0.7, 1.6]}, {}, "confidences-outside-0-1"),
        ({}, {"xy": [[0.0, 0], [0, 0], [0, 0], [0, 0], [50, 50]]}, "zero-scales"),
        ({}, {"sizes": [[10, 10], [40, 60], [9, 9]]}, "off-image-truth"),
        ({}, {"sizes": [[10, 10], [60, 60], [9, 9]]}, "off-image-predictions"),
        ({"offsets": [0, 5, 5, 5]}, {}, "no-predictions"),
    ],
)
def test_what_is_odd_about_the_inputs_is_said(predictions, annotations, name):
    assert name in names(evaluate(found(**predictions), truth(**annotations)))


def test_predictions_in_the_frame_of_a_shrunk_image_are_suspected():
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 1000, (400, 2))
    ids, offsets = [str(i) for i in range(8)], np.arange(9) * 50
    annotations = Annotations(image_ids=ids, offsets=offsets, xy=xy)
    for factor, said in ((0.5, True), (1.0, False), (0.9, True), (2.0, True)):
        predictions = Predictions(image_ids=ids, offsets=offsets, xy=xy * factor, score=rng.uniform(size=400))
        assert ("frame-suspected" in names(evaluate(predictions, annotations))) is said


def test_a_clean_set_says_nothing():
    annotations = truth(image_ids=["a"], offsets=[0, 4], xy=truth().xy[:4], sizes=[[100, 100]])
    predictions = found(image_ids=["a"], offsets=[0, 3], xy=found().xy[:3], score=[0.9, 0.8, 0.4])
    assert evaluate(predictions, annotations).warnings == ()


def test_what_is_undefined_is_nan_with_a_named_warning():
    empty = Annotations(image_ids=["a"], offsets=[0, 0], xy=[])
    with pytest.warns(UndefinedMetricWarning) as caught:
        report = evaluate(Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1, 1]], score=[0.9]), empty)
    assert [str(each.message) for each in caught] == list(report.warnings)
    assert math.isnan(report["nAP"])
    assert math.isnan(report["NAE"])
    assert report["MAE"] == 1
    assert sum(text.startswith("undefined: ") for text in report.warnings) == 2


TIED = {"score": [0.9] * 5}, {"xy": [[10.0, 10], [20, 10], [15, 15], [30, 30], [35, 35]]}


@pytest.mark.parametrize(
    ("predictions", "annotations", "category"),
    [
        (*TIED, TiedConfidencesWarning),
        ({"score": None}, {}, NoConfidencesWarning),
        ({}, {"sizes": [[10, 10], [40, 60], [9, 9]]}, OffImageWarning),
        ({}, {"xy": [[0.0, 0], [0, 0], [0, 0], [0, 0], [50, 50]]}, ScaleWarning),
    ],
)
def test_a_notice_that_matters_is_one_warning_of_its_class_at_the_callers_line(predictions, annotations, category):
    with pytest.warns(category) as caught:
        report = evaluate(found(**predictions), truth(**annotations))
    own = [each for each in caught if each.category is category]
    assert {str(each.message) for each in own} <= set(report.warnings)
    assert len(own) == len({str(each.message) for each in own})
    assert own[0].filename == __file__


def test_notices_that_do_not_matter_are_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names(evaluate(found(), truth())) == {"lone-points"}


def test_ties_are_said_only_where_they_would_move_the_number_visibly_and_with_both_numbers():
    # two ranked points of one confidence, one a hit: first or last, precision at the hit is 1 or 1/2
    one = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[5.0, 5]])
    pair = Predictions(image_ids=["a"], offsets=[0, 2], xy=[[5.0, 5], [90, 90]], score=[0.5, 0.5])
    (said,) = [text for text in evaluate(pair, one, protocol=Protocol(metrics=("nAP@0.5",))).warnings if "tied" in text]
    assert "2 of 2 predictions share their confidence" in said
    assert "nAP@0.5 would be 1.0000 with the hits of each tie first and 0.5000 with them last" in said
    assert "tied-confidences" not in names(evaluate(pair, one, protocol=Protocol(metrics=("MAE", "F1@4px"))))
    assert "tied-confidences" in names(evaluate(pair, one, protocol=Protocol(metrics=("AP@4px",))))
    hits = replace(pair, xy=[[5.0, 5], [5, 5]], score=[0.5, 0.2])
    assert "tied-confidences" not in names(evaluate(hits, one, protocol=Protocol(metrics=("nAP@0.5",))))
    both = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[5.0, 5], [90, 90]])
    assert "tied-confidences" not in names(evaluate(pair, both, protocol=Protocol(metrics=("nAP@0.5",))))


def test_sides_in_the_wrong_place_are_one_clear_error():
    with pytest.raises(InputError, match="annotations: found predictions; predictions come first"):
        evaluate(found(), found())
    with pytest.raises(InputError, match="predictions: found annotations; predictions come first"):
        evaluate(truth(), truth())
    with pytest.raises(InputError, match=r"read_predictions\(path\)"):
        evidence_of("preds.json", truth())


def test_missing_images_follow_the_protocol():
    fewer = found(image_ids=["a"], offsets=[0, 3], xy=found().xy[:3], score=[0.9, 0.8, 0.4])
    with pytest.raises(AlignmentError, match="2 of 3"):
        evaluate(fewer, truth())
    assert evaluate(fewer, truth(), protocol=Protocol(missing="empty"))["MAE"] == pytest.approx(1)


def test_the_order_of_images_changes_no_number():
    swapped = truth(image_ids=["c", "b", "a"], offsets=[0, 0, 1, 5], xy=np.roll(truth().xy, 1, axis=0))
    one, other = evaluate(found(), truth()), evaluate(found(), swapped)
    assert one.values == other.values
    assert one.annotations.fingerprint == other.annotations.fingerprint


def test_progress_hears_every_stage():
    stages = []
    evaluate(found(), truth(), progress=stages.append)
    assert stages == ["aligning", "nAP", "MAE RMSE NAE"]
