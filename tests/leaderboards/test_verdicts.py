"""Verdicts on a leaderboard: the number in a column is what is compared, from evidence or exact tables."""

from dataclasses import replace

import numpy as np
import pytest
from toy_reports import annotations, board, predictions

from crowdeval import Predictions, Protocol, compare, evaluate, write_evidence
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.evaluation.report import EvidenceFile
from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.gather import build_leaderboard
from crowdeval.leaderboards.results import measured_results
from crowdeval.leaderboards.verdicts import evidence_of_table
from crowdeval.statistics.certainty import Resampling, certainty_of

MANY = {f"i{n:02}": [[10.0 * x + n, 10.0 * y] for x in range(3) for y in range(1 + n % 3)] for n in range(24)}
EVERYTHING = Protocol(metrics=("nAP", "MAE", "RMSE", "NAE", "F1@4px", "Precision@4px", "Recall@4px"))


def tabled(model, missed=0, truth=MANY):
    return evaluate(
        predictions(missed, truth), annotations(truth), protocol=EVERYTHING, per_image=True,
        about={"model": model, "dataset": "many:test"},
    )  # fmt: skip


def noisy(seed, *, lost=0.2, truth=MANY):
    """True points moved, some lost, some made up, with confidences."""
    random = np.random.default_rng(seed)
    kept, scores = {}, []
    for name, xy in truth.items():
        points = np.reshape(xy, (-1, 2)) + random.normal(0, 2.5, (len(xy), 2))
        points = np.concatenate([points[random.random(len(points)) > lost], random.uniform(0, 40, (2, 2))])
        kept[name] = points
        scores.append(random.random(len(points)).round(9))
    return Predictions(image_ids=list(kept), offsets=np.cumsum([0, *map(len, kept.values())]),
                       xy=np.concatenate(list(kept.values())), score=np.concatenate(scores))  # fmt: skip


def shelved(folder, model, found, truth, protocol):
    """A report that names the evidence beside it, as `score --evidence` writes it."""
    made, evidence = report_and_evidence(
        found, truth, protocol=protocol, about={"model": model, "dataset": "many:test"}
    )
    digest = write_evidence(evidence, folder / f"{model}.arrow")
    return str(folder / f"{model}.json"), replace(made, evidence=EvidenceFile(f"{model}.arrow", digest))


def thinned(model, share, seed=0):
    """A share of the people of every image is missed."""
    random = np.random.default_rng(seed)
    found = {name: xy[: len(xy) - int(random.binomial(len(xy), share))] for name, xy in MANY.items()}
    return evaluate(
        Predictions.from_images(found), annotations(MANY), protocol=EVERYTHING, per_image=True,
        about={"model": model, "dataset": "many:test"},
    )  # fmt: skip


def test_rows_are_marked_against_the_best_of_their_ranking_and_share_ranks():
    made = board(thinned("best", 0.1), thinned("near", 0.15, 1), thinned("worse", 0.7, 2), significance=True)
    rows = {row.result.model: row for row in made.rankings[0].rows}
    assert {name: row.differs("MAE") for name, row in rows.items()} == {"best": None, "near": False, "worse": True}
    assert rows["worse"].verdicts["MAE"].verdict == "worse"
    made = board(thinned("best", 0.1), thinned("near", 0.15, 1), thinned("worse", 0.7, 2), significance=True, by="MAE")
    assert [row.ranks for row in made.rankings[0].rows] == [(1, 2), (1, 2), (3, 3)]


def test_a_mark_is_the_verdict_of_compare_on_the_number_in_its_column(tmp_path):
    for pool in ("set", "image"):
        protocol = Protocol(metrics=("nAP", "MAE"), pool=pool)
        pair = [shelved(tmp_path, name, noisy(n, lost=lost), annotations(MANY), protocol)
                for n, (name, lost) in enumerate((("first", 0.1), ("second", 0.5)))]  # fmt: skip
        rows = leaderboard(measured_results(pair), significance=True).rankings[0].rows
        files = [str(tmp_path / f"{row.result.model}.arrow") for row in (rows[1], rows[0])]
        direct = compare(*files, metrics=["nAP", "MAE"])
        for metric in ("nAP", "MAE"):
            own = rows[1].verdicts[metric]
            assert own.difference == pytest.approx(direct[metric].difference, abs=1e-15)
            assert own.interval == pytest.approx(direct[metric].interval, rel=1e-9)
            assert (own.p, own.verdict) == (direct[metric].p, direct[metric].verdict)
        assert rows[1].verdicts["nAP"].verdict == "worse"


def test_all_pairs_count_in_the_correction(tmp_path):
    protocol = Protocol(metrics=("MAE",))
    made = [shelved(tmp_path, f"m{n}", noisy(n, lost=0.1 + 0.05 * n), annotations(MANY), protocol) for n in range(4)]
    rows = leaderboard(measured_results(made), significance=True).rankings[0].rows
    alone = leaderboard(measured_results([made[0], made[2]]), significance=True).rankings[0].rows
    by_name = {row.result.model: row for row in rows}
    assert by_name[alone[1].result.model].p_values["MAE"] > alone[1].p_values["MAE"]


def test_without_evidence_nap_has_no_mark_and_one_line_says_how_to_get_it():
    made = board(thinned("best", 0.1), thinned("worse", 0.7, 2), significance=True)
    worse = made.rankings[0].rows[1]
    assert (worse.differs("nAP"), worse.differs("MAE")) == (None, True)
    (note,) = made.notes
    assert "nAP not tested for 'best', 'worse': no evidence" in note
    assert "--evidence FILE" in note


def test_evidence_that_was_changed_since_is_not_believed(tmp_path):
    pair = [shelved(tmp_path, name, noisy(n), annotations(MANY), Protocol(metrics=("nAP",)))
            for n, name in enumerate("ab")]  # fmt: skip
    (tmp_path / "a.arrow").write_bytes((tmp_path / "b.arrow").read_bytes())
    made = leaderboard(measured_results(pair), significance=True)
    assert made.rankings[0].rows[1].p_values == {}
    assert any("a.arrow" in note and "has changed since" in note for note in made.notes)


def test_a_report_without_a_table_has_no_mark_and_is_named():
    bare = evaluate(predictions(1, MANY), annotations(MANY), protocol=EVERYTHING,
                    about={"model": "bare", "dataset": "many:test"})  # fmt: skip
    made = board(tabled("best"), bare, significance=True)
    assert all(row.differs("MAE") is None for row in made.rankings[0].rows)
    assert any("'bare'" in note and "MAE" in note for note in made.notes)


def test_nothing_is_tested_unasked():
    row = board(tabled("best"), tabled("worse", 1)).rankings[0].rows[1]
    assert (row.p_values, row.ranks, row.intervals) == ({}, None, {})


def test_a_table_gives_the_intervals_of_evidence():
    names = ("MAE", "RMSE", "NAE", "F1@4px", "Precision@4px", "Recall@4px")
    made, evidence = report_and_evidence(noisy(1), annotations(MANY), protocol=EVERYTHING, per_image=True)
    values = {name: made[name] for name in names}
    sure = [certainty_of(own, values, EVERYTHING, Resampling(level=0.9))
            for own in (evidence, evidence_of_table(made.per_image))]  # fmt: skip
    assert sure[0] == sure[1]


def test_intervals_stand_behind_the_numbers_in_every_form():
    made = [
        replace(thinned(name, n), about={"model": name, "dataset": "many:test"}) for name, n in (("a", 0.2), ("b", 0.4))
    ]
    shown = build_leaderboard({report.about["model"]: report for report in made}, ci=0.9, by="MAE")
    own = shown.rankings[0].rows[0].intervals["MAE"]
    assert own.low < shown.rankings[0].rows[0].result.values["MAE"] < own.high
    assert f"[{own.low:.2f}, {own.high:.2f}]" in shown.text("markdown")
    assert "90% confidence interval" in shown.text()
    head, first, *_ = shown.text("csv").splitlines()
    assert "low MAE,high MAE" in head
    assert str(own.low) in first


def test_seeds_of_a_model_are_one_row_with_both_spreads(tmp_path):
    protocol = Protocol(metrics=("nAP", "MAE"))
    made = []
    for model, lost in (("ours", 0.1), ("base", 0.5)):
        for seed in range(3):
            file, report = shelved(tmp_path, f"{model}{seed}", noisy(seed, lost=lost), annotations(MANY), protocol)
            made.append((file, replace(report, about={**report.about, "model": model, "revision": f"s{seed}"})))
    shown = leaderboard(measured_results(made), seeds=True, significance=True)
    rows = {row.result.model: row for row in shown.rankings[0].rows}
    assert set(rows) == {"ours", "base"}
    own = [report["nAP"] for file, report in made if report.about["model"] == "ours"]
    ours = rows["ours"]
    assert ours.result.values["nAP"] == pytest.approx(np.mean(own), abs=1e-15)
    assert ours.result.spread("nAP") == pytest.approx(np.std(own, ddof=1), rel=1e-12)
    # The error of a mean over seeds is that of the mean of the images' changes; it is no larger than the largest.
    files = [evidence_of_file(tmp_path, f"ours{seed}") for seed in range(3)]
    single = [certainty_of(file, {"nAP": value}, protocol, Resampling()).errors["nAP"]
              for file, value in zip(files, own, strict=True)]  # fmt: skip
    assert 0 < ours.errors["nAP"] <= max(single)
    assert rows["base"].verdicts["nAP"].verdict == "worse"
    text = shown.text()
    assert "ours (3 seeds)" in text
    assert f"{ours.result.values['nAP']:.4f} s {ours.result.spread('nAP'):.4f} ± {ours.errors['nAP']:.4f}" in text


def evidence_of_file(folder, name):
    from crowdeval import read_evidence

    return read_evidence(folder / f"{name}.arrow")


def test_the_mean_of_one_system_with_itself_is_that_system(tmp_path):
    from crowdeval.statistics.averaged import averaged
    from crowdeval.statistics.certainty import intervals_of
    from crowdeval.statistics.influence import errors_of
    from crowdeval.statistics.quantities import numbers_of

    made, evidence = report_and_evidence(noisy(1), annotations(MANY), protocol=Protocol(metrics=("nAP", "MAE")))
    one = numbers_of(evidence, made.values, made.protocol)
    both = averaged([one, one])
    assert errors_of(both) == errors_of(one)
    surely = Resampling(level=0.9)
    assert intervals_of(both, ["nAP", "MAE"], surely) == intervals_of(one, ["nAP", "MAE"], surely)
