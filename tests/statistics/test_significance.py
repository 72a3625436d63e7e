"""The paired test behind the marks."""

import itertools
import math

import numpy as np
import pytest
from toy_reports import annotations, board, predictions, report

from crowdeval import Protocol, evaluate
from crowdeval.statistics.significance import Terms, holm, paired_p_value, same_images, terms_of

MANY = {f"i{n:02}": [[10.0 * x + n, 10.0 * y] for x in range(3) for y in range(1 + n % 3)] for n in range(24)}
EVERYTHING = Protocol(metrics=("nAP", "MAE", "RMSE", "NAE", "F1@4px", "Precision@4px", "Recall@4px"))


def tabled(model, missed=0, truth=MANY):
    return evaluate(
        predictions(missed, truth), annotations(truth), protocol=EVERYTHING, per_image=True,
        about={"model": model, "dataset": "many:test"},
    )  # fmt: skip


def mean(sums):
    return sums[:, 0]


def exact_p_value(a, b):
    """Every swap of every image, counted."""
    observed = abs(sum(a) - sum(b))
    swaps = list(itertools.product([0, 1], repeat=len(a)))
    reached = [abs(sum((x - y) * (-1) ** s for x, y, s in zip(a, b, swap, strict=True))) for swap in swaps]
    return sum(value >= observed - 1e-12 for value in reached) / len(swaps)


def test_the_random_rounds_agree_with_all_swaps_counted():
    random = np.random.default_rng(5)
    for _ in range(5):
        a, b = random.normal(0.4, 1, 9), random.normal(0, 1, 9)
        p = paired_p_value(Terms(a[:, None], mean), Terms(b[:, None], mean))
        assert p == pytest.approx(exact_p_value(a, b), abs=0.02)


def test_p_values_repeat_and_do_not_depend_on_which_comes_first():
    a, b = (Terms(np.arange(12.0)[:, None] % k, mean) for k in (5, 3))
    assert paired_p_value(a, b) == paired_p_value(a, b)
    assert paired_p_value(a, b) == paired_p_value(b, a)


def test_the_smallest_p_value_counts_the_observed_round_itself():
    a, b = (Terms(np.full((40, 1), value), mean) for value in (0.0, 1.0))
    assert paired_p_value(a, b, rounds=99) == 0.01


def test_p_values_are_uniform_without_a_difference():
    random = np.random.default_rng(0)
    draws = random.normal(size=(200, 2, 20, 1))
    found = [paired_p_value(Terms(a, mean), Terms(b, mean), rounds=500) for a, b in draws]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize("metric", ["MAE", "RMSE", "NAE", "F1@4px", "Precision@4px", "Recall@4px"])
def test_the_statistic_of_the_terms_is_the_metric_itself(metric):
    made = tabled("a", 1)
    terms = terms_of(made, metric)
    assert terms.statistic(terms.columns.sum(axis=0, keepdims=True))[0] == pytest.approx(made[metric], rel=1e-12)


def test_nap_is_tested_on_the_mean_of_the_images_own_ap():
    truth = {**MANY, "none": []}
    made = tabled("a", 1, truth)
    by_image = evaluate(
        predictions(1, truth), annotations(truth), protocol=Protocol(metrics=("nAP", "nAP@0.5"), pool="image")
    )
    for metric in ("nAP", "nAP@0.5"):
        terms = terms_of(made, metric)
        assert terms.statistic(terms.columns.sum(axis=0, keepdims=True))[0] == pytest.approx(by_image[metric])


def test_terms_go_by_image_and_not_by_row():
    a, b = tabled("a", 2), tabled("b", 2, dict(reversed(MANY.items())))
    assert a.per_image["image"][0] == b.per_image["image"][-1] != b.per_image["image"][0]
    assert same_images(a, b)
    np.testing.assert_array_equal(terms_of(a, "NAE").columns, terms_of(b, "NAE").columns)
    assert len(np.unique(terms_of(a, "NAE").columns[:, 0])) > 1


def test_what_the_table_does_not_say_is_not_tested():
    assert terms_of(report("a"), "MAE") is None
    assert terms_of(tabled("a"), "MLE@16px") is None
    assert terms_of(tabled("a"), "F1@8px") is None


def test_an_undefined_statistic_has_no_p_value():
    terms = Terms(np.zeros((3, 2)), lambda sums: np.full(len(sums), np.nan))
    assert math.isnan(paired_p_value(terms, terms))


def test_holm_corrects_for_the_number_of_comparisons():
    assert holm([0.01, math.nan, 0.04, 0.5]) == pytest.approx([0.03, math.nan, 0.08, 0.5], nan_ok=True)
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_rows_are_marked_against_the_best_of_their_ranking():
    made = board(tabled("best"), tabled("same"), tabled("worse", 1), significance=True)
    marks = {row.result.model: row.differs("MAE") for row in made.rankings[0].rows}
    assert marks == {"best": None, "same": False, "worse": True}


def test_a_report_without_a_table_has_no_mark_and_is_named():
    bare = evaluate(predictions(1, MANY), annotations(MANY), protocol=EVERYTHING,
                    about={"model": "bare", "dataset": "many:test"})  # fmt: skip
    made = board(tabled("best"), bare, significance=True)
    assert all(row.differs("MAE") is None for row in made.rankings[0].rows)
    assert any("'bare'" in note and "per-image" in note for note in made.notes)


def test_nothing_is_tested_unasked():
    assert board(tabled("best"), tabled("worse", 1)).rankings[0].rows[1].p_values == {}
