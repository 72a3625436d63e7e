"""Influences are derivatives, and standard errors are those of the literal jackknife."""

import math

import numpy as np
import pytest
from oracles.resamples import average_precision, derivative, jackknife, repeated
from toy_samples import OPTIONS, counted, crowd_of, made, numbers

from crowdeval import Annotations, Predictions, Protocol, evaluate, evidence_of, report_of
from crowdeval.metrics.evidence import bit
from crowdeval.statistics.contract import Units
from crowdeval.statistics.curves import Curves
from crowdeval.statistics.exact import ExactCurves
from crowdeval.statistics.influence import changes_of, errors_of
from crowdeval.statistics.quantities import numbers_of
from crowdeval.statistics.ratios import Ratios


def listed(evidence, entry):
    """For each image, its (confidence, hit) pairs and its number of true points."""
    hits, rows = bit(evidence.rows["delta"], entry), evidence.offsets
    return [
        (list(zip(evidence.score[rows[i] : rows[i + 1]], hits[rows[i] : rows[i + 1]], strict=True)), int(true))
        for i, true in enumerate(evidence.images["true"])
    ]


@pytest.mark.parametrize("ap", ["area", "step"])
@pytest.mark.parametrize("digits", [1, 9])
def test_the_influence_on_a_ranked_list_is_its_numerical_derivative(ap, digits):
    evidence = evidence_of(*crowd_of(8, 6, digits=digits), protocol=Protocol(metrics=("nAP@0.5",)))
    images = listed(evidence, 0)
    own = Curves(evidence, "delta", {"nAP@0.5": [0.5]}, ap, Units.of(evidence.image_ids))
    for weights in (np.ones(8), np.array([0, 2, 1, 1, 3, 0, 1, 1.0])):
        found = own.replicates(weights[None], ["nAP@0.5"], influences=True)["nAP@0.5"]
        assert found.values[0] == pytest.approx(average_precision(images, weights, ap), abs=1e-12)
        for image in np.flatnonzero(weights):  # an image that is there; the others have a derivative from one side
            expected = derivative(lambda own: average_precision(images, own, ap), weights, image)
            assert found.influences[0, image] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["ties", "smooth", "radii", "own_counts"])
def test_the_influence_on_a_ratio_is_its_numerical_derivative(name):
    _, _, protocol, evidence = made(name, pool="image")
    found = numbers_of(evidence, report_of(evidence, part=True).values, protocol)
    weights, step = np.ones(len(found.units)), 1e-6
    for key, number in found.by_key.items():
        if not isinstance(number.sums, Ratios):
            continue
        own = number.sums.replicates(weights[None], [key], influences=True)[key].influences[0]
        moved = np.concatenate([weights + step * np.eye(len(weights)), weights - step * np.eye(len(weights))])
        values = number.sums.replicates(moved, [key], influences=False)[key].values
        numeric = (values[: len(weights)] - values[len(weights) :]) / (2 * step)
        scale = max(1.0, abs(number.value))
        np.testing.assert_allclose(own, numeric, atol=1e-6 * scale, err_msg=key)
        assert own.sum() == pytest.approx(0, abs=1e-9 * scale)


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[1], OPTIONS[3], OPTIONS[4]], ids=str)
@pytest.mark.parametrize("name", ["ties", "unscored", "radii", "counts_only"])
def test_the_error_is_the_literal_jackknife(name, options):
    predictions, annotations, protocol, evidence = made(name, **options)
    kept = Protocol(metrics=tuple(m for m in protocol.metrics if "quartile" not in m), **options)
    values = report_of(evidence, protocol=kept, part=True).values
    errors, reasons = errors_of(numbers_of(evidence, values, kept))
    assert set(errors).isdisjoint(reasons)
    images = len(evidence)
    left = [np.ones(images) - np.eye(images)[i] for i in range(images)]
    literal = [evaluate(*repeated(predictions, annotations, own), protocol=kept).values for own in left]
    assert errors
    for key, error in errors.items():
        # Where the metric doesn't read an image, leaving it out changes nothing, and the image is no unit.
        known = [own.get(key, math.nan) for own in literal]
        assert not any(map(math.isnan, known)), key
        read = [n for n, value in enumerate(known) if error.units == images or value != values[key]]
        if len(read) != error.units:
            continue  # an image may be read and change nothing
        assert error.size == pytest.approx(jackknife([known[n] for n in read]), rel=1e-9, abs=1e-12), key
        heaviest = annotations.image_ids.index(error.heaviest)
        assert error.without == pytest.approx(known[heaviest], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("images", [5, 64, 65, 300])
def test_the_error_of_a_mean_is_the_textbooks(images):
    random = np.random.default_rng(images)
    estimated = random.integers(0, 200, images)
    found, _ = errors_of(numbers(counted(estimated, [100] * images), "MAE", "bias", "NAE"))
    off = np.abs(estimated - 100.0)
    assert found["MAE"].size == pytest.approx(off.std(ddof=1) / math.sqrt(images), rel=1e-9)
    assert found["bias"].size == pytest.approx((estimated - 100.0).std(ddof=1) / math.sqrt(images), rel=1e-9)
    assert found["NAE"].size == pytest.approx(found["MAE"].size / 100, rel=1e-9)
    assert found["MAE"].units == images


def test_only_images_with_people_are_units_of_nae():
    found, _ = errors_of(numbers(counted([9, 8, 14, 3, 5], [10, 10, 10, 0, 0]), "MAE", "NAE"))
    assert (found["MAE"].units, found["NAE"].units) == (5, 3)
    assert found["NAE"].size == pytest.approx(np.std([0.1, 0.2, 0.4], ddof=1) / math.sqrt(3))


def test_the_effective_number_and_the_share_follow_from_the_changes():
    """Errors 0, 0, 0 and 8: the deviations from the mean are 2, 2, 2 and 6 in some unit."""
    found = errors_of(numbers(counted([5, 5, 5, 13], [5] * 4, ["a", "b", "c", "far"]), "MAE"))[0]["MAE"]
    squares = [4, 4, 4, 36]
    assert found.effective == pytest.approx(sum(squares) ** 2 / sum(s * s for s in squares))
    assert (found.heaviest, found.share, found.without) == ("far", pytest.approx(36 / 48), 0.0)


@pytest.mark.parametrize("images", [3, 65, 100, 333])
def test_equal_images_have_the_error_zero_and_no_image_that_carries_it(images):
    """Sums of thirds and sevenths are rounded, and the rounding is not a variance."""
    truth = {f"i{n:03}": [[10.0 * x, 0.0] for x in range(7)] for n in range(images)}
    wrong = [[500.0, 500.0]] * 3
    found = {name: (xy[:5] + wrong, [0.9, 0.8, 0.7, 0.6, 0.55, 0.65, 0.4, 0.3]) for name, xy in truth.items()}
    located = Predictions.from_images(found), Annotations.from_images(truth)
    for sides, metrics in (
        (counted([10] * images, [7] * images), ("MAE", "NAE", "RMSE")),
        (located, ("nAP", "AP@8px", "F1@8px", "L-F1@1:1:9px", "MLE@16px")),
    ):
        errors = errors_of(numbers(sides, *metrics))[0]
        assert len(errors) >= len(metrics)
        for key, error in errors.items():
            assert (error.size, error.effective, error.share) == (0.0, 0.0, 0.0), key


def test_beyond_64_images_the_derivative_stands_for_leaving_out():
    own = numbers(crowd_of(150, 12, digits=2), "nAP@0.5", "MAE", "F1@8px", "RMSE")
    errors, _ = errors_of(own)
    for key, error in errors.items():
        sums = own.by_key[key].sums
        left = sums.without(np.arange(150), [key])[key]
        assert error.size == pytest.approx(jackknife(left.tolist()), rel=0.02), key
        change = changes_of(own, [key])[key]
        heavy = np.argsort(-np.abs(change))[:20]
        np.testing.assert_allclose(change[heavy], own.by_key[key].value - left[heavy], atol=1e-9)


@pytest.mark.parametrize("images", [40, 120])
def test_exact_resamples_do_not_change_the_standard_error(images):
    """Leaving out an image in fact, and from bins, must not be mixed: the two differ by a constant."""
    sides = crowd_of(images, 15)
    binned, exact = (errors_of(numbers(sides, "nAP@0.5", exact=exact, bins=40))[0]["nAP@0.5"] for exact in (0, 1))
    assert isinstance(numbers(sides, "nAP@0.5", exact=True).by_key["nAP@0.5"].sums, ExactCurves)
    assert exact.size == pytest.approx(binned.size, rel=0.05)
    assert exact.effective == pytest.approx(binned.effective, rel=0.1)


def test_the_error_of_a_cluster_is_that_of_leaving_it_out():
    estimated, true = [1, 2, 9, 4, 7, 7, 0, 3], [4, 4, 4, 4, 6, 6, 6, 6]
    labels = ["x", "x", "y", "y", "z", "z", "z", "z"]
    own = errors_of(numbers(counted(estimated, true), "MAE", "RMSE", clusters=labels))[0]
    off = np.abs(np.subtract(estimated, true))
    left = [[e for e, label in zip(off, labels, strict=True) if label != gone] for gone in "xyz"]
    assert own["MAE"].size == pytest.approx(jackknife([np.mean(part) for part in left]))
    assert own["RMSE"].size == pytest.approx(jackknife([np.sqrt(np.mean(np.square(part))) for part in left]))
    assert own["MAE"].units == 3


@pytest.mark.parametrize(("estimated", "true", "metric", "reason"), [
    ([3], [4], "MAE", "it reads one image"),
    ([3, 4], [4, 0], "NAE", "it reads one image"),
    ([3, 4, 5], [0, 0, 0], "NAE", "it is undefined"),
])  # fmt: skip
def test_a_number_without_an_error_says_why(estimated, true, metric, reason):
    errors, reasons = errors_of(numbers(counted(estimated, true), metric))
    assert (errors, reasons) == ({}, {metric: reason})


def test_an_image_without_which_a_number_is_undefined_is_named():
    truth = {"a": [[5.0, 5.0], [9.0, 9.0]], "b": [], "c": []}
    found = {"a": ([[5.0, 5.0]], [0.9]), "b": ([[1.0, 1.0]], [0.8]), "c": ([], [])}
    sides = Predictions.from_images(found), Annotations.from_images(truth)
    own = numbers(sides, "nAP@0.5", "Recall@8px", "F1@8px")
    errors, reasons = errors_of(own)
    undefined = [key for key, reason in reasons.items() if reason == "without a it is undefined"]
    assert undefined == ["nAP@0.5", "Recall@8px"]
    assert set(errors) == {"F1@8px"}


def test_one_cluster_is_no_sample():
    _, reasons = errors_of(numbers(counted([3, 4], [1, 1]), "MAE", clusters=["x", "x"]))
    assert reasons == {"MAE": "it reads one cluster"}
