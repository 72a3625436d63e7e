"""Populations of images with the outcomes of two systems, and samples of them; matching is done once.

A sample of n images is n rows of the evidence, also more than once, under new ids. Its truth is the value of the whole
population, weighted where the images are drawn with weights.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crowdeval import Annotations, Predictions, align, read_annotations, read_predictions
from crowdeval.evaluation.evaluate import report_and_evidence
from crowdeval.evaluation.protocol import Protocol
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.ranking import precisions
from crowdeval.points.ragged import offsets_of
from crowdeval.statistics.quantities import numbers_of

DATA = Path(os.environ.get("CROWDEVAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
DELTA = "0.25:0.25:0.5"
"""Two thresholds: the mean of nAP is over both, so that samples take less time."""


@dataclass(frozen=True)
class Population:
    """Images with the outcomes of two systems, the rows of the second behind those of the first."""

    name: str
    both: Evidence
    protocol: Protocol
    keys: tuple[str, ...]

    @property
    def images(self):
        return len(self.both) // 2

    def sample(self, rows, keys=None, *, power=1, clusters=None):
        """Return the numbers of these rows, as new images, with the confidences raised to a power."""
        evidence = rows_of(self.both, rows)
        if power != 1 and evidence.score is not None:
            evidence = replace(evidence, score=evidence.score**power)
        return self.numbers(evidence, self.keys if keys is None else keys, clusters=clusters)

    def numbers(self, evidence, keys, **options):
        """Return numbers of evidence with their exact values."""
        made = numbers_of(evidence, dict.fromkeys(keys, 0.5), self.protocol, **options)
        everything = np.ones((1, len(made.units)))
        deltas = {"nAP": self.protocol.delta, "nAP@0.5": (0.5,)}
        wanted = sorted({at for key in keys for at in deltas.get(key, ())})
        value_at = precisions(evidence, "delta", wanted) if wanted else {}
        for key, number in made.by_key.items():
            if key in deltas:
                value = float(np.mean([value_at[at] for at in deltas[key]]))
            else:
                value = float(number.sums.replicates(everything, [key], influences=False)[key].values[0])
            made.by_key[key] = replace(number, value=value)
        return made

    def system(self, which, keys=None, **options):
        """Return the numbers of one system on the whole population."""
        rows = np.arange(self.images) + which * self.images
        return self.numbers(rows_of(self.both, rows), self.keys if keys is None else keys, **options)


def rows_of(evidence, rows):
    """Return some images of evidence, also more than once, under new ids that keep their order."""
    points = evidence.points.rows(rows)
    return replace(
        evidence,
        image_ids=tuple(f"{n:06}" for n in range(len(rows))),
        offsets=offsets_of(evidence.points.counts_of(rows)),
        score=None if evidence.score is None else evidence.score.take(points),
        images={name: column[rows] for name, column in evidence.images.items()},
        rows={name: column.take(points, axis=0) for name, column in evidence.rows.items()},
    )


def population(name, systems, truth, f1):
    """Return a population from the predictions of two systems."""
    protocol = Protocol(metrics=["nAP", f1, "MAE", "RMSE", "NAE"], delta=DELTA)
    made = [report_and_evidence(predictions, truth, protocol=protocol)[1] for predictions in systems]
    both = {
        name: np.concatenate([evidence.images[name] for evidence in made])
        for name in ("true", "estimated", "predicted", *(name for name in made[0].images if name.startswith("hits@")))
    }
    first, second = made
    return Population(
        name,
        replace(
            first,
            image_ids=(*first.image_ids, *(f"{own} again" for own in second.image_ids)),
            offsets=offsets_of(np.concatenate([first.counts, second.counts])),
            score=None if first.score is None else np.concatenate([first.score, second.score]),
            images=both,
            rows={column: np.concatenate([own.rows[column] for own in made]) for column in first.rows},
        ),
        protocol,
        ("nAP", "nAP@0.5", f1, "MAE", "RMSE", "NAE"),
    )


def worsened(predictions, random, images, *, noise, lost):
    """Return predictions with points that are moved, some of them lost, on some of the images."""
    own = np.repeat(images, predictions.points.counts)
    kept = ~own | (random.random(len(own)) >= lost)
    moved = predictions.xy + random.normal(0, 1, (len(own), 2)) * np.where(own, noise, 0)[:, None]
    return Predictions(
        image_ids=predictions.image_ids,
        offsets=predictions.points.where(kept).offsets,
        xy=moved[kept],
        score=predictions.score[kept],
    )


def two_of_one(predictions, truth, random, *, noise, lost):
    """Return two systems from one: worsened on the sparse half of the images, or on the dense half."""
    dense = truth.points.counts >= np.median(truth.points.counts)
    return [worsened(predictions, random, own, noise=noise, lost=lost) for own in (~dense, dense)]


def twins(predictions, random, *, noise, lost):
    """Return two half-noise versions of one system."""
    everything = np.ones(len(predictions.image_ids), dtype=bool)
    return [worsened(predictions, random, everything, noise=noise, lost=lost) for _ in range(2)]


def yunet(least=0.25):
    """Return the predictions of a face detector on ShanghaiTech A test, and the annotations."""
    from crowdeval.datasets import open_dataset

    text = gzip.decompress((DATA / "scored" / "yunet_SHA_test.json.gz").read_bytes())
    images = {image: np.array(rows).reshape(-1, 3) for image, rows in json.loads(text)["points"].items()}
    images = {image: rows[rows[:, 2] >= least] for image, rows in images.items()}
    table = np.concatenate(list(images.values()))
    found = Predictions(
        image_ids=list(images), offsets=offsets_of([len(own) for own in images.values()]), xy=table[:, :2],
        score=table[:, 2],
    )  # fmt: skip
    truth = open_dataset("shanghaitech-a:test", root=DATA / "ShanghaiTech", cache=False).annotations
    return align(found, truth, missing="empty", id_style="stem")


def drawn(random, images=240, people=60):
    """Return a drawn crowd, and a predictor of it whose quality differs from image to image."""
    counts = np.clip(random.lognormal(np.log(people), 1.0, images), 8, 20 * people).astype(int)
    xy = random.random((int(counts.sum()), 2)) * 1000
    ids = [f"{n:04}" for n in range(images)]
    truth = Annotations(image_ids=ids, offsets=offsets_of(counts), xy=xy)
    own = np.repeat(np.arange(images), counts)
    seen = random.random(len(own)) < np.repeat(random.beta(6, 2, images), counts)
    false = np.repeat(np.arange(images), (counts * random.gamma(1.0, 0.4, images)).astype(int))
    image = np.concatenate([own[seen], false])
    points = np.concatenate(
        [xy[seen] + random.normal(0, 6, (int(seen.sum()), 2)), random.random((len(false), 2)) * 1000]
    )
    score = np.concatenate([random.beta(4, 1.5, int(seen.sum())), random.beta(1.5, 2, len(false))])
    order = np.argsort(image, kind="stable")
    offsets = offsets_of(np.bincount(image, minlength=images))
    return Predictions(image_ids=ids, offsets=offsets, xy=points[order], score=score[order]), truth


def real_populations():
    """Return the real populations by name; none where the data are absent."""
    if not (DATA / "nwpu_val").is_dir():
        return {}
    found, truth = yunet()
    random = np.random.default_rng(1)
    crowds = read_annotations(DATA / "nwpu_val" / "val_gt_loc.txt")
    files = ("TinyFaces_loc_0.8_0.3.txt", "Raz_loc_val_0.5.txt")
    nwpu = [align(read_predictions(DATA / "nwpu_val" / name), crowds, missing="empty")[0] for name in files]
    return {
        "SHA": population("SHA", two_of_one(found, truth, random, noise=3, lost=0.2), truth, "F1@8px"),
        "SHA twins": population("SHA twins", twins(found, random, noise=3, lost=0.2), truth, "F1@8px"),
        "NWPU": population("NWPU", nwpu, crowds, "F1@sigma_l"),
    }


def drawn_populations(images=240, people=60):
    """Return drawn populations by name."""
    random = np.random.default_rng(2)
    found, truth = drawn(random, images, people)
    return {
        "drawn": population("drawn", two_of_one(found, truth, random, noise=4, lost=0.2), truth, "F1@8px"),
        "drawn twins": population("drawn twins", twins(found, random, noise=4, lost=0.2), truth, "F1@8px"),
    }
