"""Sets, evidence and numbers by which resamples, errors, intervals and comparisons are tested."""

import numpy as np
import value_sets

from crowdeval import Annotations, Predictions, Protocol, evidence_of, report_of
from crowdeval.metrics.groups import groups_of
from crowdeval.statistics.contract import Units
from crowdeval.statistics.curves import Curves
from crowdeval.statistics.quantities import numbers_of

METRICS = Protocol(metrics=(
    "nAP", "nAP@0.3", "AP@8px", "AP@5:5:20px", "L-AUC@1:1:9px", "MAE", "RMSE", "NAE", "bias", "MAE[S]", "RMSE[S]",
    "NAE[S]", "bias[S]", "MAE[L]", "RMSE[L]", "NAE[L]", "MAE by place", "NAE by weather", "RMSE by weather",
    "bias by weather", "MAE by count_quartile", "NAE by count_quartile", "RMSE by scale_quartile", "F1@sigma_l",
    "F1@sigma_s", "Precision@sigma_l", "Recall@sigma_s", "F1@8px", "Precision@8px", "Recall@8px",
    "Recall@sigma_l by level", "L-F1@1:1:9px", "L-Precision@1:1:9px", "L-Recall@1:1:9px", "MLE@16px", "GAME(0)",
    "GAME(2)",
)).metrics  # fmt: skip
OPTIONS = [{}, {"ap": "step"}, {"ap": "coco101"}, {"ap": "voc11"}, {"pool": "image"}, {"pool": "image", "ap": "voc11"}]


def made(name, **options):
    """Predictions, annotations and evidence of all metrics that the data lack nothing for."""
    predictions, annotations = value_sets.GENERATED[name]()
    lacks = evidence_of(predictions, annotations, protocol=Protocol(metrics=METRICS, **options)).lacks
    protocol = Protocol(metrics=tuple(metric for metric in METRICS if metric not in lacks), **options)
    return predictions, annotations, protocol, evidence_of(predictions, annotations, protocol=protocol)


def whole_levels(key, evidence, counts):
    """Whether every level that the whole set has is in the resample; for NAE, with people."""
    name, _, level = key.partition("[")
    if not level:
        return True
    peopled = evidence.images["true"] > 0
    for label, images in groups_of({"S": "scene_level", "L": "luminance"}[level[0]], evidence):
        own = images & peopled if name == "NAE" else images
        if label in "01234" and own.any() and not counts[own].any():
            return False
    return True


def crowd_of(images, heads, seed=0, *, digits=9):
    """Points along a line, predictions near most of them; as many confidences as digits allow."""
    random = np.random.default_rng(seed)
    sides = {"xy": [], "score": [], "true": [], "sizes": []}
    for n in range(images):
        true = np.stack([np.arange(heads + n % 3) * 20.0, np.full(heads + n % 3, 5.0)], axis=1)
        kept = true[random.random(len(true)) < 0.8] + random.normal(0, 3, 2)
        found = np.concatenate([kept, random.uniform(0, 400, (heads // 3, 2)) + np.array([0, 50])])
        quality = np.r_[np.full(len(kept), 0.3), np.zeros(len(found) - len(kept))]
        sides["xy"].append(found)
        sides["score"].append((0.7 * random.random(len(found)) + quality).round(digits))
        sides["true"].append(true)
    ids = [f"i{n:03}" for n in range(images)]
    offsets = [np.cumsum([0, *map(len, sides[name])]) for name in ("xy", "true")]
    return (
        Predictions(image_ids=ids, offsets=offsets[0], xy=np.concatenate(sides["xy"]),
                    score=np.concatenate(sides["score"])),
        Annotations(image_ids=ids, offsets=offsets[1], xy=np.concatenate(sides["true"])),
    )  # fmt: skip


def curves_of(evidence, ap, kind=Curves, **options):
    units = Units.of(evidence.image_ids)
    return kind(evidence, "delta", {"nAP": [0.2, 0.5], "nAP@0.5": [0.5]}, ap, units, **options)


def counted(estimated, true, ids=None):
    """Sets of counts without points."""
    ids = ids or [f"i{n:03}" for n in range(len(true))]
    empty = {"image_ids": ids, "offsets": [0] * (len(ids) + 1), "xy": [], "located": False}
    return Predictions(**empty, counts=np.array(estimated, float)), Annotations(**empty, counts=np.array(true))


def numbers(sides, *metrics, **options):
    protocol = Protocol(metrics=metrics)
    evidence = evidence_of(*sides, protocol=protocol)
    return numbers_of(evidence, report_of(evidence).values, protocol, **options)
