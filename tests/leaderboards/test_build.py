"""Rankings: which results are ranked together, by which metric, and which are only shown."""

import math

import pytest
from toy_reports import TRUTH, annotations, board, counts, predictions, published, report, result

from crowdeval import Protocol, evaluate
from crowdeval.errors import UsageError
from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.results import measured_results, newest_results
from crowdeval.metrics import better


def ranks(ranking):
    return [(row.result.model, row.rank, row.reason) for row in ranking.rows]


def test_higher_nap_ranks_first():
    (ranking,) = board(report("one", 1), report("whole"), report("two", 2)).rankings
    assert ranking.by == "nAP"
    assert ranks(ranking) == [("whole", 1, ""), ("one", 2, ""), ("two", 3, "")]


def test_the_direction_is_the_metrics_own():
    results = [result("a", MAE=3.0, bias=-3.0), result("b", MAE=1.0, bias=5.0), result("c", MAE=2.0, bias=1.0)]
    assert [row.result.model for row in leaderboard(results, by="MAE").rankings[0].rows] == ["b", "c", "a"]
    assert [row.result.model for row in leaderboard(results, by="bias").rankings[0].rows] == ["c", "a", "b"]
    assert [better(name) for name in ("F1@sigma_l", "MAE[S]", "NAE", "FP@8px", "nobody's")] == [
        "higher", "lower", "lower", "lower", None
    ]  # fmt: skip


def test_the_key_is_nap_else_f1_else_mae():
    f1, mae = {"F1@8px": 0.5, "MAE": 2.0}, {"MAE": 2.0}
    assert leaderboard([result("a", nAP=0.5, **f1)]).rankings[0].by == "nAP"
    assert leaderboard([result("a", nAP=math.nan, **f1)]).rankings[0].by == "F1@8px"
    assert leaderboard([result("a", **mae)]).rankings[0].by == "MAE"


def test_by_takes_any_spelling_of_a_metric_and_adds_its_column():
    made = [result("a", RMSE=2.0, bias=1.0), result("b", RMSE=1.0, bias=2.0)]
    assert leaderboard(made, by="MSE").rankings[0].by == "RMSE"
    ranking = leaderboard(made, by="bias").rankings[0]
    assert ranking.columns == ("RMSE", "bias")
    assert leaderboard(made, metrics=["bias"]).rankings[0].columns == ("RMSE", "bias")


def test_by_a_metric_that_nobody_has_is_a_usage_error_that_names_those_there_are():
    with pytest.raises(UsageError, match=r"no result has nAP@0\.3.*MAE"):
        leaderboard([result("a", MAE=1.0)], by="nAP@0.30")


def test_equal_values_share_a_rank():
    results = [result("b", MAE=1.0), result("a", MAE=1.0), result("c", MAE=2.0)]
    assert ranks(leaderboard(results).rankings[0]) == [("a", 1, ""), ("b", 1, ""), ("c", 3, "")]


def test_nan_and_absent_keys_never_rank():
    results = [result("a", nAP=0.1), result("b", nAP=math.nan), result("c", MAE=1.0)]
    assert ranks(leaderboard(results).rankings[0]) == [
        ("a", 1, ""),
        ("b", None, "nAP undefined"),
        ("c", None, "no nAP"),
    ]


def test_counts_alone_rank_by_mae_only():
    reports = [report("points", 1), report("counts", predicted=counts([4, 2, 3]))]
    assert ranks(board(*reports).rankings[0]) == [("points", 1, ""), ("counts", None, "no nAP")]
    ranking = board(*reports, by="MAE").rankings[0]
    assert ranks(ranking) == [("counts", 1, ""), ("points", 2, "")]


def test_another_test_set_is_shown_unranked():
    other = {**TRUTH, "c": [[1, 1], [8, 1]]}
    (ranking,) = board(report("a"), report("b", 1), report("c", truth=other)).rankings
    assert ranks(ranking) == [("a", 1, ""), ("b", 2, ""), ("c", None, "other test set")]


def test_another_protocol_is_shown_unranked():
    (ranking,) = board(report("a"), report("b", 1), report("c", protocol=Protocol(k=1))).rankings
    assert ranks(ranking) == [("a", 1, ""), ("b", 2, ""), ("c", None, "other protocol")]


def test_another_test_set_and_protocol_are_both_named():
    other = {**TRUTH, "c": [[1, 1], [8, 1]]}
    (ranking,) = board(report("a"), report("b", 1), report("c", truth=other, protocol=Protocol(k=1))).rankings
    assert ranks(ranking)[-1] == ("c", None, "other test set, other protocol")


def test_two_of_another_protocol_are_a_ranking_of_their_own():
    k1 = Protocol(k=1)
    first, second = board(
        report("a"), report("b", 1), report("c", 2), report("d", 1, protocol=k1), report("e", protocol=k1)
    ).rankings
    assert (first.number, second.number, second.difference) == (1, 2, "other protocol")
    assert ranks(second) == [("e", 1, ""), ("d", 2, "")]
    assert all(len({(row.result.fingerprint, row.result.signature) for row in r.rows if row.rank}) == 1
               for r in (first, second))  # fmt: skip


def test_of_two_single_results_the_newer_is_ranked():
    (ranking,) = board(
        report("old", date="2026-01-01"), report("new", date="2026-02-01", protocol=Protocol(k=1))
    ).rankings
    assert ranks(ranking) == [("new", 1, ""), ("old", None, "other protocol")]


def test_published_numbers_are_never_ranked_and_stand_last_best_first():
    results = [result("a", nAP=0.1), published("Bad", nAP=0.2), published("Good", nAP=0.9), published("Count", MAE=1.0)]
    assert ranks(leaderboard(results).rankings[0]) == [
        ("a", 1, ""),
        ("Good", None, "published"),
        ("Bad", None, "published"),
        ("Count", None, "published"),
    ]


def test_published_numbers_alone_are_not_ranked():
    ranking = leaderboard([published(MAE=1.0)]).rankings[0]
    assert (ranking.by, ranks(ranking)) == (None, [("Old", None, "published")])


def test_datasets_are_ranked_apart_and_those_measured_come_first():
    made = leaderboard(
        [published(dataset="arena:test", MAE=1.0), result("a", "zoo:test", MAE=1.0), result("a", MAE=2.0)]
    )
    assert [(ranking.dataset, ranking.rows[0].rank) for ranking in made.rankings] == [
        ("toys:test", 1), ("zoo:test", 1), ("arena:test", None)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["toys", "toys:test"])
def test_the_dataset_filter_takes_the_name_with_and_without_its_split(name):
    made = leaderboard([result("a", MAE=1.0), result("a", "zoo:test", MAE=1.0)], dataset=name)
    assert [ranking.dataset for ranking in made.rankings] == ["toys:test"]


def test_an_unknown_dataset_gets_the_near_ones():
    with pytest.raises(UsageError, match="did you mean 'toys:test'"):
        leaderboard([result("a", MAE=1.0)], dataset="toys:tset")


def test_the_same_run_twice_keeps_the_newest_and_says_so():
    made = board(report("a", 1, date="2026-03-01T08:00:00Z"), report("a", date="2026-02-01"), report("b", 2))
    assert ranks(made.rankings[0]) == [("a", 1, ""), ("b", 2, "")]
    assert made.rankings[0].rows[0].result.origin == "0.json"
    (note,) = made.notes
    assert "kept 0.json (2026-03-01T08:00:00Z), left out 1.json (2026-02-01)" in note


def test_a_result_without_a_date_is_the_oldest():
    kept, _ = newest_results(measured_results([("z.json", report("a")), ("b.json", report("a", date="2026-01-01"))]))
    assert [each.origin for each in kept] == ["b.json"]


@pytest.mark.parametrize("key", ["revision", "config"])
def test_another_revision_or_configuration_is_another_result(key):
    made = board(report("a", **{key: "1"}), report("a", 1, **{key: "2"}))
    assert [row.rank for row in made.rankings[0].rows] == [1, 2]
    assert made.notes == ()


def test_names_fall_back_to_those_of_the_inputs():
    bare = evaluate(predictions(), annotations(), names=("preds", "gt.json"))
    (alone,) = measured_results([("r.json", bare)])
    assert (alone.model, alone.dataset) == ("preds", "gt.json")


def test_a_report_without_a_dataset_joins_those_of_the_same_true_points():
    bare = evaluate(predictions(1), annotations(), names=("preds.json", "../gt.json"))
    (ranking,) = board(bare, report("a")).rankings
    assert ranks(ranking) == [("a", 1, ""), ("preds", 2, "")]


def test_the_best_of_each_column_counts_rows_without_the_key_and_no_others():
    made = leaderboard(
        [result("a", nAP=0.1, MAE=2.0), result("b", nAP=0.2, MAE=3.0), result("c", MAE=1.0), published(MAE=0.1)]
    )
    assert {row.result.model: sorted(row.best) for row in made.rankings[0].rows} == {
        "b": ["nAP"], "a": [], "c": ["MAE"], "Old": []
    }  # fmt: skip


def test_a_column_of_one_has_no_best():
    assert leaderboard([result("a", MAE=1.0)]).rankings[0].rows[0].best == frozenset()


def test_columns_come_in_one_order_with_the_radius_in_their_names():
    names = ["Recall@8px", "F1@8px", "TP@8px", "NAE", "nAP", "nAP@0.5", "nAP@0.1", "RMSE", "MAE", "MAE[S]"]
    values = dict.fromkeys([*names, "Recall@sigma_l by level=A0", "Precision@8px"], 1.0)
    assert leaderboard([result("a", **values)]).columns == (
        "nAP@0.5", "nAP", "MAE", "RMSE", "NAE", "MAE[S]", "F1@8px", "Precision@8px", "Recall@8px"
    )  # fmt: skip


def test_the_order_of_the_reports_changes_nothing():
    reports = [(f"{n}.json", report(f"m{n}", n % 3)) for n in range(5)]
    forward, backward = (leaderboard(measured_results(order)) for order in (reports, reports[::-1]))
    assert ranks(forward.rankings[0]) == ranks(backward.rankings[0])
