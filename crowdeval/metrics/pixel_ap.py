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

from collections.abc import Sequence

import numpy as np

from crowdeval.matching.batching import groups_with_pairs
from crowdeval.matching.curves import average_precision, seen_in_set
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.sequential import candidates, sequential_matches
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Scene
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.points.ragged import Floats, Integers, Ragged


def hits_at_radii(predicted: Ragged, score: Floats | None, true: Ragged, radii: Sequence[float]) -> list[Integers]:
    """Return, for every radius in pixels, the rows of the predictions that are true positives.

    Images are worked on in groups that keep the number of pairs held at a time bounded.
    """
    hits: list[list[Integers]] = [[] for _ in radii]
    near = PointTree(predicted).count_within(true.xy, true.image, np.full(len(true), max(radii)))
    for images in groups_with_pairs(predicted, true, near):
        rows, own = predicted.rows(images), true.take(images)
        table = candidates(
            predicted.take(images),
            None if score is None else score[rows],
            own,
            np.ones(len(own)),
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
        predictions, true = scene.predictions, scene.annotations.points
        rising = None if predictions.score is None else np.sort(predictions.score)
        terms = {}
        for radius, rows in zip(radii, hits_at_radii(predictions.points, predictions.score, true, radii), strict=True):
            seen = np.sort(seen_in_set(rising, len(predictions.xy), _asked(predictions.score, rows)))
            terms[radius] = average_precision(seen, len(true), ap=scene.options.ap)
        return Measured(
            values={name: float(np.mean([terms[radius] for radius in values])) for name, values in wanted.items()},
            undefined=[] if len(true) else ["AP is undefined: there are no true points"],
        )


def _asked(score: Floats | None, rows: Integers) -> Floats | int:
    return len(rows) if score is None else score[rows]


PIXEL_AP = PixelAveragePrecision()
