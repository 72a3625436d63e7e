"""Differences: p against all swaps counted, both sides alike, verdicts by both rules, ranks and letters."""

import itertools
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_samples import counted, crowd_of, numbers

from crowdeval import Annotations, Predictions, Protocol, compare, concatenated, evaluate, evidence_of
from crowdeval.errors import AlignmentError, UsageError
from crowdeval.statistics import comparison
from crowdeval.statistics.comparison import Difference, differences, holm, letters, ranks

settings_of = comparison.Testing  # pytest would collect a class of this name


def compared(true, metric="MAE", *, testing=None, clusters=None, **estimated):
    own = {name: numbers(counted(values, true), metric, clusters=clusters) for name, values in estimated.items()}
    return differences(own, [metric], testing or settings_of())[metric]


def all_swaps(first, second, statistic):
    """The p-value by every swap of every image."""
    observed = abs(statistic(first) - statistic(second))
    reached = 0
    for swaps in itertools.product([False, True], repeat=len(first)):
        a = [y if swap else x for x, y, swap in zip(first, second, swaps, strict=True)]
        b = [x if swap else y for x, y, swap in zip(first, second, swaps, strict=True)]
        reached += abs(statistic(a) - statistic(b)) >= observed - 1e-9
    return reached / 2 ** len(first)


STATISTICS = {
    "MAE": lambda pairs: np.mean([abs(z - t) for z, t in pairs]),
    "RMSE": lambda pairs: math.sqrt(np.mean([(z - t) ** 2 for z, t in pairs])),
    "NAE": lambda pairs: np.mean([abs(z - t) / t for z, t in pairs if t]),
    "bias": lambda pairs: np.mean([z - t for z, t in pairs]),
}


@pytest.mark.parametrize("metric", STATISTICS)
@pytest.mark.parametrize("seed", [0, 1])
def test_p_is_that_of_all_swaps_counted(metric, seed):
    random = np.random.default_rng(seed)
    true = [0, *random.integers(5, 40, 8).tolist()]
    a, b = ((np.array(true) + random.integers(-9, spread, 9)).clip(0).tolist() for spread in (6, 12))
    [pair] = compared(true, metric, a=a, b=b)
    expected = all_swaps(list(zip(a, true, strict=True)), list(zip(b, true, strict=True)), STATISTICS[metric])
    assert pair.p == pytest.approx(expected, abs=0.02)


def test_p_of_a_ranked_list_is_near_that_of_all_swaps_counted():
    """Swapped sets scored from scratch: equal bins stand for equal confidences."""
    (a, truth), (b, _) = crowd_of(7, 12, 1), crowd_of(7, 12, 2)
    protocol = Protocol(metrics=("nAP@0.5",))

    def value(swaps):
        picked = [(b if swap else a).take(np.array([n])) for n, swap in enumerate(swaps)]
        return evaluate(concatenated(picked), truth, protocol=protocol)["nAP@0.5"]

    pairs = {swaps: value(swaps) for swaps in itertools.product([False, True], repeat=7)}
    turned = {swaps: own - pairs[tuple(not swap for swap in swaps)] for swaps, own in pairs.items()}
    observed = abs(turned[(False,) * 7])
    expected = np.mean([abs(own) >= observed - 1e-9 for own in turned.values()])
    [pair] = differences({"a": numbers((a, truth), "nAP@0.5"), "b": numbers((b, truth), "nAP@0.5")},
                         ["nAP@0.5"], settings_of())["nAP@0.5"]  # fmt: skip
    assert pair.p == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("bins", [10, 200])
def test_rounds_begin_with_the_sample_and_end_with_the_other_side(bins):
    (a, truth), (b, _) = crowd_of(20, 12, 1), crowd_of(20, 12, 2)
    own, other = (numbers((side, truth), "nAP", "AP@8px", "F1@8px", bins=bins) for side in (a, b))
    every = np.stack([np.zeros(20), np.ones(20)])
    for key, number in own.by_key.items():
        if key not in ("nAP", "AP@8px", "F1@8px"):
            continue
        first, second = number.sums.swapped(other.by_key[key].sums, every, [key])[key]
        bound = number.sums.bound(key) + other.by_key[key].sums.bound(key) + 0.005
        assert first[0] == pytest.approx(number.value, abs=bound)
        assert second[0] == pytest.approx(other.by_key[key].value, abs=bound)
        assert (first[1], second[1]) == (pytest.approx(second[0]), pytest.approx(first[0]))


def test_a_difference_that_bins_do_not_see_is_no_difference():
    """Two systems whose rankings differ inside the bins only: the rounds are all equal, and say nothing."""
    found, truth = crowd_of(30, 20, 3)
    order = np.argsort(-found.score)
    score = found.score.copy()
    score[order[:-1:2]], score[order[1::2]] = found.score[order[1::2]], found.score[order[:-1:2]]
    other = replace(found, score=score)
    own = {name: numbers((side, truth), "nAP@0.5", bins=5) for name, side in (("a", found), ("b", other))}
    assert own["a"].by_key["nAP@0.5"].value != own["b"].by_key["nAP@0.5"].value
    [pair] = differences(own, ["nAP@0.5"], settings_of())["nAP@0.5"]
    assert (pair.p > 0.5, pair.verdict) == (True, "undecided")


def noisy(images=60, seed=0):
    random = np.random.default_rng(seed)
    true = random.integers(20, 200, images)
    return true, {name: true + random.normal(0, spread, images).round().clip(-20) for name, spread in
                  (("near", 5), ("far", 25), ("middle", 6))}  # fmt: skip


@pytest.mark.parametrize("metric", ["MAE", "RMSE", "NAE", "bias"])
def test_a_against_b_mirrors_b_against_a(metric):
    true, own = noisy()
    [there] = compared(true, metric, a=own["near"], b=own["far"])
    [back] = compared(true, metric, b=own["far"], a=own["near"])
    assert back == there.reversed
    assert back.reversed == there
    assert (there.verdict, back.verdict) in (("better", "worse"), ("undecided", "undecided"))
    assert back.interval == (-there.interval[1], -there.interval[0])


def test_a_ranked_list_mirrors_too():
    (a, truth), (b, _) = crowd_of(25, 15, 1), crowd_of(25, 15, 2)
    own = {name: numbers((side, truth), "nAP", "nAP@0.5") for name, side in (("a", a), ("b", b))}
    for key in ("nAP", "nAP@0.5"):
        [there] = differences(own, [key], settings_of(resamples=200, rounds=500))[key]
        [back] = differences(dict(reversed(own.items())), [key], settings_of(resamples=200, rounds=500))[key]
        assert (back.p, back.verdict, back.effective) == (there.p, there.reversed.verdict, there.effective)
        assert back.difference == -there.difference
        assert back.interval == pytest.approx(there.reversed.interval, abs=1e-14)


def test_the_interval_of_a_difference_is_symmetric_around_it():
    true, own = noisy()
    [pair] = compared(true, a=own["near"], b=own["middle"])
    low, high = pair.interval
    assert (low + high) / 2 == pytest.approx(pair.difference)
    change = np.abs(own["near"] - true) - np.abs(own["middle"] - true)
    assert pair.difference == pytest.approx(change.mean())
    assert pair.error == pytest.approx(change.std(ddof=1) / math.sqrt(60), rel=1e-9)
    # Student's t of 59 degrees is 2.0 for 95%, and 0.84 is the normal quantile of 80%.
    assert high - pair.difference == pytest.approx(2.0 * pair.error, rel=0.1)
    assert pair.detectable == pytest.approx(high - pair.difference + 0.84 * pair.error)


def test_better_is_what_the_metric_says():
    true, own = noisy()
    assert [pair.verdict for pair in compared(true, a=own["near"], b=own["far"])] == ["better"]
    assert [pair.verdict for pair in compared(true, a=own["far"], b=own["near"])] == ["worse"]
    predictions, truth = crowd_of(40, 20)
    rows = np.arange(len(predictions.xy)) % 3 > 0
    both = {"all": predictions, "some": predictions.where(rows)}
    result = compare(both, truth, protocol=["Recall@8px", "nAP"])
    assert [result[key].verdict for key in ("Recall@8px", "nAP")] == ["better", "better"]


def test_bias_has_no_verdict():
    true, own = noisy()
    [pair] = compared(true, "bias", a=own["near"] + 50, b=own["near"] + np.arange(60) % 3)
    assert pair.p < 0.001
    assert not pair.interval[0] <= 0 <= pair.interval[1]
    assert (pair.verdict, pair.reason) == ("undecided", "neither higher nor lower values are better")


@pytest.mark.parametrize(("p", "interval", "verdict"), [
    (0.01, (-3.0, -1.0), "better"), (0.06, (-3.0, -1.0), "undecided"), (0.01, (-3.0, 1.0), "undecided"),
    (0.01, (-3.0, 0.0), "undecided"), (0.01, (1.0, 3.0), "worse"), (0.05, (-3.0, -1.0), "undecided"),
])  # fmt: skip
def test_a_verdict_needs_both_the_interval_and_p(p, interval, verdict):
    from crowdeval.statistics.comparison import _corrected

    apart = not interval[0] <= 0 <= interval[1]
    pair = Difference(a="a", b="b", difference=sum(interval) / 2, interval=interval, p=p, apart=apart)
    assert _corrected("MAE", [pair])[0].verdict == verdict


def test_p_is_corrected_over_all_pairs():
    true, own = noisy()
    pairs = compared(true, **own)
    alone = [compared(true, **{name: own[name] for name in (pair.a, pair.b)})[0] for pair in pairs]
    assert [pair.p for pair in pairs] == pytest.approx(holm([pair.p for pair in alone]))
    assert [pair.interval for pair in pairs] == [pair.interval for pair in alone]


def test_holm_by_hand():
    assert holm([0.01, math.nan, 0.04, 0.5]) == pytest.approx([0.03, math.nan, 0.08, 0.5], nan_ok=True)
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("margin", "verdict"), [(5.0, "equivalent"), (0.2, "undecided"), (math.nan, "undecided")])
def test_equivalent_needs_a_margin_around_the_interval(margin, verdict):
    true, own = noisy(100)
    [pair] = compared(true, a=own["near"], b=own["middle"], testing=settings_of(margins={"MAE": margin}))
    assert pair.effective > 20
    assert pair.verdict == verdict


def test_a_found_difference_inside_the_margin_is_equivalent():
    true, own = noisy()
    [pair] = compared(true, a=own["near"], b=own["far"], testing=settings_of(margins={"MAE": 100.0}))
    assert (pair.p < 0.001, pair.interval[1] < 0, pair.verdict) == (True, True, "equivalent")


def test_few_effective_images_are_never_equivalent():
    true = np.full(40, 50)
    a, b = true + np.arange(40) % 2, true + np.arange(40) % 3
    a[0] += 30
    [pair] = compared(true, a=a, b=b, testing=settings_of(margins={"MAE": 1000.0}))
    assert pair.effective < 10
    assert (pair.verdict, pair.reliable) == ("undecided", "no")
    assert (pair.influence.image, pair.influence.share > 0.8) == ("i000", True)


@pytest.mark.parametrize(("images", "decided"), [(5, False), (6, True)])
def test_fewer_than_six_images_give_no_verdict(images, decided):
    true = [100] * images
    a, b = [100 + n % 2 for n in range(images)], [150 + 7 * n for n in range(images)]
    [pair] = compared(true, a=a, b=b)
    if not decided:
        assert (pair.verdict, "fewer than 6" in pair.reason) == ("undecided", True)
    assert pair.p == pytest.approx(2 / 2**images, abs=0.01)


def test_five_images_give_no_equivalence_either():
    true = list(range(30, 35))
    [pair] = compared(true, a=[t + n % 2 for n, t in enumerate(true)], b=[t + n % 3 for n, t in enumerate(true)],
                      testing=settings_of(margins={"MAE": 1e6}))  # fmt: skip
    assert pair.verdict == "undecided"


def test_identical_systems_do_not_differ():
    true, own = noisy()
    [pair] = compared(true, a=own["far"], b=own["far"])
    assert (pair.difference, pair.p, pair.verdict, pair.interval) == (0.0, 1.0, "undecided", None)
    assert pair.reason == "the difference is equal on all images"
    found, truth = crowd_of(10, 9)
    result = compare({"a": found, "b": found}, truth)
    assert {pair.p for pairs in result.metrics.values() for pair in pairs} == {1.0}
    assert {pair.verdict for pairs in result.metrics.values() for pair in pairs} == {"undecided"}


@settings(max_examples=60)
@given(data=st.data(), names=st.integers(2, 7))
def test_letters_are_the_largest_groups_in_which_no_pair_differs(data, names):
    own = [chr(65 + n) for n in range(names)]
    pairs = [Difference(a=a, b=b, difference=1.0, verdict=data.draw(st.sampled_from(["better", "undecided", "worse"])))
             for a, b in itertools.combinations(own, 2)]  # fmt: skip
    apart = {frozenset((pair.a, pair.b)) for pair in pairs if pair.verdict != "undecided"}
    free = [set(group) for size in range(1, names + 1) for group in itertools.combinations(own, size)
            if not any(frozenset(two) in apart for two in itertools.combinations(group, 2))]  # fmt: skip
    largest = [group for group in free if not any(group < other for other in free)]
    found = letters(own, pairs)
    groups = [{name for name in own if letter in found[name]} for letter in sorted(set("".join(found.values())))]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, largest))
    for a, b in itertools.combinations(own, 2):
        assert (not set(found[a]) & set(found[b])) == (frozenset((a, b)) in apart)


def test_ranks_leave_open_what_verdicts_leave_open():
    verdicts = {("a", "b"): "undecided", ("a", "c"): "better", ("a", "d"): "better", ("b", "c"): "undecided",
                ("b", "d"): "better", ("c", "d"): "equivalent"}  # fmt: skip
    pairs = [Difference(a=a, b=b, difference=0.0, verdict=v) for (a, b), v in verdicts.items()]
    assert ranks("abcd", pairs) == {"a": (1, 2), "b": (1, 3), "c": (2, 4), "d": (3, 4)}
    assert ranks("abcd", [pair.reversed for pair in pairs]) == ranks("abcd", pairs)


def test_clusters_are_swapped_and_drawn_together():
    random = np.random.default_rng(0)
    cluster = np.repeat(np.arange(8), 10)
    true = np.full(80, 100)
    a, b = true + random.integers(0, 9, 8)[cluster] + random.integers(0, 3, 80), true + random.integers(0, 9, 80)
    labels = [f"c{n}" for n in cluster]
    [pair] = compared(true, a=a, b=b, clusters=labels)
    sums = [(np.abs(a - true)[cluster == n].sum(), np.abs(b - true)[cluster == n].sum()) for n in range(8)]
    expected = all_swaps([x for x, _ in sums], [y for _, y in sums], lambda own: sum(own) / 80)
    assert pair.p == pytest.approx(expected, abs=0.02)
    [alone] = compared(true, a=a, b=b)
    assert pair.error > 1.5 * alone.error
    assert pair.reliable == "no"


def sided(images=40):
    """Two systems on one set, with clusters in its ids and an attribute."""
    (a, truth), (b, _) = crowd_of(images, 12, 1), crowd_of(images, 12, 2)
    camera = np.array([f"cam{n % 9}" for n in range(images)], dtype=object)
    true = Annotations(image_ids=truth.image_ids, offsets=truth.offsets, xy=truth.xy, attributes={"camera": camera})
    return a, b, true


PROTOCOL = Protocol(
    delta=(0.2, 0.5), metrics=("nAP", "MAE", "NAE", "RMSE", "F1@8px", "MLE@16px", "L-F1@1:1:5px", "MAE by camera")
)
QUICK = {"resamples": 60, "seed": 5}


def in_order(side, order):
    return side.take(np.array(order))


@pytest.mark.parametrize("cluster", [{}, {"cluster": "camera"}, {"cluster_id": "i00.|i0[1-3]"}])
def test_the_order_of_images_in_the_files_changes_nothing(cluster):
    a, b, true = sided()
    order = np.random.default_rng(0).permutation(40)
    texts = {
        compare(*sides, protocol=PROTOCOL, **cluster, **QUICK).text("json")
        for sides in ((a, b, true), (in_order(a, order), in_order(b, order), in_order(true, order)),
                      (in_order(a, order), b, true))
    }  # fmt: skip
    assert len(texts) == 1
    reports = {
        evaluate(*sides, protocol=PROTOCOL, ci=0.9, **cluster, **QUICK).to_json().partition('"signature"')[0]
        for sides in ((a, true), (in_order(a, order), in_order(true, order)))
    }
    assert len(reports) == 1


def test_of_images_that_differ_alike_those_with_the_first_ids_are_listed():
    own, true = {name: counted(values, [5] * 12)[0] for name, values in (("A", [5] * 12), ("B", [6] * 12))}, [5] * 12
    order = np.random.default_rng(0).permutation(12)
    turned = compare({name: side.take(order) for name, side in own.items()}, counted(true, true)[1].take(order))
    ahead, behind = turned.flips["A / B"]
    assert ([flip.image for flip in ahead], behind) == (["i000", "i001", "i002", "i003", "i004"], [])


def test_evidence_of_parts_gives_what_the_whole_gives():
    a, b, true = sided()
    groups = np.split(np.random.default_rng(1).permutation(40), [5, 17, 30])
    wholes, merged = [], []
    for side in (a, b):
        wholes.append(evidence_of(side, true, protocol=PROTOCOL))
        parts = [evidence_of(side.take(own), true.take(own), protocol=PROTOCOL) for own in groups]
        merged.append(concatenated(parts))
    for cluster in ({}, {"cluster": "camera"}):
        first, second = (
            [evaluate(own, ci=0.9, **cluster, **QUICK).to_json().partition('"warnings"')[0] for own in each]
            for each in (wholes, merged)
        )
        assert first == second
        texts = {compare(*each, **cluster, **QUICK).text("json") for each in (wholes, merged)}
        assert len(texts) == 1


THREADS = """
import sys
sys.path.insert(0, "tests"), sys.path.insert(0, "tests/statistics")
from test_comparison import PROTOCOL, compare, sided
a, b, true = sided(130)
for cluster in ({}, {"cluster": "camera"}):
    print(compare(a, b, true, protocol=PROTOCOL, resamples=300, **cluster).text("json"))
"""


def test_the_number_of_threads_changes_nothing():
    texts = []
    for threads in "1", "2":
        own = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", THREADS], cwd=ROOT, env={**os.environ, **own}, text=True,
                              capture_output=True, check=True)  # fmt: skip
        texts.append(done.stdout)
    assert texts[0] == texts[1]


def test_seeds_repeat_and_zero_is_one_of_them():
    a, b, true = sided()
    texts = [compare(a, b, true, protocol="MAE", resamples=60, seed=seed).text("json") for seed in (0, 0, 1)]
    assert texts[0] == texts[1]
    own, _, other = (compare(a, b, true, protocol="MAE", resamples=60, seed=seed)["MAE"] for seed in (0, 0, 1))
    assert own.interval != other.interval
    assert own.difference == other.difference


def test_what_can_not_be_compared_is_refused_by_name():
    a, b, true = sided(8)
    fewer = np.arange(7)
    scored = evidence_of(a, true, protocol=PROTOCOL)
    with pytest.raises(AlignmentError, match=r"8 images and B on 7; 1 are in one of them only, the first: 'i007'"):
        compare(scored, evidence_of(b.take(fewer), true.take(fewer), protocol=PROTOCOL))
    moved = Annotations(image_ids=true.image_ids, offsets=true.offsets, xy=true.xy + 0.5, attributes=true.attributes)
    with pytest.raises(UsageError, match=r"A and B can't be compared on nAP: their annotations differ in 'points'"):
        compare(scored, evidence_of(b, moved, protocol=PROTOCOL))
    with pytest.raises(UsageError, match=r"can't be compared on nAP: .*k is 3 and 5"):
        compare(scored, evidence_of(b, true, protocol=Protocol(metrics=PROTOCOL.metrics, k=5)))
    with pytest.raises(UsageError, match=r"can't be compared on MAE: count is 0.5 and 0.7"):
        compare(scored, evidence_of(b, true, protocol=Protocol(metrics=PROTOCOL.metrics, count_threshold=0.7)),
                metrics=["MAE"])  # fmt: skip


def test_clusters_that_differ_between_systems_are_refused():
    """Evidence of the same points whose attributes disagree: no image may be drawn with two groups at once."""
    a, b, true = sided(12)
    shifted = replace(true, attributes={"camera": np.roll(true.attributes["camera"], 1)})
    fewer = replace(true, attributes={"camera": np.array(["x", "y"] * 6, dtype=object)})
    protocol = Protocol(metrics=("MAE", "MAE by camera"))
    for other in (shifted, fewer):
        with pytest.raises(UsageError, match="i000' is in 'cam0' for A and in"):
            compare(evidence_of(a, true, protocol=protocol), evidence_of(b, other, protocol=protocol),
                    metrics=["MAE"], cluster="camera")  # fmt: skip


@pytest.mark.parametrize(("options", "words"), [
    ({"margins": {"nAP": 0.1}}, r"margin: nAP is not compared.*compared: 'MAE'"),
    ({"margins": {"MAE": -1.0}}, "expected a number above 0 for MAE, found -1"),
    ({"margins": {"MAE": 0.0}}, "expected a number above 0"),
    ({"margins": {"MAE": math.nan}}, "expected a number above 0 for MAE, found nan"),
    ({"margins": {"MAE": math.inf}}, "expected a number above 0"),
    ({"metrics": ["nAP"]}, "nAP was not measured for each system"),
    ({"metrics": ["MEA"]}, "MEA"),
    ({"protocol": "MEA"}, "MEA"),
    ({"ci": 95}, "between 0 and 1"),
    ({"resamples": 0}, "resamples"),
    ({"method": "bca"}, "symmetric"),
    ({"cluster": "scene"}, "images have no scene"),
    ({"cluster_id": "("}, "not a regular expression"),
    ({"cluster_id": "cam"}, "images don't match it"),
])  # fmt: skip
def test_an_option_without_sense_is_refused(options, words):
    a, b, true = sided(8)
    with pytest.raises(UsageError, match=words):
        compare(a, b, true, **({"protocol": "MAE"} | options))


def test_an_empty_group_of_a_pattern_is_an_image_without_cluster():
    a, b, true = sided(8)
    with pytest.raises(UsageError, match="cluster-id"):
        compare(a, b, true, protocol="MAE", cluster_id="i00([0-3])?")


def test_one_system_is_not_compared():
    a, _, true = sided(8)
    for given_systems in ([{"a": a}, true], [a], []):
        with pytest.raises(UsageError, match="compare"):
            compare(*given_systems)


def test_a_metric_that_one_system_lacks_is_named_and_left_out():
    _, _, true = sided(8)
    points, counts = sided(8)[0], counted([9] * 8, [5] * 8)[0]
    named = Predictions(image_ids=true.image_ids, offsets=[0] * 9, xy=[], counts=counts.counts, located=False)
    result = compare({"points": points, "counts": named}, true)
    assert list(result.metrics) == ["MAE", "RMSE", "NAE"]
    assert "nAP" in result.notes[0]


def test_an_undefined_metric_has_a_reason_and_no_difference():
    _, truth = counted([1] * 8, [0] * 8)
    found = {name: counted([n + k for k in range(8)], [0] * 8)[0] for n, name in enumerate("ab")}
    result = compare(found, truth)
    assert math.isnan(result["NAE"].difference)
    assert (result["NAE"].reason, result["NAE"].verdict) == ("it is undefined", "undecided")
    assert result["MAE"].difference == -1


def test_differences_are_uniform_without_a_difference():
    """The level of the test: of 150 pairs of equal systems few get a verdict."""
    random, found = np.random.default_rng(0), []
    for _ in range(150):
        true = random.integers(50, 150, 25)
        a, b = (true + random.normal(0, 20, 25).round().clip(-50) for _ in range(2))
        found += compared(true, a=a, b=b, testing=settings_of(resamples=200, rounds=200))
    assert np.mean([pair.p < 0.05 for pair in found]) == pytest.approx(0.05, abs=0.04)
    assert np.mean([pair.verdict != "undecided" for pair in found]) < 0.07


def test_nae_with_images_of_few_people_has_no_verdict():
    """Images of 1 to 7 people decide NAE: a sample that lacks the worst of them can't know."""
    counts = np.concatenate([[3, 5], np.arange(40, 98)])
    truth = Annotations.from_images({f"i{n:02}": int(c) for n, c in enumerate(counts)})
    systems = {}
    for name, lost in (("near", 0.05), ("far", 0.3)):
        random = np.random.default_rng(1)
        found = counts - random.binomial(counts, lost)
        systems[name] = {f"i{n:02}": int(c) for n, c in enumerate(found)}
    made = compare(systems, truth, protocol=["MAE", "NAE"])
    assert made["MAE"].verdict == "better"
    assert (made["NAE"].verdict, made["NAE"].reason) == ("undecided", "images of 1 to 7 people decide NAE")


def test_fewer_than_six_effective_images_give_no_verdict():
    """One of thirty images holds nearly all of the difference."""
    truth = {f"i{n:02}": [[float(9 * x), 0.0] for x in range(10)] for n in range(30)}
    truth["i00"] = [[float(9 * x), 9.0 * y] for x in range(30) for y in range(30)]
    random = np.random.default_rng(0)
    near = {name: points[: len(points) - int(random.integers(0, 3))] for name, points in truth.items()}
    far = {name: points[: len(points) - 3 - int(random.integers(0, 3)) - (400 if name == "i00" else 0)]
           for name, points in truth.items()}  # fmt: skip
    pair = compare(near, far, truth, protocol="MAE")["MAE"]
    assert pair.effective < 6
    assert (pair.verdict, pair.reason) == ("undecided", "fewer than 6 effective images")


def test_the_level_of_printed_intervals_changes_no_verdict():
    true, own = noisy()
    by_level = {level: compared(true, testing=settings_of(level=level), **own) for level in (0.2, 0.9, 0.95, 0.999)}
    verdicts = {tuple(pair.verdict for pair in pairs) for pairs in by_level.values()}
    assert len(verdicts) == 1
    assert by_level[0.2][0].interval != by_level[0.9][0].interval


def test_with_many_systems_a_clear_difference_still_passes_the_correction():
    random = np.random.default_rng(0)
    true = np.full(40, 100)
    systems = {f"s{n:02}": true + random.integers(0, 4, 40) + (60 if n == 33 else 0) for n in range(34)}
    pairs = compared(true, testing=settings_of(resamples=60, rounds=999), **systems)
    assert len(pairs) == 561
    assert {pair.verdict for pair in pairs if pair.b == "s33"} == {"better"}
