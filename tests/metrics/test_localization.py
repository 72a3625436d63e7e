"""F1, precision and recall within a radius: hand table, oracle, real data, needs, strings of every family."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import bipartite as oracle
from oracles.crowds import predictions, report, same, scores_of, shuffled
from strategies import crowds

from crowdeval import Protocol
from crowdeval.errors import NeedsError, UsageError
from crowdeval.evaluation.evaluate import evaluate
from crowdeval.metrics import METRICS, canonical, family_of
from crowdeval.metrics.localization import rate
from crowdeval.metrics.strings import Metric
from crowdeval.points.sets import Annotations, Predictions

RADII = st.sampled_from([0.125, 0.5, 1.0, 2.0, 4.0, 25.0])
BOTH = [f"{name}@{sigma}" for sigma in ("sigma_l", "sigma_s") for name in ("F1", "Precision", "Recall")]
LEVELS = ["Recall@sigma_l by level", "Recall@sigma_s by level"]

# A box of 6 x 8: sigma_s = 3, sigma_l = sqrt(36 + 64) / 2 = 5. Heads at (10, 10) and (20, 10).
HEADS = [(10.0, 10.0), (20.0, 10.0)]
BOXES = [[7, 6, 13, 14], [17, 6, 23, 14]]


def test_sigmas_by_hand():
    # at distance 5, 3 and far away: sigma_l admits two, sigma_s (exactly 3) one
    crowd = [([(13, 14), (20, 13), (90, 90)], [0.9, 0.8, 0.7], HEADS)]
    assert scores_of(crowd, *BOTH, boxes=BOXES) == pytest.approx(
        {
            "F1@sigma_l": 4 / 5, "Precision@sigma_l": 2 / 3, "Recall@sigma_l": 1,
            "F1@sigma_s": 2 / 5, "Precision@sigma_s": 1 / 3, "Recall@sigma_s": 1 / 2,
            "TP@sigma_l": 2, "FP@sigma_l": 1, "FN@sigma_l": 0,
            "TP@sigma_s": 1, "FP@sigma_s": 2, "FN@sigma_s": 1,
        }
    )  # fmt: skip


def test_the_files_own_radii_go_before_the_boxes():
    crowd = [([(13, 14)], [0.9], HEADS)]  # at distance 5 of the first
    given_radii = {"boxes": BOXES, "radii": [[4, 4.9], [4, 4.9]]}
    assert scores_of(crowd, "TP@sigma_l", **given_radii)["TP@sigma_l"] == 0
    assert scores_of(crowd, "TP@sigma_l", boxes=BOXES)["TP@sigma_l"] == 1


def test_a_radius_belongs_to_the_true_point():
    crowd = [([(10, 10), (20, 10)], [0.9, 0.9], [(13, 10), (23, 10)])]  # each 3 px off
    assert scores_of(crowd, "TP@sigma_l", radii=[[1, 2.5], [1, 3.5]])["TP@sigma_l"] == 1


@settings(max_examples=100)
@given(crowds(), st.randoms(use_true_random=False))
def test_sigmas_equal_the_oracle_together_and_alone(crowd, random):
    boxes, own = [], {"sigma_s": [], "sigma_l": []}
    for _, _, truths in crowd:
        for sigma in own.values():
            sigma.append([])
        for x, y in truths:
            w, h = random.choice([0.25, 1, 3, 8]), random.choice([0.5, 2, 3])
            boxes.append([x, y, x + w, y + h])
            own["sigma_s"][-1].append(min(w, h) / 2)
            own["sigma_l"][-1].append(math.sqrt(w * w + h * h) / 2)
    together = scores_of(crowd, *BOTH, boxes=np.reshape(boxes, (-1, 4)))
    for sigma, radii in own.items():
        alone = scores_of(crowd, f"TP@{sigma}", boxes=np.reshape(boxes, (-1, 4)))
        hits = predicted = true = 0
        for (points, scores, truths), image_radii in zip(crowd, radii, strict=True):
            kept = [q for q, s in zip(points, scores, strict=True) if s > 0.5]
            hits += oracle.dense_size(kept, truths, image_radii)
            predicted, true = predicted + len(kept), true + len(truths)
        assert together[f"TP@{sigma}"] == alone[f"TP@{sigma}"] == hits
        for name, value in zip(("Precision", "Recall", "F1"), oracle.rates(hits, predicted, true), strict=True):
            assert same(together[f"{name}@{sigma}"], value)


@settings(max_examples=100)
@given(crowds(), RADII)
def test_a_fixed_radius_equals_the_oracle(crowd, radius):
    hits, predicted, true = oracle.pooled(crowd, radius)
    at = canonical(f"F1@{radius}px").removeprefix("F1")
    values = scores_of(crowd, f"F1{at}", f"Precision{at}", f"Recall{at}")
    assert [values[f"{name}{at}"] for name in ("TP", "FP", "FN")] == [hits, predicted - hits, true - hits]
    for name, value in zip(("Precision", "Recall", "F1"), oracle.rates(hits, predicted, true), strict=True):
        assert same(values[f"{name}{at}"], value)


def test_radii_asked_for_in_any_order_rise_by_number():
    # at 9 px one prediction is in reach, at 10 both, at 100 all three
    crowd = [([(9, 0), (40, 10), (200, 0)], [0.9] * 3, [(0, 0), (40, 0), (100, 0)])]
    values = scores_of(crowd, "TP@100px", "TP@9px", "TP@10px", "Recall@8px")
    assert [values[f"TP@{radius}px"] for radius in (8, 9, 10, 100)] == [0, 1, 2, 3]


@settings(max_examples=60)
@given(crowds())
def test_means_over_radii_equal_the_oracle(crowd):
    at = "@1:1:6px"
    values = scores_of(crowd, f"L-Precision{at}", f"L-Recall{at}", f"L-F1{at}")
    terms = [oracle.rates(*oracle.pooled(crowd, radius)) for radius in range(1, 7)]
    for name, column in zip(("L-Precision", "L-Recall", "L-F1"), zip(*terms, strict=True), strict=True):
        assert same(values[f"{name}{at}"], np.mean(column))


def test_means_over_radii_by_hand():
    # of two predictions and three true points, radius 1: TP 1, P 1/2, R 1/3, F1 2/5; radius 2: TP 2, P 1, R 2/3, F1 4/5
    crowd = [([(0, 1), (50, 2)], [0.9, 0.9], [(0, 0), (50, 0), (90, 0)])]
    values = scores_of(crowd, "L-Precision@1,2px", "L-Recall@1,2px", "L-F1@1,2px")
    assert values == pytest.approx({"L-Precision@1,2px": 3 / 4, "L-Recall@1,2px": 1 / 2, "L-F1@1,2px": 3 / 5})


@settings(max_examples=60)
@given(crowds())
def test_with_as_many_points_at_every_radius_the_mean_f1_is_the_f1_of_the_means(crowd):
    # P = TP / M, R = TP / N and F1 = 2 TP / (M + N) are all proportional to TP
    values = scores_of(crowd, "L-Precision@1:1:9px", "L-Recall@1:1:9px", "L-F1@1:1:9px")
    p, r, f1 = (values[f"L-{name}@1:1:9px"] for name in ("Precision", "Recall", "F1"))
    if p > 0:
        assert same(f1, 2 * p * r / (p + r))


@settings(max_examples=60)
@given(crowds(), RADII)
def test_f1_never_falls_below_nearest_first_nor_with_the_radius(crowd, radius):
    at = canonical(f"TP@{radius}px")
    wider = canonical(f"TP@{2 * radius}px")
    values = scores_of(crowd, at, wider)
    greedy = sum(
        oracle.greedy_size([q for q, s in zip(points, scores, strict=True) if s > 0.5], truths, radius)
        for points, scores, truths in crowd
    )
    assert greedy <= values[at] <= values[wider]


def test_predictions_at_the_confidence_threshold_are_left_out():
    crowd = [([(10, 10), (20, 10)], [0.5, 0.51], HEADS)]
    assert scores_of(crowd, "TP@4px") == {"TP@4px": 1, "FP@4px": 0, "FN@4px": 1}
    assert scores_of(crowd, "TP@4px", options={"count_threshold": 0.51})["TP@4px"] == 0
    assert scores_of(crowd, "TP@4px", options={"count_threshold": 0.49})["TP@4px"] == 2


def test_unscored_predictions_are_all_used():
    crowd = [([(10, 10), (20, 10)], [0.1, 0.2], HEADS)]
    found = report(crowd, "F1@4px", "nAP", scored=False)
    assert (found["F1@4px"], found["nAP"]) == (1, 1)
    assert any(text.startswith("no-confidences") for text in found.warnings)


@settings(max_examples=40)
@given(crowds(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_images_changes_nothing(crowd, random):
    asked = ["F1@2px", "Precision@2px", "Recall@2px", "L-F1@1:1:4px"]
    a, b = scores_of(crowd, *asked), scores_of(shuffled(crowd, random), *asked)
    assert all(same(a[name], b[name]) for name in a)


@settings(max_examples=40)
@given(crowds())
def test_a_perfect_prediction_scores_one(crowd):
    truths = [(t, [1.0] * len(t), t) for _, _, t in crowd]
    expected = 1 if any(t for _, _, t in crowd) else math.nan
    values = scores_of(truths, "F1@1px", "L-F1@1:1:5px")
    assert same(values["F1@1px"], expected)
    assert same(values["L-F1@1:1:5px"], expected)


def test_the_table_by_image_sums_to_the_totals():
    crowd = [([(10, 10), (90, 90)], [0.9, 0.9], HEADS), ([(1, 1)], [0.9], []), ([], [], HEADS)]
    found = report(crowd, "F1@4px", "F1@sigma_l", boxes=BOXES * 2, per_image=True)
    table = found.per_image
    for at in ("4px", "sigma_l"):
        assert [table[f"{name}@{at}"].tolist() for name in ("TP", "FP", "FN")] == [[1, 0, 0], [1, 1, 0], [1, 0, 2]]
        assert [found[f"{name}@{at}"] for name in ("TP", "FP", "FN")] == [1, 2, 3]


def test_recall_by_level_by_hand():
    # boxes of 2 x 4 (A0), 5 x 2 = 10 (A1), 10 x 10 = 100 (A2), 100 x 10 = 1000 (A3); sigma_s 1, 1, 5, 5
    truths = [(0, 0), (0, 0), (40, 0), (80, 0), (80, 0)]
    boxes = [[0, 0, 2, 4], [0, 0, 5, 2], [0, 0, 10, 10], [0, 0, 100, 10], [0, 0, 100, 10]]
    crowd = [([(0, 1), (0, 1), (80, 0)], [0.9] * 3, truths)]
    assert scores_of(crowd, "Recall@sigma_s by level", boxes=boxes) == {
        "Recall@sigma_s by level=A0": 1,
        "Recall@sigma_s by level=A1": 1,
        "Recall@sigma_s by level=A2": 0,
        "Recall@sigma_s by level=A3": 0.5,
    }
    # the file's own levels go first
    own = scores_of(crowd, "Recall@sigma_s by level", boxes=boxes, level=[5, 5, 4, 4, 4])
    assert own == {"Recall@sigma_s by level=A4": pytest.approx(1 / 3), "Recall@sigma_s by level=A5": 1}


def test_recall_by_level_goes_with_the_order_of_lines():
    # one prediction, two heads in reach: the first line is matched
    crowd, turned = [([(1, 0)], [0.9], [(0, 0), (2, 0)])], [([(1, 0)], [0.9], [(2, 0), (0, 0)])]
    given_levels = {"radii": [[1, 1], [1, 1]], "level": [1, 2]}
    for images in (crowd, turned):
        assert scores_of(images, "Recall@sigma_l by level", **given_levels) == {
            "Recall@sigma_l by level=A1": 1,
            "Recall@sigma_l by level=A2": 0,
        }


@settings(max_examples=60)
@given(crowds(), st.randoms(use_true_random=False))
def test_recall_by_level_equals_the_recursive_script(crowd, random):
    level, radii, matched = [], [], []
    for points, scores, truths in crowd:
        own = [random.choice([0.5, 1, 2, 8]) for _ in truths]
        kept = [q for q, s in zip(points, scores, strict=True) if s > 0.5]
        matched += oracle.official_order(oracle.neighbours(kept, truths, own), len(truths))
        level += [random.randrange(6) for _ in truths]
        radii += [[r / 2, r] for r in own]
    expected = {
        f"Recall@sigma_l by level=A{n}": np.mean([m for m, at in zip(matched, level, strict=True) if at == n])
        for n in range(6)
        if n in level
    }
    found = scores_of(crowd, LEVELS[0], "MAE", radii=np.reshape(radii, (-1, 2)), level=np.array(level, dtype=np.int64))
    expected = expected or {LEVELS[0]: math.nan}
    assert {name: value for name, value in found.items() if name != "MAE"} == pytest.approx(expected, nan_ok=True)


def test_rates_without_a_denominator_are_undefined_and_say_so():
    no_truths = report([([(1, 1)], [0.9], [])], "Recall@4px", "Precision@4px", "F1@4px")
    assert math.isnan(no_truths["Recall@4px"])
    assert (no_truths["Precision@4px"], no_truths["F1@4px"]) == (0, 0)
    assert "undefined: Recall is undefined: there are no true points" in no_truths.warnings
    nothing = report([([], [], [])], "F1@4px", "Precision@4px")
    assert math.isnan(nothing["F1@4px"])
    assert "undefined: F1 is undefined: there are no points at all" in nothing.warnings
    assert "undefined: Precision is undefined: there are no predictions" in nothing.warnings


def test_a_rate_is_a_quotient_without_an_epsilon():
    assert (rate("Precision", 1, 3, 9), rate("Recall", 1, 3, 9), rate("F1", 1, 3, 9)) == (1 / 3, 1 / 9, 1 / 6)


BARE = [([(10, 10)], [0.9], HEADS)]


@pytest.mark.parametrize(
    ("metric", "columns", "words"),
    [
        ("F1@sigma_l", {}, r"F1@sigma_l needs head boxes or radii; .*NWPU text.* datasets nwpu"),
        ("TP@sigma_s", {}, "head boxes or radii"),
        ("Recall@sigma_l by level", {}, "head boxes or radii"),
        ("Recall@sigma_l by level", {"radii": [[1, 1]] * 2}, "head boxes or levels; the NWPU text"),
    ],
)
def test_what_the_annotations_lack_is_named_with_who_carries_it(metric, columns, words):
    with pytest.raises(NeedsError, match=words):
        report(BARE, metric, **columns)


@pytest.mark.parametrize("metric", ["F1@4px", "L-F1@1:1:4px", "AP@4px", "L-AUC@1:1:4px", "MLE", "GAME(1)", "nAP"])
def test_counts_alone_give_no_metric_of_points(metric):
    counts = Predictions(image_ids=["0"], offsets=[0, 0], xy=[], counts=[3.0], located=False)
    truth = Annotations(image_ids=["0"], offsets=[0, 1], xy=[(1.0, 1.0)], sizes=[(9, 9)])
    with pytest.raises(NeedsError, match="needs predicted points; these predictions give counts only"):
        evaluate(counts, truth, protocol=Protocol(metrics=[metric]))


def test_a_preset_leaves_out_what_the_data_lack_and_says_so():
    found = report(BARE, options={"preset": "nwpu"})
    assert list(found.values) == ["MAE", "RMSE", "NAE"]
    (about_boxes,) = (text for text in found.warnings if "boxes" in text)
    assert about_boxes.startswith("left-out: F1@sigma_l, Precision@sigma_l")
    assert "Recall@sigma_s by level" in about_boxes


def test_a_metric_asked_for_by_name_is_an_error_even_where_the_preset_has_it():
    with pytest.raises(NeedsError, match="F1@sigma_l needs"):
        report(BARE, "F1@sigma_l", options={"preset": "nwpu"})


def test_with_everything_there_no_preset_leaves_anything_out():
    crowd = [(HEADS, [0.9, 0.8], HEADS)] * 2
    attributes = {"scene_level": np.array([1, 2]), "luminance": np.array([0, 3]), "weather": np.array([0, 1])}
    for preset in ("paper", "nwpu", "shanghaitech", "qnrf", "jhu", "everything"):
        found = report(crowd, boxes=BOXES * 2, sizes=[(40, 30)] * 2, attributes=attributes, options={"preset": preset})
        assert not any(text.startswith("left-out") for text in found.warnings)
        for text in found.protocol.all_metrics:
            assert any(name == text or name.startswith((f"{text}=", f"{text}@")) for name in found.values), text
        assert {v for k, v in found.values.items() if k.startswith(("F1", "Prec", "Rec", "L-", "AP", "nAP"))} <= {1}


def test_the_command_line_ends_with_3_where_boxes_are_missing(crowdeval, tmp_path):
    gt, preds = tmp_path / "gt.json", tmp_path / "preds.json"
    gt.write_text('{"a": [[1, 1]]}')
    preds.write_text('{"a": [[1, 1, 0.9]]}')
    code, out, err = crowdeval("score", preds, gt, "--metric", "F1@sigma_l")
    assert (code, out) == (3, "")
    assert "F1@sigma_l needs head boxes or radii" in err
    code, out, err = crowdeval("score", preds, gt, "--preset", "nwpu", "--format", "json")
    assert code == 0
    assert "F1@sigma_l" not in json.loads(out)["values"]
    assert "left-out: F1@sigma_l" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("F1", "expected F1@ followed by sigma_l, sigma_s or a radius such as 8px"),
        ("F1@8", "a radius such as 8px"),
        ("F1@sigma", "sigma_l, sigma_s"),
        ("F1@8 px", "not a metric string"),
        ("F1@0px", "positive"),
        ("F1@-8px", "positive"),
        ("F1@nanpx", "finite"),
        ("F1@1:1:100px", "expected one radius, found 100; the mean over radii is L-F1@1:1:100px"),
        ("F1@1,2px", "the mean over radii is L-F1@1,2px"),
        ("F1@sigma_l by level", "expected Recall@sigma_l by level or Recall@sigma_s by level"),
        ("Recall@sigma_l by scene", "only recall can be split, and only by level"),
        ("Recall@8px by level", "expected @sigma_l or @sigma_s for recall by level"),
        ("Recall by level", "expected @sigma_l or @sigma_s for recall by level"),
        ("L-F1@sigma_l", "expected L-F1@ followed by 1:1:100px"),
        ("L-F1", "1:1:100px"),
        ("F1[S]@8px", "takes no"),
        ("f1@8px", "did you mean 'F1'"),
        ("L-TP@1:1:9px", "no metric is called"),
    ],
)
def test_a_bad_string_is_one_clear_error(text, words):
    with pytest.raises(UsageError, match=words):
        canonical(text)


@pytest.mark.parametrize("name", ["TP", "FP", "FN"])
def test_a_count_over_several_radii_is_not_advised_to_a_metric_that_does_not_exist(name):
    with pytest.raises(UsageError) as error:
        canonical(f"{name}@1,2px")
    assert f"L-{name}" not in str(error.value)


ENTRIES = [(name, entry.string) for name in METRICS.table for entry in METRICS[name].entries]
STRINGS = sorted({string.replace("ATTRIBUTE", "jhu_level") for _, string in ENTRIES})


@pytest.mark.parametrize("string", STRINGS)
def test_every_entry_is_canonical_prints_back_and_goes_through_a_signature(string):
    metric = Metric.parse(string)
    assert str(metric) == string == canonical(string)
    protocol = Protocol(metrics=[string])
    assert protocol.metrics == (string,)
    assert Protocol.parse(protocol.signature) == protocol


@pytest.mark.parametrize("name", sorted(METRICS.table))
def test_every_name_of_the_table_has_a_line_in_the_catalogue_of_its_family(name):
    shown = {Metric.parse(entry.string).name for entry in METRICS[name].entries}
    assert ("RMSE" if name == "MSE" else name) in shown
    assert all(family_of(Metric(name=other)) is METRICS[name] for other in shown)


def test_a_very_large_radius_goes_through_a_signature():
    protocol = Protocol(metrics=["F1@1e16px"])
    assert Protocol.parse(protocol.signature) == protocol


def test_recall_and_recall_by_level_take_the_same_radius():
    crowd = [([(3, 0)], [0.9], [(0, 0)])]
    values = scores_of(crowd, "Recall@sigma_s", LEVELS[1], radii=[[3, 5]], level=[0])
    assert values["Recall@sigma_s"] == values["Recall@sigma_s by level=A0"]


def official(hits, level_hits, level_totals, sigma):
    """Keys and numbers from the integers of the official script."""
    tp, fp, fn = hits
    return {
        f"TP@{sigma}": tp, f"FP@{sigma}": fp, f"FN@{sigma}": fn,
        f"Precision@{sigma}": tp / (tp + fp), f"Recall@{sigma}": tp / (tp + fn),
        f"F1@{sigma}": 2 * tp / (2 * tp + fp + fn),
        **{f"Recall@{sigma} by level=A{n}": level_hits[n] / level_totals[n] for n in range(6)},
    }  # fmt: skip


# True points by level, and the level hits of the recursive matcher run over dense distances of every image.
NWPU_LEVELS = [1251, 25032, 118515, 45050, 5916, 474]
PUBLISHED = {
    "TinyFaces_loc_0.8_0.3.txt": {
        "MAE": 240.354, "RMSE": 736.2108624572174, "NAE": 0.9622434094084066,
        **official((130742, 110149, 65496), [50, 5544, 77481, 41773, 5462, 432], NWPU_LEVELS, "sigma_l"),
        **official((121023, 119868, 75215), [44, 4809, 70624, 39890, 5260, 396], NWPU_LEVELS, "sigma_s"),
    },
    "Raz_loc_val_0.5.txt": {
        "MAE": 128.71, "RMSE": 665.3876449108444, "NAE": 0.5081761065247482,
        **official((111668, 49491, 84570), [44, 6597, 64541, 36790, 3589, 107], NWPU_LEVELS, "sigma_l"),
        **official((97432, 63727, 98806), [38, 4805, 54365, 34852, 3301, 71], NWPU_LEVELS, "sigma_s"),
    },
}  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("system", PUBLISHED)
def test_published_systems_score_the_official_numbers_on_the_command_line(crowdeval, data_folder, system):
    folder = data_folder / "nwpu_val"
    code, out, err = crowdeval(
        "score", folder / system, folder / "val_gt_loc.txt", "--preset", "nwpu", "--format", "json"
    )
    assert code == 0
    assert json.loads(out)["values"] == PUBLISHED[system]
    assert "left-out: MAE[S]" in err


@pytest.mark.data
def test_the_published_recall_of_the_largest_heads(data_folder):
    assert PUBLISHED["Raz_loc_val_0.5.txt"]["Recall@sigma_l by level=A5"] == pytest.approx(0.2257, abs=5e-5)


def test_confident_predictions_stay_in_the_order_of_the_file():
    given_levels = {"radii": [[1, 1]] * 3, "level": [0, 1, 2]}
    # without the middle line the first and last are matched in turn: rows 0 and 1
    crowd = [([(1, 0), (1, 0), (3, 0)], [0.9, 0.2, 0.8], [(0, 0), (2, 0), (4, 0)])]
    assert predictions(crowd).score.tolist() == [0.9, 0.2, 0.8]
    assert list(scores_of(crowd, "Recall@sigma_l by level", **given_levels).values()) == [1, 1, 0]


def test_radii_in_the_wrong_order_are_refused_only_where_radii_are_meant():
    crowd = [([(1, 1), (9, 9)], [0.9, 0.8], [(1, 1)]), ([(5, 5)], [0.7], [(5, 5), (7, 7)])]
    radii = np.array([[3.0, 4.0], [4.0, 1.0], [2.0, 2.0]])
    assert scores_of(crowd, "MAE", "F1@4px", radii=radii)["MAE"] == 1
    words = (
        r"needs radii of at least 0 with sigma_s not above sigma_l; other radii are at point 1 of image .1. \(4 1\)$"
    )
    with pytest.raises(NeedsError, match=words):
        scores_of(crowd, "F1@sigma_l", radii=radii)
    many = np.array([[4.0, 1.0]] * 5)
    line = [([], [], [(9.0 * n, 0) for n in range(5)])]
    with pytest.raises(NeedsError, match=r"point 3 of image '0' \(4 1\) and 2 more"):
        scores_of(line, "Recall@sigma_s", radii=many)
