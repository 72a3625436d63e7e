"""Evidence: parts put together give the whole, weights are repetition, and no order moves a digit."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import value_sets
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdeval import Annotations, Predictions, Protocol, concatenated, evaluate, evidence_of, report_of
from crowdeval.errors import InputError, NeedsError, UsageError
from crowdeval.metrics import family_of
from crowdeval.metrics.family import has_evidence
from crowdeval.metrics.strings import Metric
from crowdeval.options import METRICS as OFFERED

EVERYTHING = (
    *("nAP", "nAP@0.3", "AP@8px", "L-AUC@1:1:20px", "MAE", "RMSE", "NAE", "bias", "MAE[S]", "RMSE[L]", "NAE[S]"),
    *("MAE by place", "NAE by weather", "RMSE by count_quartile", "MAE by scale_quartile", "MAE by jhu_level"),
    *(
        "NAE by jhu_weather",
        "F1@sigma_l",
        "F1@sigma_s",
        "Precision@8px",
        "Recall@4px",
        "TP@sigma_l",
        "FP@8px",
        "FN@8px",
    ),
    *(
        "Recall@sigma_l by level",
        "L-F1@1:1:30px",
        "L-Precision@1:1:9px",
        "L-Recall@1:1:9px",
        "MLE@16px",
        "GAME(0)",
        "GAME(2)",
    ),
)
SETS = {name: value_sets.GENERATED[name]() for name in value_sets.GENERATED if name != "dense"}


def known(metric):
    """Metrics of the catalogue that canonical() takes; those of no family would test nothing."""
    return Protocol(metrics=(metric,)).metrics[0]


METRICS = tuple(dict.fromkeys(map(known, EVERYTHING)))


def protocol_for(predictions, annotations, **options):
    """All metrics that the data do not truly lack anything for."""
    found = evidence_of(predictions, annotations, protocol=Protocol(metrics=METRICS, **options))
    return Protocol(metrics=tuple(name for name in METRICS if name not in found.lacks), **options)


def digits(report):
    return {name: value.hex() for name, value in report.values.items()}


def split(predictions, annotations, groups, protocol):
    return [
        evidence_of(predictions.take(np.array(group)), annotations.take(np.array(group)), protocol=protocol)
        for group in groups
    ]


def random_parts(draw, images):
    order = draw(st.permutations(range(images)))
    cuts = sorted(draw(st.lists(st.integers(1, images - 1), max_size=4, unique=True)))
    return [list(part) for part in np.split(np.array(order), cuts)]


@pytest.mark.parametrize("name", [name for name in SETS if name != "counts_only"])
@settings(max_examples=6, deadline=None)
@given(data=st.data(), options=st.sampled_from([{}, {"pool": "image"}, {"ap": "coco101"}, {"ap": "step"}]))
def test_parts_in_any_order_give_the_values_of_the_whole_bit_for_bit(name, data, options):
    predictions, annotations = SETS[name]
    protocol = protocol_for(predictions, annotations, **options)
    whole = evidence_of(predictions, annotations, protocol=protocol)
    parts = split(predictions, annotations, random_parts(data.draw, len(whole)), protocol)
    expected, found = (report_of(each, per_image=True, part=True) for each in (whole, concatenated(parts)))
    assert digits(found) == digits(expected)
    assert [t for t in found.warnings if "scale-mism" not in t] == [
        t for t in expected.warnings if "scale-mism" not in t
    ]
    assert (found.predictions.hashes, found.annotations.hashes) == (
        expected.predictions.hashes,
        expected.annotations.hashes,
    )
    assert (found.predictions.fingerprint, found.annotations.fingerprint) == (
        predictions.fingerprint,
        annotations.fingerprint,
    )
    own = {image: n for n, image in enumerate(found.per_image["image"].tolist())}
    back = [own[image] for image in expected.per_image["image"].tolist()]
    for column, values in expected.per_image.items():
        np.testing.assert_array_equal(found.per_image[column][back], values)


def test_every_metric_that_completion_offers_is_among_those_put_together():
    assert {Metric.parse(name).name for name in OFFERED} - {"MSE"} <= {Metric.parse(name).name for name in METRICS}


def test_a_part_without_heads_scores_boxes_or_attributes_of_its_own_lacks_nothing_for_the_whole():
    predictions, annotations = SETS["ties"]
    protocol = Protocol(metrics=("nAP", "F1@sigma_l", "Recall@sigma_l by level", "MAE by place"))
    whole = evidence_of(predictions, annotations, protocol=protocol)
    empty = [i for i in range(len(whole)) if not annotations.counts[i]]
    rest = [i for i in range(len(whole)) if i not in empty]
    assert len(empty) == 2
    bare = []
    for i in empty:
        one = np.array([i])
        found = predictions.take(one)
        bare.append((
            found if len(found.xy) else replace(found, score=None),
            replace(annotations.take(one), boxes=None),
        ))  # fmt: skip
    alone = [evidence_of(*pair, protocol=protocol) for pair in bare]
    assert all("F1@sigma_l" in part.lacks for part in alone)
    joined = concatenated([*alone, *split(predictions, annotations, [rest], protocol)])
    assert not joined.lacks
    assert digits(report_of(joined)) == digits(report_of(whole))


def test_what_a_part_truly_lacks_is_left_out_of_the_whole_with_its_name():
    predictions, annotations = SETS["smooth"]
    protocol = Protocol(metrics=("nAP", "F1@sigma_l"))
    first, second = [0, 1, 2], list(range(3, 12))
    without = replace(annotations.take(np.array(second)), boxes=None)
    parts = [
        evidence_of(predictions.take(np.array(first)), annotations.take(np.array(first)), protocol=protocol),
        evidence_of(predictions.take(np.array(second)), without, protocol=protocol, names=("p", "second.json")),
    ]
    joined = concatenated(parts)
    with pytest.raises(
        NeedsError, match=r"F1@sigma_l needs head boxes or radii; .*; the part p with second\.json lacks"
    ):
        report_of(joined)
    found = report_of(joined, part=True)
    assert list(found.values) == ["nAP", *(f"nAP@{d / 20:g}" for d in range(1, 11))]
    assert any(text.startswith("left-out: F1@sigma_l") and "second.json" in text for text in found.warnings)


def test_the_part_with_radii_in_the_wrong_order_is_named_in_a_sentence_that_reads_on():
    protocol = Protocol(metrics=("F1@sigma_l",))
    parts = []
    for image, radii in (("a", [[1.0, 2.0]]), ("b", [[4.0, 1.0]])):
        truth = Annotations(image_ids=[image], offsets=[0, 1], xy=[[5.0, 5.0]], radii=radii)
        empty = Predictions(image_ids=[image], offsets=[0, 0], xy=[])
        names = (f"{image}.json", f"{image}.txt")
        parts.append(evidence_of(empty, truth, protocol=protocol, names=names))
    words = (
        r"^F1@sigma_l needs radii of at least 0 with sigma_s not above sigma_l; other radii are at point 1 of image "
        r"'b' \(4 1\); the part b\.json with b\.txt lacks this$"
    )
    with pytest.raises(NeedsError, match=words):
        report_of(concatenated(parts))


def test_parts_that_can_not_be_one_are_refused_by_name():
    predictions, annotations = SETS["smooth"]
    one, two = (np.array(part) for part in ([0, 1], [1, 2]))
    first = evidence_of(predictions.take(one), annotations.take(one), names=("p1", "g1"))
    with pytest.raises(InputError, match="IMG_2"):
        concatenated([first, evidence_of(predictions.take(two), annotations.take(two))])
    rest = np.array([3, 4])
    other = evidence_of(predictions.take(rest), annotations.take(rest), protocol=Protocol(k=1), names=("p2", "g2"))
    with pytest.raises(InputError, match=r"k is 3 in p1 and 1 in p2"):
        concatenated([first, other])
    unscored = replace(predictions.take(rest), score=None)
    with pytest.raises(InputError, match=r"confidences in p1 and none in p3"):
        concatenated([first, evidence_of(unscored, annotations.take(rest), names=("p3", "g3"))])


def test_concatenation_compares_only_what_evidence_depends_on():
    predictions, annotations = SETS["smooth"]
    one, two = (np.array(part) for part in ([0, 1], range(2, 12)))
    parts = [
        evidence_of(predictions.take(one), annotations.take(one), protocol=Protocol(ap="step", pool="image")),
        evidence_of(predictions.take(two), annotations.take(two)),
    ]
    whole = evaluate(predictions, annotations)
    assert digits(report_of(concatenated(parts), protocol=Protocol())) == digits(whole)


def repeated(predictions, annotations, weights):
    """The set with image i literally there weights[i] times, under names of its own."""
    chosen = np.repeat(np.arange(len(weights)), weights)
    names = [f"{annotations.image_ids[i]}#{n}" for n, i in enumerate(chosen)]
    p_rows, t_rows = (
        np.concatenate([np.zeros(0, dtype=int), *(np.arange(side.offsets[i], side.offsets[i + 1]) for i in chosen)])
        for side in (predictions, annotations)
    )
    found, true = (
        np.concatenate([[0], np.cumsum(np.diff(side.offsets)[chosen])]) for side in (predictions, annotations)
    )
    taken = lambda column, rows: None if column is None else column[rows]  # noqa: E731 - three uses
    return (
        Predictions(image_ids=names, offsets=found, xy=predictions.xy[p_rows], score=taken(predictions.score, p_rows),
                    counts=taken(predictions.counts, chosen)),
        Annotations(image_ids=names, offsets=true, xy=annotations.xy[t_rows], boxes=taken(annotations.boxes, t_rows),
                    sizes=taken(annotations.sizes, chosen), radii=taken(annotations.radii, t_rows),
                    level=taken(annotations.level, t_rows),
                    attributes={name: column[chosen] for name, column in annotations.attributes.items()}),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ties", "smooth", "lone", "unscored", "own_counts", "radii"])
@settings(max_examples=5, deadline=None)
@given(data=st.data(), options=st.sampled_from([{}, {"pool": "image"}, {"ap": "coco101"}, {"ap": "voc11"}]))
def test_weights_are_repetition(name, data, options):
    predictions, annotations = SETS[name]
    full = protocol_for(predictions, annotations, **options)
    metrics = tuple(metric for metric in full.metrics if "quartile" not in metric)  # edges are those of the full set
    protocol = replace(full, metrics=metrics)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(annotations.image_ids),
                                          max_size=len(annotations.image_ids)).filter(any)))  # fmt: skip
    evidence = evidence_of(predictions, annotations, protocol=protocol)
    literal = evaluate(*repeated(predictions, annotations, weights), protocol=protocol)
    found = weighted(evidence, protocol, weights)
    for key, value in literal.values.items():
        # Levels are those of the full set: where no repeated image has heads, each of them is NaN by itself.
        keys = [key] if key in found else [name for name in found if name.startswith(f"{key}=")]
        assert keys, key
        for name in keys:
            assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name


def weighted(evidence, protocol, weights):
    values = {}
    for text in protocol.all_metrics:
        metric = Metric.parse(text)
        family = family_of(metric)
        assert has_evidence(family)
        values |= family.values([metric], evidence, protocol, weights=weights).values
    return values


def test_weights_of_one_are_none():
    for name in ("ties", "radii"):
        predictions, annotations = SETS[name]
        protocol = protocol_for(predictions, annotations)
        evidence = evidence_of(predictions, annotations, protocol=protocol)
        ones = np.ones(len(evidence), dtype=np.int64)
        assert {key: value.hex() for key, value in weighted(evidence, protocol, ones).items()} == {
            key: value.hex() for key, value in report_of(evidence).values.items()
        }


def test_quartile_edges_are_those_of_the_full_set():
    predictions, annotations = SETS["smooth"]
    protocol = Protocol(metrics=("MAE by count_quartile",))
    evidence = evidence_of(predictions, annotations, protocol=protocol)
    weights = np.zeros(len(evidence), dtype=np.int64)
    weights[0] = 3
    assert weighted(evidence, protocol, weights).keys() == report_of(evidence).values.keys()


@pytest.mark.parametrize("name", ["ties", "smooth", "radii", "unscored"])
def test_the_order_of_images_moves_no_digit(name):
    predictions, annotations = SETS[name]
    protocol = protocol_for(predictions, annotations)
    expected = digits(evaluate(predictions, annotations, protocol=protocol))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(annotations.image_ids))
        assert digits(evaluate(predictions.take(order), annotations.take(order), protocol=protocol)) == expected


@pytest.mark.parametrize("area", ["area", "step", "coco101", "voc11"])
@pytest.mark.parametrize("pool", ["set", "image"])
def test_perfect_predictions_give_exactly_1(area, pool):
    for heads in [*range(1, 60), 997]:
        xy = np.array([[10.0 * (n % 40), 10.0 * (n // 40)] for n in range(heads)])
        truth = Annotations(image_ids=["a"], offsets=[0, heads], xy=xy)
        found = Predictions(image_ids=["a"], offsets=[0, heads], xy=xy, score=np.linspace(0.1, 0.9, heads))
        made = evaluate(found, truth, protocol=Protocol(metrics=("nAP", "AP@3px"), ap=area, pool=pool))
        assert set(made.values.values()) == {1.0}, heads


def test_a_threshold_that_is_not_there_is_refused_naming_those_that_are():
    evidence = evidence_of(*SETS["smooth"], protocol=Protocol(metrics=("nAP@0.1:0.2:0.5", "AP@4px")))
    assert report_of(evidence, protocol=Protocol(metrics=("nAP@0.3",)))["nAP@0.3"] > 0
    with pytest.raises(UsageError, match=r"no threshold 0\.2 \(delta\); it has 0\.1, 0\.3, 0\.5"):
        report_of(evidence, protocol=Protocol(metrics=("nAP@0.2",)))
    with pytest.raises(UsageError, match=r"no threshold 5 \(radius\); it has 4"):
        report_of(evidence, protocol=Protocol(metrics=("AP@5px",)))
    with pytest.raises(UsageError, match="holds nothing for MLE@16px"):
        report_of(evidence, protocol=Protocol(metrics=("MLE@16px",)))


@pytest.mark.parametrize("option", [{"k": 1}, {"lone": "9"}, {"count_threshold": 0.1}, {"off_image": "drop"}])
def test_options_that_decide_evidence_can_not_be_chosen_anew(option):
    evidence = evidence_of(*SETS["smooth"])
    with pytest.raises(UsageError, match=f"made with {next(iter(option))} ="):
        report_of(evidence, protocol=Protocol(**option))


@pytest.mark.parametrize("option", [{"ap": "step"}, {"pool": "image"}, {"ap": "voc11", "pool": "image"}])
def test_area_and_pool_are_chosen_when_values_are_taken(option):
    evidence = evidence_of(*SETS["smooth"])
    protocol = Protocol(**option)
    assert digits(report_of(evidence, protocol=protocol)) == digits(evaluate(*SETS["smooth"], protocol=protocol))


def test_evidence_is_whole_numbers_bits_and_floats_of_one_image():
    predictions, annotations = SETS["ties"]
    evidence = evidence_of(predictions, annotations, protocol=protocol_for(predictions, annotations))
    rows = {name: column.shape for name, column in evidence.rows.items()}
    assert rows == {"delta": (len(predictions.xy), 2), "radius": (len(predictions.xy), 3)}
    assert evidence.score is predictions.score or np.shares_memory(evidence.score, predictions.score)
    fractions = {
        name for name, column in evidence.images.items()
        if column.dtype.kind == "f" and not np.array_equal(np.floor(column), column, equal_nan=True)
    }  # fmt: skip
    assert fractions <= {"cost@16px", "median_scale"}


def test_a_notice_that_matters_is_also_a_python_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = evaluate(*SETS["unscored"])
    texts = [str(each.message) for each in caught]

    assert any(text.startswith("no-confidences") for text in texts)
    assert set(texts) <= set(report.warnings)


@pytest.mark.parametrize("metric", ["MAE by weather", "MAE by nonsense", "MAE[S]", "F1@4px", "MLE@7px"])
def test_a_metric_that_evidence_was_not_made_for_is_refused_naming_those_it_has(metric):
    predictions, annotations = SETS["radii"]
    kept = Protocol(metrics=("MAE by scale_quartile", "F1@8px", "MLE@16px"))
    evidence = evidence_of(predictions, annotations, protocol=kept)
    with pytest.raises(UsageError, match=r"this evidence (holds nothing for|has no threshold)") as said:
        report_of(evidence, protocol=replace(kept, metrics=(metric,)))
    assert "scale_quartile" in str(said.value) or "8" in str(said.value)


def test_an_attribute_of_a_bands_name_is_read_where_the_band_is_asked_for():
    for name in ("jhu_level", "count_quartile", "scale_quartile", "jhu_weather"):
        metric = Metric.parse(f"MAE by {name}")
        assert f"attribute:{name}" in family_of(metric).reads(metric).columns


@pytest.mark.parametrize("options", [{"lone": "diagonal"}, {"off_image": "drop"}])
def test_a_part_without_sizes_never_raises_and_says_what_it_lacks(options):
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    predictions = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    protocol = Protocol(metrics=("nAP", "MAE", "MAE by scale_quartile"), **options)
    evidence = evidence_of(predictions, truth, protocol=protocol)
    assert "width and height" in evidence.lacks["nAP"].reason
    assert ("MAE" in evidence.lacks) == ("off_image" in options)
    with pytest.raises(NeedsError, match="width and height"):
        evaluate(predictions, truth, protocol=protocol)


def test_two_families_that_keep_different_columns_of_one_name_are_refused():
    evidence = evidence_of(*SETS["ties"], protocol=Protocol(metrics=("F1@8px",)))
    with pytest.raises(UsageError, match="two metrics keep different columns under the name 'predicted'"):
        evidence.with_columns(replace(evidence, images={"predicted": evidence.images["predicted"] + 1}))


def test_the_columns_of_evidence_are_read_only():
    evidence = evidence_of(*SETS["ties"], protocol=Protocol(metrics=("nAP", "F1@8px")))
    for column in (*evidence.images.values(), *evidence.rows.values(), evidence.offsets, evidence.score):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = column[0]


def test_the_order_of_parts_with_other_areas_decides_nothing():
    first, second = SETS["ties"], SETS["smooth"]
    ids = {"image_ids": [f"s{name}" for name in second[0].image_ids]}
    second = (replace(second[0], **ids), replace(second[1], **ids))
    parts = [evidence_of(*first), evidence_of(*second, protocol=Protocol(ap="coco101"))]
    one, other = report_of(concatenated(parts)), report_of(concatenated(parts[::-1]))
    assert one.signature == other.signature
    assert one.values == other.values


def test_sizes_that_only_some_parts_know_are_no_reason_for_another_notice():
    points = {"offsets": [0, 2], "xy": [[5.0, 5.0], [90.0, 90.0]]}
    far = {"offsets": [0, 2], "xy": [[500.0, 500.0], [900.0, 900.0]]}
    truths = [Annotations(image_ids=["a"], sizes=[[100, 100]], **points), Annotations(image_ids=["b"], **points)]
    whole = Annotations(image_ids=["a", "b"], offsets=[0, 2, 4], xy=points["xy"] * 2,
                        sizes=[[100, 100], [np.nan, np.nan]])  # fmt: skip
    predictions = [Predictions(image_ids=[name], **far) for name in "ab"]
    parts = [evidence_of(*pair) for pair in zip(predictions, truths, strict=True)]
    assert report_of(concatenated(parts)).warnings == evaluate(concatenated(predictions), whole).warnings


def test_the_tie_notice_looks_at_every_metric():
    truth = Annotations(image_ids=["a"], offsets=[0, 3], xy=[[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    predictions = Predictions(image_ids=["a"], offsets=[0, 2], xy=[[4.0, 0.0], [300.0, 0.0]], score=[0.5, 0.5])
    said = evaluate(predictions, truth, protocol=Protocol(preset="none", metrics=("nAP@0.01", "nAP@0.05"))).warnings
    assert any("nAP@0.05 would be" in text for text in said)
