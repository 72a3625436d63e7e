"""Comparable results: those with equal columns and options, of those that the metric reads."""

from dataclasses import replace

import numpy as np
import pytest
from toy_reports import TRUTH, annotations, board, predictions, report

from crowdeval import Annotations, Predictions, Protocol, Report, evaluate
from crowdeval.evaluation.sides import comparison_key
from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.results import measured_results
from crowdeval.render.leaderboard import FORMS


def made(model, truth, metrics, *, missed=0, **options):
    return evaluate(
        predictions(missed), truth, protocol=Protocol(metrics=metrics, **options),
        about={"model": model, "dataset": "toys:test"},
    )  # fmt: skip


def ranks(ranking):
    return [(row.result.model, row.rank, row.reason) for row in ranking.rows]


def with_(**columns):
    return replace(annotations(), **columns)


def sized(side):
    return with_(sizes=np.full((3, 2), float(side)))


def attribute(name, *values):
    return with_(attributes={name: np.array(values)})


def radii(*small):
    own = np.array(small, dtype=float)
    return with_(radii=np.stack([own, own + 3], axis=1))


def backwards():
    """Return annotations with the true points of each image in the opposite order."""
    own = annotations()
    rows = np.concatenate([np.arange(*own.offsets[i : i + 2])[::-1] for i in range(3)])
    side = np.full(9, 4.0)
    boxes = np.concatenate([own.xy[rows] - side[:, None], own.xy[rows] + side[:, None]], axis=1)
    return replace(own, xy=own.xy[rows], boxes=boxes)


def forwards():
    return replace(annotations(), boxes=np.concatenate([annotations().xy - 4, annotations().xy + 4], axis=1))


UNLIKE = [
    # metric, options, two test sets that are different for it, and the reason in the row
    ("nAP", {"lone": "diagonal"}, sized(100), sized(400), "other sizes"),
    ("MAE[S]", {}, attribute("scene_level", 0, 1, 1), attribute("scene_level", 0, 1, 2), "other attribute scene_level"),
    ("MAE by place", {}, attribute("place", "a", "b", "b"), attribute("place", "a", "b", "c"), "other attribute place"),
    ("MAE by jhu_level", {}, attribute("label_count", 1, 60, 1), attribute("label_count", 1, 60, 600),
     "other attribute label_count"),
    ("F1@sigma_l", {}, radii(*[4] * 9), radii(*[9] * 9), "other radii"),
    ("Recall@sigma_l by level", {}, replace(radii(*[4] * 9), level=np.zeros(9, int)),
     replace(radii(*[4] * 9), level=np.arange(9) % 6), "other levels"),
    ("Recall@sigma_l by level", {}, forwards(), backwards(), "other order"),
    ("nAP", {"off_image": "drop"}, sized(100), sized(400), "other sizes"),
    ("nAP", {"off_image": "drop"}, sized(100), sized(30), "other test set"),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "options", "one", "other", "reason"), UNLIKE)
def test_what_a_metric_reads_parts_rankings(metric, options, one, other, reason):
    (ranking,) = board(
        made("a", one, (metric,), **options), made("b", one, (metric,), missed=1, **options),
        made("c", other, (metric,), **options),
    ).rankings  # fmt: skip
    assert [row[1] for row in ranks(ranking)] == [1, 2, None]
    assert ranks(ranking)[-1][0] == "c"
    assert reason in ranks(ranking)[-1][2]


@pytest.mark.parametrize(("metric", "options", "one", "other", "_"), UNLIKE)
def test_what_it_does_not_read_does_not(metric, options, one, other, _):
    if options.get("off_image") == "drop" or one.xy.tolist() != other.xy.tolist():
        pytest.skip("the points themselves differ")
    (ranking,) = board(made("a", one, ("MAE",)), made("b", other, ("MAE",), missed=1)).rankings
    assert ranks(ranking) == [("a", 1, ""), ("b", 2, "")]


def test_results_equal_in_what_the_key_reads_are_one_ranking_whatever_else_was_asked_for():
    truth = annotations()
    (ranking,) = board(
        made("a", truth, ("nAP", "MAE")), made("b", truth, ("MAE", "nAP"), missed=1),
        made("c", truth, ("nAP", "F1@4px"), missed=1, count_threshold=0.9), report("d"),
    ).rankings  # fmt: skip
    assert ranks(ranking) == [("a", 1, ""), ("d", 1, ""), ("b", 3, ""), ("c", 3, "")]


def test_two_that_were_asked_for_other_metrics_are_ranked_by_their_own_key():
    truth = annotations()
    counted = [made(model, truth, ("F1@4px", "MAE"), missed=n) for n, model in enumerate("xy")]
    first, second = board(report("a"), report("b", 1), *counted).rankings
    assert ranks(first) == [("a", 1, ""), ("b", 2, "")]
    assert (second.by, second.difference) == ("F1@4px", "other metrics")
    assert [row.rank for row in second.rows] == [1, 2]
    (ranking,) = board(report("a"), report("b", 1), counted[0]).rankings
    assert ranks(ranking)[-1] == ("x", None, "no nAP")
    (ranking,) = board(report("a"), report("b", 1), *counted, by="MAE").rankings
    assert [row.rank for row in ranking.rows] == [1, 1, 3, 3]


def test_an_option_that_the_key_does_not_read_parts_the_other_cells_only():
    truth, half = annotations(), Protocol(metrics=("nAP", "MAE"), count_threshold=0.95)
    scored = Predictions(image_ids=truth.image_ids, offsets=truth.offsets, xy=truth.xy, score=np.full(9, 0.9))
    pair = [
        evaluate(scored, truth, protocol=protocol, about={"model": model, "dataset": "toys:test"})
        for model, protocol in (("a", replace(half, count_threshold=0.5)), ("b", half), ("c", half))
    ]
    assert [each["MAE"] for each in pair] == [0, 3, 3]
    rows = board(*pair).rankings[0].rows
    assert [(row.result.model, row.rank) for row in rows] == [("a", 1), ("b", 1), ("c", 1)]
    assert ["MAE" in row.comparable for row in rows] == [True, False, False]
    assert ["nAP" in row.best for row in rows] == [True] * 3
    assert ["MAE" in row.best for row in rows] == [False] * 3, "one comparable cell is not the best of anything"
    text = FORMS["markdown"](board(*pair))
    assert text.count("(3.00)") == 2
    assert "In brackets: not comparable" in text
    assert "(" not in next(line for line in text.splitlines() if line.startswith("| 1 | a"))


def test_cells_in_brackets_are_not_tested():
    truth = annotations()
    reports = [
        evaluate(predictions(n), truth, protocol=Protocol(metrics=("nAP", "MAE"), count_threshold=t), per_image=True,
                 about={"model": m, "dataset": "toys:test"})
        for m, n, t in (("a", 0, 0.5), ("b", 1, 0.5), ("c", 2, 0.25))
    ]  # fmt: skip
    rows = (
        leaderboard(measured_results((f"{n}.json", r) for n, r in enumerate(reports)), significance=True)
        .rankings[0]
        .rows
    )
    assert [row.differs("MAE") is None for row in rows] == [True, False, True]


def old(made):
    """Return the report as revision 1 wrote it."""
    protocol = replace(made.protocol, revision=1)
    sides = [replace(side, hashes={}) for side in (made.predictions, made.annotations)]
    return replace(made, protocol=protocol, predictions=sides[0], annotations=sides[1])


def test_an_earlier_revision_is_ranked_only_with_its_own():
    first, second = board(report("a"), report("b", 1), report("e"), old(report("c")), old(report("d", 1))).rankings
    assert [row.result.model for row in first.rows] == ["a", "e", "b"]
    assert (second.difference, ranks(second)) == ("crowdeval@1", [("c", 1, ""), ("d", 2, "")])
    (ranking,) = board(report("a"), report("b", 1), old(report("c"))).rankings
    assert ranks(ranking)[-1] == ("c", None, "crowdeval@1")
    other = {**TRUTH, "c": [[1, 1], [8, 1]]}
    (ranking,) = board(report("a"), report("b", 1), old(report("c", truth=other))).rankings
    assert ranks(ranking)[-1] == ("c", None, "other test set, crowdeval@1")


def test_of_one_run_the_newest_revision_is_shown():
    pair = [("run/report-1.json", old(report("a", 1))), ("run/report-2.json", report("a"))]
    (ranking,) = leaderboard(measured_results(pair)).rankings
    assert [(row.result.origin, row.rank) for row in ranking.rows] == [("run/report-2.json", 1)]
    apart = [("one/report-1.json", old(report("a", 1))), ("two/report-2.json", report("a"))]
    assert len(leaderboard(measured_results(apart)).rankings[0].rows) == 2


def test_duplicates_are_judged_by_what_the_key_reads():
    pair = [report("a", 1, date="2026-01-01"), made("a", annotations(), ("MAE", "nAP"))]
    pair[1] = replace(pair[1], about={**pair[1].about, "date": "2026-02-01"})
    board_ = board(*pair)
    assert [(row.result.origin, row.rank) for row in board_.rankings[0].rows] == [("1.json", 1)]
    assert "scored more than once" in board_.notes[0]
    without = replace(made("a", annotations(), ("MAE",)), about={**pair[1].about, "date": "2026-03-01"})
    kept = board(*pair, without).rankings[0].rows
    assert [(row.result.origin, row.rank) for row in kept] == [("1.json", 1), ("2.json", None)]


def test_hashes_survive_the_file():
    own = report("a")
    back = Report.from_json(own.to_json())
    assert back.annotations.hashes == own.annotations.hashes != {}
    assert comparison_key("nAP", back.signature, back.annotations) == comparison_key(
        "nAP", own.signature, own.annotations
    )


def test_the_fingerprint_is_the_one_of_before():
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], sizes=[[5.0, 5.0]])
    found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]], score=[0.5])
    own = evaluate(found, truth)
    assert (own.predictions.fingerprint, own.annotations.fingerprint) == (found.fingerprint, truth.fingerprint)
    assert replace(truth, sizes=None).fingerprint == truth.fingerprint
