"""The paired test behind the marks: the number in a column is what is tested, from evidence or exact tables."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from toy_reports import annotations, board, predictions, report

from crowdeval import Predictions, Protocol, evaluate, evidence_of, report_of, write_evidence
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.evaluation.report import EvidenceFile
from crowdeval.leaderboards.build import leaderboard
from crowdeval.leaderboards.results import measured_results
from crowdeval.statistics import ranked
from crowdeval.statistics.contributions import Source, contributions, is_testable, lacks_rows
from crowdeval.statistics.permutation import holm, paired_p_value, paired_test
from crowdeval.statistics.sums import Contributions as Terms

MANY = {f"i{n:02}": [[10.0 * x + n, 10.0 * y] for x in range(3) for y in range(1 + n % 3)] for n in range(24)}
EVERYTHING = Protocol(metrics=("nAP", "MAE", "RMSE", "NAE", "F1@4px", "Precision@4px", "Recall@4px"))


def tabled(model, missed=0, truth=MANY):
    return evaluate(
        predictions(missed, truth), annotations(truth), protocol=EVERYTHING, per_image=True,
        about={"model": model, "dataset": "many:test"},
    )  # fmt: skip


def source(made):
    return Source(made.per_image, None, made.protocol)


def alone(metric, made):
    """What the images of one model contribute."""
    own = made if isinstance(made, Source) else source(made)
    return contributions(metric, own, own)[0]


def noisy(seed, truth=MANY, *, ties=False):
    """True points moved, some lost, some made up, with confidences."""
    random = np.random.default_rng(seed)
    kept, scores = {}, []
    for name, xy in truth.items():
        points = np.reshape(xy, (-1, 2)) + random.normal(0, 2.5, (len(xy), 2))
        points = np.concatenate([points[random.random(len(points)) > 0.2], random.uniform(0, 40, (2, 2))])
        kept[name] = points
        scores.append(random.random(len(points)).round(1 if ties else 9))
    return Predictions(image_ids=list(kept), offsets=np.cumsum([0, *map(len, kept.values())]),
                       xy=np.concatenate(list(kept.values())), score=np.concatenate(scores))  # fmt: skip


def evident(seed, protocol, **options):
    return Source(None, evidence_of(noisy(seed, **options), annotations(MANY), protocol=protocol), protocol)


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
def test_the_statistic_of_a_table_is_the_metric_itself(metric):
    made = tabled("a", 1)
    assert alone(metric, made).value == pytest.approx(made[metric], rel=1e-12)


@pytest.mark.parametrize("area", ["area", "step", "coco101", "voc11"])
@pytest.mark.parametrize("pool", ["set", "image"])
@pytest.mark.parametrize("ties", [True, False])
def test_the_statistic_of_evidence_is_the_metric_itself(area, pool, ties):
    protocol = Protocol(metrics=("nAP", "nAP@0.3", "AP@6px", "L-AUC@1:1:9px", "MAE", "F1@4px"), ap=area, pool=pool)
    own = evident(3, protocol, ties=ties)
    made = report_of(own.evidence)
    for metric in ("nAP", "nAP@0.3", "AP@6px", "L-AUC@1:1:9px", "MAE", "F1@4px"):
        assert 0 < alone(metric, own).value == pytest.approx(made[metric], rel=1e-12)


@pytest.mark.parametrize("area", ["area", "voc11"])
def test_beyond_the_bins_the_sums_are_near_and_the_value_is_exact(monkeypatch, area):
    protocol = Protocol(metrics=("nAP",), ap=area)
    own = evident(3, protocol)
    exact = report_of(own.evidence)["nAP"]
    monkeypatch.setattr(ranked, "BINS", 40)
    terms = alone("nAP", own)
    assert terms.columns.shape == (24, 11 * 40)
    near = float(terms.statistic(terms.sums[None])[0])
    assert near == pytest.approx(exact, abs=0.05)
    assert near != exact
    assert terms.value == exact


def test_a_difference_whose_sign_the_sums_turn_round_is_no_difference():
    columns = np.array([[1.0, 0.0]] * 12 + [[0.0, 1.0]] * 12)
    a = Terms(columns, lambda sums: sums[:, 0])
    b = Terms(columns - 1.0, lambda sums: sums[:, 0])
    assert paired_p_value(a, b) < 0.001
    assert paired_p_value(replace(a, exact=0.1), replace(b, exact=0.2)) == 1.0


def test_swapped_images_give_the_metric_of_the_swapped_models():
    """One round of the test, by hand: the first half of the images from the one, the others from the other model."""
    protocol = Protocol(metrics=("nAP", "AP@6px", "RMSE"))
    a, b = evident(1, protocol), evident(2, protocol)
    for metric in ("nAP", "AP@6px", "RMSE"):
        first, second = contributions(metric, a, b)
        sums = first.columns[:12].sum(axis=0) + second.columns[12:].sum(axis=0)
        mixed = halves(noisy(1), noisy(2))
        expected = evaluate(mixed, annotations(MANY), protocol=protocol)[metric]
        assert first.statistic(sums[None].astype(float))[0] == pytest.approx(expected, rel=1e-12)


def halves(a, b):
    cut_a, cut_b = int(a.offsets[12]), int(b.offsets[12])
    return Predictions(
        image_ids=a.image_ids,
        offsets=np.concatenate([a.offsets[:13], b.offsets[13:] - cut_b + cut_a]),
        xy=np.concatenate([a.xy[:cut_a], b.xy[cut_b:]]),
        score=np.concatenate([a.score[:cut_a], b.score[cut_b:]]),
    )


@pytest.mark.parametrize("metric", ["MAE[S]", "RMSE[S]", "NAE[S]", "MAE by scene_level=1", "RMSE by count_quartile=q2"])
def test_levels_and_groups_are_tested_from_evidence(metric):
    protocol = Protocol(metrics=(metric.partition("=")[0],))
    true = replace(annotations(MANY), attributes={"scene_level": np.arange(24) % 5})
    sides = [Source(None, evidence_of(noisy(seed), true, protocol=protocol), protocol) for seed in (1, 2)]
    made = report_of(sides[0].evidence)
    name = metric if "quartile" not in metric else next(key for key in made.values if "=q2" in key)
    assert alone(name, sides[0]).value == pytest.approx(made[name], rel=1e-12)
    assert 0 < paired_test(name, *sides, rounds=99) <= 1
    assert lacks_rows(Source(made.per_image, None, protocol), name)


def test_images_are_paired_by_id_and_not_by_row():
    a, b = tabled("a", 2), tabled("b", 2, dict(reversed(MANY.items())))
    assert a.per_image["image"][0] == b.per_image["image"][-1] != b.per_image["image"][0]
    for metric in ("NAE", "F1@4px"):
        first, second = contributions(metric, source(a), source(b))
        np.testing.assert_array_equal(first.columns, second.columns)
        assert len(np.unique(first.columns[:, 0])) > 1
    protocol = Protocol(metrics=("nAP",))
    sets = [
        Source(None, evidence_of(predictions(1, truth), annotations(truth), protocol=protocol), protocol)
        for truth in (MANY, dict(reversed(MANY.items())))
    ]
    first, second = contributions("nAP", *sets)
    np.testing.assert_array_equal(first.columns, second.columns)
    assert len(np.unique(first.columns.sum(axis=1))) > 1


def test_what_is_not_there_is_not_tested():
    assert contributions("MAE", source(report("a")), source(report("b"))) is None
    assert contributions("F1@8px", source(tabled("a")), source(tabled("b"))) is None
    assert contributions("nAP", source(tabled("a")), source(tabled("b"))) is None, "a table can't rebuild the pool"
    assert math.isnan(paired_test("nAP@0.7", evident(1, Protocol()), evident(2, Protocol())))
    few = {name: MANY[name] for name in list(MANY)[:9]}
    assert math.isnan(paired_test("MAE", source(tabled("a")), source(tabled("b", truth=few))))
    assert not is_testable("MLE@16px")


def test_p_values_of_nap_are_uniform_without_a_difference():
    protocol = Protocol(metrics=("nAP@0.4",))
    found = [
        paired_test("nAP@0.4", evident(2 * n, protocol), evident(2 * n + 1, protocol), rounds=200) for n in range(120)
    ]
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.07)
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


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


def shelved(folder, model, found, truth, protocol):
    """A report that names the evidence beside it, as `score --evidence` writes it."""
    made, evidence = report_and_evidence(
        found, truth, protocol=protocol, about={"model": model, "dataset": "many:test"}
    )
    digest = write_evidence(evidence, folder / f"{model}.arrow")
    return str(folder / f"{model}.json"), replace(made, evidence=EvidenceFile(f"{model}.arrow", digest))


def opposed():
    """Two models: pooled, the second is far better; image by image the first is."""
    truth = {f"i{n:02}": [[float(x * 50), 0.0] for x in range(50 if n == 0 else 1)] for n in range(40)}
    first = {name: (xy if name != "i00" else xy[:1], 0.9) for name, xy in truth.items()}
    second = {name: (xy if name == "i00" or n > 8 else [], 0.9) for n, (name, xy) in enumerate(truth.items())}
    return truth, *(
        Predictions(image_ids=list(sides), offsets=np.cumsum([0, *(len(xy) for xy, _ in sides.values())]),
                    xy=np.concatenate([np.reshape(xy, (-1, 2)) for xy, _ in sides.values()]),
                    score=np.concatenate([np.full(len(xy), score) for xy, score in sides.values()]))
        for sides in (first, second)
    )  # fmt: skip


def test_a_mark_tests_the_number_in_its_column(tmp_path):
    truth, first, second = opposed()
    by_pool = {}
    for pool in ("set", "image"):
        protocol = Protocol(metrics=("nAP@0.5",), lone="9", pool=pool)
        pair = [shelved(tmp_path, name, found, annotations(truth), protocol)
                for name, found in (("first", first), ("second", second))]  # fmt: skip
        rows = leaderboard(measured_results(pair), significance=True).rankings[0].rows
        by_pool[pool] = [row.result.model for row in rows]
        assert rows[1].p_values["nAP@0.5"] == paired_test("nAP@0.5", *(evidence_beside_of(pair, n) for n in (0, 1)))
    assert by_pool == {"set": ["second", "first"], "image": ["first", "second"]}


def evidence_beside_of(pair, n):
    from crowdeval.evaluation.parts import evidence_beside

    file, made = pair[n]
    return Source(None, evidence_beside(made.evidence, file), made.protocol)


def test_without_evidence_nap_has_no_mark_and_one_line_says_how_to_get_it():
    made = board(tabled("best"), tabled("worse", 1), significance=True)
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
    assert board(tabled("best"), tabled("worse", 1)).rankings[0].rows[1].p_values == {}
