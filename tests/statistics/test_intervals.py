"""Intervals against an independent implementation, and the marks of those that are not to be trusted."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from toy_samples import counted, crowd_of, numbers

from crowdeval import evaluate
from crowdeval.errors import UsageError
from crowdeval.statistics.certainty import Resampling
from crowdeval.statistics.contract import Units
from crowdeval.statistics.influence import changes_of
from crowdeval.statistics.intervals import interval, symmetric_quantile, trust
from crowdeval.statistics.quantities import Number
from crowdeval.statistics.ratios import Ratios
from crowdeval.statistics.resampling import Resampled, bootstrap


def share(hits, heads):
    """A number that is a share of 1: hits over heads."""
    units = Units.of([f"{n:03}" for n in range(len(hits))])
    sums = Ratios(units)
    sums.add("Recall@8px", [(np.array(hits, float), np.array(heads, float), "hits", "heads")])
    return Number(key="Recall@8px", value=sum(hits) / sum(heads), sums=sums, read=np.ones(len(hits), bool),
                  scale="logit", least=0.0, most=1.0)  # fmt: skip


def own_interval(estimated, true, metric="MAE", *, method="bootstrap-t", resamples=1000, seed=0, level=0.95):
    own = numbers(counted(estimated, true), metric)
    drawn = bootstrap([own], [metric], [(0, 0)], resamples=resamples, seed=seed)[metric][0]
    found = interval(own.by_key[metric], drawn, changes_of(own, [metric])[metric], level=level, method=method)
    return found, drawn


def every_resample(values):
    """All n^n resamples of a few values: the mean and its standard error, s / sqrt(n), of each."""
    rows = np.array(list(itertools.product(values, repeat=len(values))))
    return rows.mean(axis=1), rows.std(axis=1, ddof=1) / math.sqrt(len(values))


def test_the_errors_inside_resamples_are_the_textbooks():
    """The influences of a mean in a resample: sqrt(n / (n - 1) sum w d^2) / n, which is s / sqrt(n)."""
    off = [1.0, 2.0, 6.0, 4.0]
    own = numbers(counted([10 + x for x in off], [10] * 4), "MAE")
    drawn = bootstrap([own], ["MAE"], [(0, 0)], resamples=3000, seed=3)["MAE"][0]
    means, errors = every_resample(off)
    expected = {(round(m, 9), round(e, 9)) for m, e in zip(means, errors, strict=True)}
    assert {(round(m, 9), round(e, 9)) for m, e in zip(drawn.values, drawn.errors, strict=True)} <= expected
    assert (drawn.centre, drawn.error) == (pytest.approx(3.25), pytest.approx(np.std(off, ddof=1) / 2))


def test_the_bootstrap_t_is_that_of_all_resamples_of_a_few_values():
    off = [1.0, 2.0, 6.0, 4.0, 3.0, 9.0]
    found, _ = own_interval([20 + x for x in off], [20] * 6, resamples=40_000, level=0.8)
    means, errors = every_resample(off)
    centre, error = np.mean(off), np.std(off, ddof=1) / math.sqrt(6)
    t = np.sort((means - centre)[errors > 0] / errors[errors > 0])
    assert found.low == pytest.approx(centre - error * np.quantile(t, 0.9), abs=0.1)
    assert found.high == pytest.approx(centre - error * np.quantile(t, 0.1), abs=0.25)
    assert found.reliable == "no"


def test_a_share_is_put_on_the_logit_scale():
    """The same numbers by hand: logits, errors by the delta method, quantiles, and back."""
    hits, heads = [3, 7, 9, 4, 8, 6, 5, 9, 2, 9], [10] * 10
    own = share(hits, heads)
    drawn = Resampled(*(np.array(x) for x in zip(*[
        (rows.mean() / 10, rows.std(ddof=1) / math.sqrt(10) / 10)
        for rows in np.random.default_rng(0).choice(hits, (500, 10))], strict=True)),
        own.value, np.std(hits, ddof=1) / math.sqrt(10) / 10)  # fmt: skip
    found = interval(own, drawn, np.array(hits, float), level=0.9)
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731 - the formula
    ratios = sorted((logit(v) - logit(own.value)) / (e / v / (1 - v))
                    for v, e in zip(drawn.values, drawn.errors, strict=True))  # fmt: skip
    error = drawn.error / own.value / (1 - own.value)
    # Of 500 values, numbered 0 to 499: the place below 0.05 x 499 = 24.95, and that above 0.95 x 499 = 474.05.
    ends = [logit(own.value) - error * ratios[place] for place in (475, 24)]
    assert [found.low, found.high] == pytest.approx([1 / (1 + math.exp(-end)) for end in ends], rel=1e-8)
    assert 0 < found.low < own.value < found.high < 1


@pytest.mark.parametrize(("method", "theirs"), [("percentile", "percentile"), ("basic", "basic"), ("bca", "BCa")])
@pytest.mark.parametrize("metric", ["MAE", "RMSE", "bias"])
def test_the_other_methods_are_those_of_scipy(method, theirs, metric):
    random = np.random.default_rng(7)
    off = np.round(random.exponential(20, 60)) * np.where(random.random(60) < 0.7, 1, -1)
    found, _ = own_interval(100 + off, [100] * 60, metric, method=method, resamples=20_000)
    statistic = {
        "MAE": lambda x, axis: np.abs(x).mean(axis=axis),
        "RMSE": lambda x, axis: np.sqrt((x**2).mean(axis=axis)),
        "bias": lambda x, axis: x.mean(axis=axis),
    }[metric]
    expected = scipy.stats.bootstrap(
        (off,), statistic, n_resamples=20_000, method=theirs, random_state=np.random.default_rng(1)
    )  # fmt: skip
    tolerance = 0.15 * expected.standard_error
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=tolerance)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=tolerance)
    assert found.method == method


def test_bootstrap_t_covers_as_a_normal_interval_does_where_values_are_normal():
    random = np.random.default_rng(5)
    off = random.normal(0, 10, 400).round(3)
    found, _ = own_interval(500 + off, [500] * 400, "bias", resamples=4000)
    half = scipy.stats.t.ppf(0.975, 399) * off.std(ddof=1) / 20
    assert [found.low, found.high] == pytest.approx([off.mean() - half, off.mean() + half], abs=0.08)


def test_an_interval_stays_in_the_range_of_its_metric():
    found, _ = own_interval([10] * 27 + [11, 30, 90], [10] * 30, method="basic")
    assert found.low == 0.0
    found, _ = own_interval([10] * 27 + [9, 9, 1], [10] * 30, "bias", method="basic")
    assert found.low < 0


def test_where_too_many_resamples_are_equal_rows_there_is_no_interval():
    """One image of 30 is wrong: a third of the resamples lack it, have the error 0, and count as far off."""
    assert own_interval([10] * 29 + [40], [10] * 30)[0] == "too many resamples repeat one image"
    own = share([10] * 29 + [4], [10] * 30)
    found = interval(own, bootstrap_of(own), np.array([0.0] * 29 + [6.0]), level=0.95)
    assert found == "too many resamples repeat one image"


def bootstrap_of(number, resamples=1000):
    from crowdeval.statistics.quantities import Numbers

    own = Numbers(number.sums.units, {number.key: number})
    return bootstrap([own], [number.key], [(0, 0)], resamples=resamples, seed=0)[number.key][0]


def test_a_huge_quantile_does_not_overflow():
    own = share([5, 6], [10, 10])
    values = np.full(1000, 0.6)
    drawn = Resampled(values, np.full(1000, 1e-9), 0.55, 0.05)
    found = interval(own, drawn, np.array([1.0, 2.0]), level=0.95)
    assert 0 <= found.low <= found.high <= 1


@pytest.mark.parametrize(("dropped", "reliable"), [(10, "yes"), (11, "no")])
def test_more_than_one_percent_of_resamples_without_a_value_is_not_trusted(dropped, reliable):
    own = numbers(counted(np.arange(30) % 7 + 20, [20] * 30), "MAE").by_key["MAE"]
    values = np.r_[np.full(dropped, np.nan), np.ones(1000 - dropped)]
    assert trust(own, 25.0, Resampled(values, values, 1.0, 0.1)) == reliable


@pytest.mark.parametrize(("effective", "units", "reliable"), [
    (9.99, 50, "no"), (10.0, 50, "rough"), (19.99, 50, "rough"), (20.0, 50, "yes"), (20.0, 20, "yes"), (19.0, 19, "no"),
])  # fmt: skip
def test_trust_is_a_matter_of_effective_images_and_of_units(effective, units, reliable):
    own = numbers(counted(np.arange(units) + 30, [20] * units), "MAE").by_key["MAE"]
    assert trust(own, effective) == reliable


def test_relative_errors_of_few_heads_are_not_trusted():
    estimated = np.arange(40) % 5 + 8
    for least, reliable in ((8, "yes"), (7, "no"), (0, "yes")):
        found, _ = own_interval(estimated, [least] + [10] * 39, "NAE")
        assert found.reliable == reliable, least


@pytest.mark.parametrize(("world", "metric", "reason"), [
    (([3] * 30, [3] * 30), "MAE", "all images are equal"),
    (([4] * 30, [3] * 30), "NAE", "all images are equal"),
    (([4] * 30, [3] * 30), "RMSE", "all images are equal"),
])  # fmt: skip
def test_equal_images_have_no_interval(world, metric, reason):
    assert own_interval(*world, metric)[0] == reason


@pytest.mark.parametrize(("hits", "reason"), [(0, "its value is 0"), (5, "its value is 1")])
def test_a_share_of_0_or_1_has_no_interval(hits, reason):
    own = share([hits] * 25, [5] * 25)
    assert interval(own, bootstrap_of(own), np.zeros(25), level=0.95) == reason


def test_the_symmetric_quantile_counts_resamples_without_error_as_infinite():
    values = np.array([1.0, 3.0, 2.0, np.nan])
    assert symmetric_quantile(Resampled(values, np.array([1.0, 0.0, 1.0, 1.0]), 1.0, 1.0), 0.5) == 1.0
    assert symmetric_quantile(Resampled(values, np.array([1.0, 0.0, 1.0, 1.0]), 1.0, 1.0), 0.95) == math.inf
    assert symmetric_quantile(Resampled(np.full(3, np.nan), np.ones(3), 1.0, 1.0), 0.95) == math.inf


def test_levels_that_resamples_may_lack_lower_the_trust():
    images = 30
    predictions, annotations = counted(np.arange(images) % 7 + 10, [9] * images)
    own = type(annotations)(image_ids=annotations.image_ids, offsets=annotations.offsets, xy=[], located=False,
                            counts=annotations.counts,
                            attributes={"scene_level": np.repeat([1, 2], [28, 2])})  # fmt: skip
    report = evaluate(predictions, own, protocol="MAE[S]", ci=0.95)
    assert report.intervals["MAE[S]"].reliable == "no"  # one in seven resamples lacks the second level


def test_seeds_repeat_and_zero_is_one_of_them():
    random = np.random.default_rng(0)
    estimated = random.integers(0, 90, 40)
    first, again, other = (own_interval(estimated, [40] * 40, seed=seed)[0] for seed in (0, 0, 1))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_a_ranked_list_gets_nearly_the_same_interval_with_and_without_bins():
    predictions, annotations = crowd_of(40, 20)
    found = [
        evaluate(predictions, annotations, protocol="nAP@0.5", ci=0.95, exact=exact, resamples=300)
        for exact in (False, True)
    ]
    binned, exact = (report.intervals["nAP@0.5"] for report in found)
    assert binned.low == pytest.approx(exact.low, abs=0.002)
    assert binned.high == pytest.approx(exact.high, abs=0.002)
    assert (found[0].certainty.bound > 0, found[1].certainty.bound) == (True, 0.0)
    assert ("bins:200" in found[0].certainty.settings, "bins:none" in found[1].certainty.settings) == (True, True)


def test_no_number_of_resamples_is_drawn_in_one_piece():
    """Blocks of resamples are those of one stream: their size doesn't change a number."""
    from crowdeval.statistics import resampling

    own = numbers(counted(np.arange(12), [5] * 12), "MAE")
    whole = bootstrap([own], ["MAE"], [(0, 0)], resamples=50, seed=4)["MAE"][0]
    small = resampling._ENTRIES
    try:
        resampling._ENTRIES = 100
        parts = bootstrap([own], ["MAE"], [(0, 0)], resamples=50, seed=4)["MAE"][0]
    finally:
        resampling._ENTRIES = small
    np.testing.assert_array_equal(whole.values, parts.values)


@pytest.mark.parametrize(("options", "words"), [
    ({"level": 0.0}, "between 0 and 1"), ({"level": 1.0}, "between 0 and 1"), ({"level": 95.0}, "between 0 and 1"),
    ({"level": math.nan}, "between 0 and 1"), ({"level": 0.95, "resamples": 39}, "at least 40"),
    ({"level": 0.9, "resamples": 19}, "at least 20"),
    ({"resamples": 0}, "from 1 to 1,000,000"), ({"resamples": 10**9}, "from 1 to 1,000,000"), ({"seed": -1}, "seed"),
    ({"method": "normal"}, "bootstrap-t"), ({"cluster": "a", "cluster_id": "b"}, "give one"),
])  # fmt: skip
def test_an_option_out_of_its_range_is_named(options, words):
    with pytest.raises(UsageError, match=words):
        Resampling(**options)


@pytest.mark.parametrize(("level", "resamples"), [(0.95, 40), (0.9, 20), (0.8, 10), (0.99, 200)])
def test_the_fewest_resamples_of_a_level_are_allowed(level, resamples):
    assert Resampling(level=level, resamples=resamples).resamples == resamples
