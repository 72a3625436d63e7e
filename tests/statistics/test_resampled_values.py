"""A resample of the columns has the value of the literal set of images, for every metric and option."""

import math

import numpy as np
import pytest
from oracles.resamples import repeated
from toy_samples import OPTIONS, crowd_of, curves_of, made, whole_levels

from crowdeval import Annotations, Protocol, evaluate, evidence_of, report_of
from crowdeval.metrics.groups import groups_of
from crowdeval.statistics.curves import Curves
from crowdeval.statistics.exact import ExactCurves
from crowdeval.statistics.quantities import numbers_of

SETS = ["ties", "smooth", "lone", "unscored", "own_counts", "radii", "counts_only", "no_predictions", "no_truth"]


def with_fixed_quartiles(annotations, evidence, protocol):
    """Annotations with the quartiles of the whole set as attributes, and the protocol that reads them."""
    attributes, metrics = dict(annotations.attributes), []
    for metric in protocol.metrics:
        name = metric.partition(" by ")[2]
        if name in ("count_quartile", "scale_quartile"):
            labels = np.full(len(evidence), None, dtype=object)
            for label, images in groups_of(name, evidence):
                labels[images] = label
            attributes[f"fixed_{name}"] = labels
            metric = metric.replace(name, f"fixed_{name}")
        metrics.append(metric)
    named = {name: getattr(annotations, name) for name in ("boxes", "radii", "level", "sizes")}
    fixed = Annotations(image_ids=annotations.image_ids, offsets=annotations.offsets, xy=annotations.xy, **named,
                        counts=None if annotations.located else annotations.counts, located=annotations.located,
                        attributes=attributes)  # fmt: skip
    own = {name: getattr(protocol, name) for name in ("ap", "pool")}
    return fixed, Protocol(metrics=tuple(metrics), **own)


def drawn(images, number, seed=0):
    random = np.random.default_rng(seed)
    rows = [np.bincount(random.integers(0, images, images), minlength=images) for _ in range(number)]
    alone = np.zeros(images, dtype=int)
    alone[images - 1] = 3
    return np.array([np.ones(images, dtype=int), alone, *rows]).astype(float)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "-".join(each.values()) or "default")
@pytest.mark.parametrize("name", SETS)
def test_a_resample_has_the_value_of_the_literal_set(name, options):
    predictions, annotations, protocol, evidence = made(name, **options)
    values = report_of(evidence, part=True).values
    both = [numbers_of(evidence, values, protocol, exact=exact, bins=10**6) for exact in (False, True)]
    fixed, literal_protocol = with_fixed_quartiles(annotations, evidence, protocol)
    place = {image: n for n, image in enumerate(annotations.image_ids)}
    units = [place[name] for name in sorted(evidence.image_ids)]  # units are in the order of their names
    for row in drawn(len(evidence), 2):
        by_image = np.zeros(len(evidence))
        by_image[units] = row
        literal = evaluate(*repeated(predictions, fixed, by_image), protocol=literal_protocol).values
        literal = {key.replace("fixed_", ""): value for key, value in literal.items()}
        of_evidence = by_image[[place[image] for image in evidence.image_ids]]
        for key in both[0].by_key:
            expected = literal.get(key, math.nan) if whole_levels(key, evidence, of_evidence) else math.nan
            for numbers in both:
                sums = numbers.by_key[key].sums
                [found] = sums.replicates(row[None], [key], influences=False)[key].values
                assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), (key, row)


@pytest.mark.parametrize("name", SETS)
def test_every_number_of_a_report_has_columns_or_a_reason(name):
    _, _, protocol, evidence = made(name)
    values = report_of(evidence, part=True).values
    numbers = numbers_of(evidence, values, protocol)
    assert {*numbers.by_key, *numbers.without} == set(values)
    undefined = {key for key, value in values.items() if math.isnan(value)}
    counts = {key for key in values if key[:2] in ("TP", "FP", "FN")}
    assert set(numbers.without) == undefined | counts
    for key, number in numbers.by_key.items():
        assert number.value == values[key]


@pytest.mark.parametrize("ap", ["area", "step", "coco101", "voc11"])
def test_few_confidences_need_no_bins_and_the_value_from_more_lies_within_the_bound(ap):
    protocol = Protocol(metrics=("nAP@0.2", "nAP@0.5"), ap=ap)
    few = evidence_of(*crowd_of(30, 20, digits=1), protocol=protocol)
    many = evidence_of(*crowd_of(30, 20), protocol=protocol)
    random = np.random.default_rng(1)
    counts = np.stack([np.ones(30), *(np.bincount(random.integers(0, 30, 30), minlength=30) for _ in range(20))])
    for evidence, bins, binned in ((few, 20, False), (many, 20, True), (many, 200, True), (many, 10**6, False)):
        own, exact = curves_of(evidence, ap, bins=bins), curves_of(evidence, ap, ExactCurves)
        for key in ("nAP", "nAP@0.5"):
            found = own.replicates(counts, [key], influences=False)[key].values
            literal = exact.replicates(counts, [key], influences=False)[key].values
            bound = own.bound(key)
            assert (bound > 0) == binned
            assert exact.bound(key) == 0.0
            assert abs(found[0] - literal[0]) <= bound + 1e-12
            np.testing.assert_allclose(found, literal, rtol=0, atol=2 * bound + 1e-12)  # that of the sample


def test_the_sample_itself_has_the_value_of_the_report_where_nothing_is_binned():
    protocol = Protocol(metrics=("nAP@0.2", "nAP@0.5"))
    evidence = evidence_of(*crowd_of(30, 20), protocol=protocol)
    exact = curves_of(evidence, "area", ExactCurves).replicates(np.ones((1, 30)), ["nAP@0.5"], influences=False)
    assert exact["nAP@0.5"].values[0] == pytest.approx(report_of(evidence)["nAP@0.5"], abs=1e-14)


@pytest.mark.parametrize("bins", [20, 200, 10**6])
def test_leaving_out_a_unit_is_a_resample_without_it(bins):
    protocol = Protocol(metrics=("nAP@0.2", "nAP@0.5"))
    evidence = evidence_of(*crowd_of(12, 20), protocol=protocol)
    for kind in (Curves, ExactCurves):
        own = curves_of(evidence, "area", kind, bins=bins)
        left = own.without(np.arange(12), ["nAP"])["nAP"]
        literal = own.replicates(np.ones((12, 12)) - np.eye(12), ["nAP"], influences=False)["nAP"].values
        np.testing.assert_allclose(left, literal, atol=1e-12)
