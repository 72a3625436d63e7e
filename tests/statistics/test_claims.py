"""Two published numbers: the formula by hand, refusals, and spreads that are those of the published tables."""

import json
import math
from statistics import median

import pytest

from crowdeval.errors import UsageError
from crowdeval.leaderboards.published import published_results
from crowdeval.render import claim as rendered
from crowdeval.statistics.claims import SPREADS, judge, parse_claim

EXAMPLE = ("MAE=52.74,50.29", "85.06,81.01", 182)


def test_the_error_and_the_break_even_by_hand():
    claim = parse_claim(*EXAMPLE)
    s, other = (math.sqrt(mse**2 - mae**2) for mse, mae in ((85.06, 52.74), (81.01, 50.29)))
    assert claim.spreads == pytest.approx((s, other))
    judged = judge(claim)
    for r, error, p in judged.errors:
        assert error == pytest.approx(math.sqrt((s**2 + other**2 - 2 * r * s * other) / 181))
        assert 0 < p < 1
    # At the break-even the difference is t = 1.9732 standard errors, the 97.5% quantile of 181 degrees of freedom.
    [(_, error, p)] = judge(claim, judged.break_even).errors
    assert (2.45 / error, p) == (pytest.approx(1.97316, abs=1e-4), pytest.approx(0.05, abs=1e-9))


@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_that_of_the_paired_difference_of_the_images(seed):
    import numpy as np

    random = np.random.default_rng(seed)
    a, b = np.abs(random.multivariate_normal([0, 0], [[400, 300], [300, 500]], 90)).T
    texts = [f"{np.mean(x)!r}".removeprefix("np.float64(").removesuffix(")") for x in (a, b)]
    roots = [f"{float(np.sqrt(np.mean(x**2)))!r}" for x in (a, b)]
    claim = parse_claim(f"MAE={','.join(texts)}", ",".join(roots), 90)
    [(_, error, _)] = judge(claim, float(np.corrcoef(a, b)[0, 1])).errors
    assert error == pytest.approx(np.std(a - b, ddof=1) / math.sqrt(90), rel=1e-9)


@pytest.mark.parametrize(("claim", "correlation", "words"), [
    (("MAE=10,10", "15,15", 100), None, "nothing is shown, however well the errors correlate"),
    (("MAE=10,90", "11,91", 1000), None, "the difference is significant even if the errors do not correlate"),
    (EXAMPLE, None, "nothing is shown unless the errors correlate above .97"),
])  # fmt: skip
def test_the_sentence_follows_from_the_break_even(claim, correlation, words):
    assert rendered.table(judge(parse_claim(*claim), correlation)).splitlines()[-1] == words


def test_errors_that_do_not_vary_decide_everything():
    judged = judge(parse_claim("MAE=10,12", "10,12", 50))
    assert all((error, p) == (0.0, 0.0) for _, error, p in judged.errors)
    text = rendered.table(judged)
    assert "nothing is shown" not in text
    json.loads(rendered.json(judged))


def test_a_claim_as_json_holds_what_the_table_holds():
    document = json.loads(rendered.json(judge(parse_claim(*EXAMPLE))))
    assert (document["a"], document["b"], document["images"], document["known"]) == (52.74, 50.29, 182, True)
    assert [each["r"] for each in document["errors"]] == [0.6, 0.7, 0.8, 0.9, 0.95]


@pytest.mark.parametrize(("arguments", "words"), [
    (("nAP=0.5,0.6", "1,1", 182), "nAP"), (("MAE=50", "85,81", 182), "two numbers"),
    (("MAE=50,51,52", "85,81", 182), "two numbers"), (("MAE=a,b", "85,81", 182), "two numbers"),
    (("MAE=-1,50", "85,81", 182), "two numbers"), (("MAE=nan,50", "85,81", 182), "two numbers"),
    (("MAE=50,51", "40,81", 182), "never below the MAE"), (("MAE=50,51", "85", 182), "--mse"),
    (("MAE=50,51", "85,81", 1), "2 or more"), (("MAE=50,51", "85,81", None), "--images"),
    (("MAE=50,51", None, 182), "--mse"), (("MAE=50,51", None, None, "nwpu:val"), "--mse"),
    (("MAE=50,51", None, None, "shanghaitech-a:train"), "--mse"),
])  # fmt: skip
def test_what_shows_nothing_is_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        parse_claim(*arguments)


@pytest.mark.parametrize("r", [1.5, -1.01, math.nan])
def test_a_correlation_is_between_minus_one_and_one(r):
    with pytest.raises(UsageError, match="from -1 to 1"):
        judge(parse_claim(*EXAMPLE), r)


@pytest.mark.parametrize(("test_set", "images"), [("shanghaitech-a", 182), ("shanghaitech-b:test", 316),
                                                  ("ucf-qnrf", 334)])  # fmt: skip
def test_a_known_test_set_needs_neither_size_nor_mse(test_set, images):
    claim = parse_claim("MAE=52.74,50.29", None, None, test_set)
    assert (claim.images, claim.known) == (images, False)
    assert claim.spreads[0] == pytest.approx(SPREADS[f"{test_set.partition(':')[0]}:test"] * 52.74)


@pytest.mark.parametrize("test_set", SPREADS)
def test_the_spreads_are_those_of_the_published_tables(test_set):
    rows = [own.values for own in published_results() if own.dataset == test_set]
    pairs = [(row["MAE"], row["RMSE"]) for row in rows if {"MAE", "RMSE"} <= row.keys()]
    shares = [math.sqrt(root**2 - mean**2) / mean for mean, root in pairs]
    assert len(shares) >= 9
    assert median(shares) == pytest.approx(SPREADS[test_set], abs=0.006)
