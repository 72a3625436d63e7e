"""Average precision at a radius in pixels, and UCF-QNRF's L-AUC.

Convention
    nAP's sequential matching and curve with a radius in place of delta x d_k: strictly below the radius, all
    confidences, one ranked list over all images.

Formula
    AP@8px at one radius; AP@5:5:50px and L-AUC@1:1:100px the mean over radii. The two names mean one thing; L-AUC is
    the name in Idrees et al., UCF-QNRF, ECCV 2018.

Options
    ``ap`` as for nAP. ``pool`` does not apply.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from crowdeval.arrays import Floats, Integers, image_of_rows, offsets_of, rows_of_images
from crowdeval.cardinality import image_groups
from crowdeval.curves import average_precision, seen_in_set
from crowdeval.errors import UndefinedMetricWarning
from crowdeval.matching import candidates, sequential_matches
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Metric, Scene, pixels, pixels_text
from crowdeval.neighbours import PointTree
from crowdeval.points import Annotations, Predictions


def hits_at_radii(predictions: Predictions, annotations: Annotations, radii: Sequence[float]) -> list[Integers]:
    """Return, for every radius in pixels, the rows of the predictions that are true positives.

    Images are worked on in groups that keep the number of pairs held at a time bounded.
    """
    hits: list[list[Integers]] = [[] for _ in radii]
    tree = PointTree(predictions.xy, image_of_rows(predictions.offsets))
    reach = np.full(len(annotations.xy), max(radii))
    _, groups = image_groups(tree, predictions.offsets, annotations.xy, annotations.offsets, reach)
    for images in groups:
        rows = rows_of_images(predictions.offsets, images)
        true_rows = rows_of_images(annotations.offsets, images)
        table = candidates(
            predictions.xy[rows],
            offsets_of(np.diff(predictions.offsets)[images]),
            None if predictions.score is None else predictions.score[rows],
            annotations.xy[true_rows],
            offsets_of(annotations.counts[images]),
            np.ones(len(true_rows)),
            delta=max(radii),
            k=0,
        )
        for found, radius in zip(hits, radii, strict=True):
            found.append(rows[table.prediction[sequential_matches(table, radius)]])
    return [np.concatenate([np.empty(0, dtype=np.int64), *found]) for found in hits]


class PixelAveragePrecision:
    """The family of average precision at pixel radii."""

    entries = (
        Entry(
            string="AP@8px",
            title="average precision at a radius in pixels, or the mean over a range",
            better="higher",
            unit="1",
            source="nAP's matching with a fixed radius",
        ),
        Entry(
            string="L-AUC@1:1:100px",
            title="area under the precision-recall curve, mean over a range of radii",
            better="higher",
            unit="1",
            source="Idrees et al., UCF-QNRF, ECCV 2018",
        ),
    )

    def canonical(self, metric: Metric) -> Metric:
        """Bring the radius into its shortest spelling."""
        metric = metric.plain("at")
        return Metric(name=metric.name, at=pixels_text(pixels(metric, "8px or 1:1:100px")))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Say that counts are not enough."""
        return None if scene.predictions.located else NO_POINTS

    def measure(self, asked: Sequence[Metric], scene: Scene) -> Measured:
        """Return the mean over the radii of each metric asked for."""
        wanted = {str(metric): pixels(metric, "") for metric in asked}
        radii = sorted({radius for values in wanted.values() for radius in values})
        truths = len(scene.annotations.xy)
        if not truths:
            warnings.warn("AP is undefined: there are no true points", UndefinedMetricWarning, stacklevel=2)
        rising = None if scene.predictions.score is None else np.sort(scene.predictions.score)
        terms = {}
        for radius, rows in zip(radii, hits_at_radii(scene.predictions, scene.annotations, radii), strict=True):
            seen = np.sort(seen_in_set(rising, len(scene.predictions.xy), _asked(scene.predictions.score, rows)))
            terms[radius] = average_precision(seen, truths, ap=scene.options.ap)
        return Measured(
            values={name: float(np.mean([terms[radius] for radius in values])) for name, values in wanted.items()}
        )


def _asked(score: Floats | None, rows: Integers) -> Floats | int:
    return len(rows) if score is None else score[rows]


PIXEL_AP = PixelAveragePrecision()
