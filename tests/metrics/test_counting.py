"""Counting errors: hand table, oracle, levels, groups, the threshold, needs, strings."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import counting as oracle
from oracles.crowds import counts_only, report, same, scores_of, shuffled
from strategies import crowds

from crowdeval.errors import NeedsError, UsageError
from crowdeval.metrics import canonical
from crowdeval.metrics.counting import counting_errors

NAMES = ("MAE", "RMSE", "NAE", "bias")

HAND = [
    # predicted, true, MAE, RMSE, NAE, bias by hand
    ([3, 8], [2, 10], 3 / 2, math.sqrt(5 / 2), (1 / 2 + 2 / 10) / 2, -1 / 2),
    ([5, 5], [5, 5], 0, 0, 0, 0),
    ([4, 0, 1], [0, 2, 1], 6 / 3, math.sqrt(20 / 3), (1 + 0) / 2, 2 / 3),  # NAE leaves the empty image out
    ([0], [7], 7, 7, 1, -7),
    ([9], [3], 6, 6, 2, 6),
]


@pytest.mark.parametrize(("predicted", "true", "mae", "rmse", "nae", "bias"), HAND)
def test_hand_table(predicted, true, mae, rmse, nae, bias):
    assert scores_of(counts_only(predicted, true), *NAMES) == pytest.approx(
        {"MAE": mae, "RMSE": rmse, "NAE": nae, "bias": bias}
    )


@settings(max_examples=150)
@given(crowds(most_images=8), st.sampled_from([0.5, 0.0, 1.0, -1.0, 1 / 3]))
def test_equals_the_oracle_at_every_threshold(crowd, threshold):
    predicted = [oracle.estimated(points, scores, threshold) for points, scores, _ in crowd]
    expected = oracle.errors(predicted, [len(truths) for _, _, truths in crowd])
    values = scores_of(crowd, *NAMES, options={"count_threshold": threshold})
    assert all(same(values[name], expected[name]) for name in NAMES)


@settings(max_examples=50)
@given(crowds(most_images=6), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, random):
    a, b = scores_of(crowd, *NAMES), scores_of(shuffled(crowd, random), *NAMES)
    assert all(same(a[name], b[name]) for name in NAMES)


def test_a_confidence_counts_if_it_is_strictly_above_the_threshold():
    crowd = [([(1, 1)] * 3, [0.5, math.nextafter(0.5, 1), 0.9], [])]
    assert scores_of(crowd, "bias") == {"bias": 2}
    assert scores_of(crowd, "bias", options={"count_threshold": 0.9}) == {"bias": 0}
    assert scores_of(crowd, "bias", options={"count_threshold": 0.0}) == {"bias": 3}


def test_unscored_predictions_all_count():
    crowd = [([(1, 1)] * 3, [0.1, 0.2, 0.3], [])]
    assert scores_of(crowd, "bias", scored=False) == {"bias": 3}
    assert scores_of(crowd, "bias", scored=False, options={"count_threshold": 2.0}) == {"bias": 3}


def test_a_count_given_by_the_file_goes_before_the_points():
    crowd = [([(1, 1)] * 3, [0.9] * 3, [(1, 1)]), ([(1, 1)] * 3, [0.9, 0.9, 0.1], [(1, 1)])]
    assert scores_of(crowd, "bias", counts=[11.5, math.nan]) == {"bias": (10.5 + 1) / 2}


def test_the_tables_mse_is_the_root():
    values = scores_of(counts_only([3, 8], [2, 10]), "MSE")
    assert values == {"RMSE": pytest.approx(math.sqrt(2.5))}
    assert canonical("MSE[S]") == "RMSE[S]"
    assert canonical("MSE by weather") == "RMSE by weather"


def test_the_table_by_image_holds_counts_and_signed_errors():
    table = report(counts_only([3, 8], [2, 10]), "MAE", per_image=True).per_image
    assert table["true_count"].tolist() == [2, 10]
    assert table["estimated_count"].tolist() == [3, 8]
    assert table["count_error"].tolist() == [1, -2]


def test_nae_without_a_peopled_image_is_undefined_and_says_so():
    found = report(counts_only([3], [0]), "MAE", "NAE")
    assert found["MAE"] == 3
    assert math.isnan(found["NAE"])
    assert "undefined: NAE is undefined: no image has true points" in found.warnings
    assert all(map(math.isnan, counting_errors(np.empty(0), np.empty(0)).values()))


@pytest.mark.parametrize("metric", ["MAE", "MAE by scene_level", "MAE[S]"])
def test_nothing_is_said_of_nae_where_only_mae_was_asked_for(metric):
    found = report(counts_only([3], [0]), metric, attributes={"scene_level": np.array([0])})
    assert not any("NAE" in text for text in found.warnings)


# errors 1, 3, 10, 20 in the scene levels 1, 1, 2, 4: MAEs 2, 10, 20
LEVELLED = counts_only([1, 3, 10, 20], [0, 0, 0, 0])
SCENES = {"scene_level": np.array([1, 1, 2, 4]), "luminance": np.array([0, 1, 2, 3])}


def test_the_mean_over_scene_levels_weighs_levels_alike_and_leaves_empty_ones_out_with_a_notice():
    found = report(LEVELLED, "MAE[S]", attributes=SCENES)
    assert found["MAE[S]"] == pytest.approx((2 + 10 + 20) / 3)
    assert "empty-levels: 2 of the 5 levels of scene_level give no MAE; MAE[S] leaves them out" in found.warnings


def test_the_mean_over_luminance_levels():
    found = report(LEVELLED, "MAE[L]", "RMSE[L]", "bias[L]", attributes=SCENES)
    assert found.values == pytest.approx({"MAE[L]": 34 / 4, "RMSE[L]": 34 / 4, "bias[L]": 34 / 4})
    assert not any(text.startswith("empty-levels") for text in found.warnings)


def test_the_root_is_taken_within_a_level():
    # level 1: sqrt((1 + 9) / 2) = sqrt 5; the others 10 and 20
    value = scores_of(LEVELLED, "RMSE[S]", attributes=SCENES)["RMSE[S]"]
    assert value == pytest.approx((math.sqrt(5) + 10 + 20) / 3)


def test_five_full_levels_bring_no_notice():
    found = report(counts_only([1, 2, 3, 4, 10], [0] * 5), "MAE[S]", attributes={"scene_level": np.arange(5)})
    assert found["MAE[S]"] == 4
    assert not any(text.startswith("empty-levels") for text in found.warnings)


def test_every_error_goes_by_an_attribute():
    values = scores_of(LEVELLED, "MAE by scene_level", "RMSE by scene_level", "bias by luminance", attributes=SCENES)
    assert values == pytest.approx(
        {
            "MAE by scene_level=1": 2, "MAE by scene_level=2": 10, "MAE by scene_level=4": 20,
            "RMSE by scene_level=1": math.sqrt(5), "RMSE by scene_level=2": 10, "RMSE by scene_level=4": 20,
            "bias by luminance=0": 1, "bias by luminance=1": 3, "bias by luminance=2": 10, "bias by luminance=3": 20,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("MAE[S]", r"MAE\[S\] needs the attribute 'scene_level' of the images; the dataset nwpu carries it"),
        ("RMSE[L]", r"RMSE\[L\] needs the attribute 'luminance' of the images; the dataset nwpu carries it"),
        ("MAE by scene_level", "the dataset nwpu carries it"),
        (
            "MAE by jhu_weather",
            r"the attribute 'weather' of the images, as a number; the dataset jhu-crowd\+\+ carries it",
        ),
        ("MAE by jhu_levels", "did you mean 'jhu_level'"),
        ("MAE by colour", "needs the attribute 'colour' of the images.*'count_quartile'"),
    ],
)
def test_what_the_annotations_lack_is_named_with_who_carries_it(metric, words):
    with pytest.raises(NeedsError, match=words):
        report(counts_only([1], [1]), metric)


def test_the_command_line_ends_with_3_where_an_attribute_is_missing(crowdeval, tmp_path):
    gt, preds = tmp_path / "gt.json", tmp_path / "preds.json"
    gt.write_text('{"a": [[1, 1]]}')
    preds.write_text('{"a": [[1, 1, 0.9]]}')
    code, out, err = crowdeval("score", preds, gt, "--metric", "MAE[S]")
    assert (code, out) == (3, "")
    assert "scene_level" in err
    code, out, err = crowdeval("score", preds, gt, "--preset", "jhu", "--format", "json")
    assert (code, json.loads(out)["values"]["MAE by jhu_level=low"]) == (0, 0)
    assert "left-out: MAE by jhu_weather, RMSE by jhu_weather" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MAE[X]", r"expected \[S\] \(scene levels\) or \[L\] \(luminance levels\)"),
        ("MAE[S] by weather", "takes no 'by GROUP'"),
        ("MAE@8px", "takes no @THRESHOLD"),
        ("MAE(1)", r"takes no \(ORDER\)"),
        ("MAE by", "not a metric string"),
        ("mae", "did you mean 'MAE'"),
        ("", "not a metric string"),
    ],
)
def test_a_bad_string_is_one_clear_error(text, words):
    with pytest.raises(UsageError, match=words):
        canonical(text)


@pytest.mark.parametrize("metric", ["MAE by a+b", "MAE by a|b"])
def test_an_attribute_with_a_sign_of_the_signature_is_refused_or_goes_through_it(metric):
    from crowdeval import Protocol

    try:
        protocol = Protocol(metrics=[metric])
    except UsageError:
        return
    assert Protocol.parse(protocol.signature) == protocol


def test_a_level_without_heads_gives_no_nae_and_is_left_out_of_the_mean():
    # level 0: errors 1 of 2 and 1 of 4; level 1: two images without heads; level 2: 3 of 3
    crowd = counts_only([3, 3, 2, 0, 0], [2, 4, 0, 0, 3])
    found = report(crowd, "NAE[S]", "MAE[S]", attributes={"scene_level": np.array([0, 0, 1, 1, 2])})
    assert found["NAE[S]"] == pytest.approx(((1 / 2 + 1 / 4) / 2 + 1) / 2, rel=1e-15)
    assert found["MAE[S]"] == pytest.approx((1 + 1 + 3) / 3, rel=1e-15)
    assert "empty-levels: 3 of the 5 levels of scene_level give no NAE; NAE[S] leaves them out" in found.warnings
