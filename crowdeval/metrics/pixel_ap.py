"""AP at a radius in pixels, and L-AUC, UCF-QNRF's name for its mean over radii.

Convention
    The sequential matching and the curve of nAP (``crowdeval metrics nAP``), with a radius in pixels in place of
    delta x d_k. A prediction can match a true point if their distance is strictly below the radius. All confidences
    take part, and the predictions of all images form one ranked list.

Formula
    AP@8px = average precision with the true positives at that radius.

    AP@5:5:50px and L-AUC@1:1:100px = mean of the average precision over the radii. The two names mean the same
    quantity.

Options
    ``ap``: the area under the curve, as for nAP. ``pool`` does not apply.

Evidence
    One bit for each prediction and radius, which says whether it is a true positive, beside its confidence.

Source
    Idrees et al., UCF-QNRF, ECCV 2018, for L-AUC: the area under the precision-recall curve over the radii 1 to 100 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.batching import groups_with_pairs
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.sequential import candidates, sequential_matches
from crowdeval.metrics.evidence import Bits, Evidence, pack_bits
from crowdeval.metrics.family import Entry, Measured, Options, Reads, Scene, lacking_points, reads
from crowdeval.metrics.ranking import precisions, tie_notice
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.metrics.sums import Weights, mean
from crowdeval.points.ragged import Floats, Ragged

COLUMN = "radius"
"""Name of the column of evidence that holds the hits within a radius."""


def _match_within(predicted: Ragged, score: Floats | None, true: Ragged, radii: tuple[float, ...]) -> Bits:
    """Return which predictions are true positives at each of R radii in pixels, (M, ceil(R / 8)) bits."""
    # Images are matched in groups, so that the number of pairs in memory stays bounded.
    bits = np.zeros((len(predicted), -(-len(radii) // 8)), dtype=np.uint8)
    near = PointTree(predicted).count_within(true.xy, true.image, np.full(len(true), max(radii)))
    for images in groups_with_pairs(predicted, true, near):
        rows, own = predicted.rows(images), true.take(images)
        table = candidates(
            predicted.take(images),
            None if score is None else score[rows],
            own,
            np.ones(len(own)),  # scale 1: the normalised distance is the distance in pixels
            delta=max(radii),
            k=0,
        )
        flags = (sequential_matches(table, radius) for radius in radii)
        bits[rows] = pack_bits(flags, table.prediction, len(rows), len(radii))
    return bits


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
        """Return the metric with the shortest spelling of its radii."""
        metric = metric.plain("at")
        return Metric(name=metric.name, at=pixels_text(pixels(metric, "8px or 1:1:100px")))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Return points, if the predictions are counts only."""
        return lacking_points(scene)

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only can't enter a ranked list."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the options of the curve."""
        return reads("ap cmp ties pick cap")

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the hits at every requested radius."""
        radii = tuple(sorted({radius for metric in asked for radius in pixels(metric, "")}))
        predicted, true = scene.predictions.points, scene.annotations.points
        bits = _match_within(predicted, scene.predictions.score, true, radii)
        return scene.evidence(rows={COLUMN: bits}, thresholds={COLUMN: radii})

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over the radii of each requested metric."""
        ranges = {str(metric): pixels(metric, "") for metric in asked}
        radii = sorted({radius for own in ranges.values() for radius in own})
        value_at = precisions(evidence, COLUMN, radii, ap=options.ap, weights=weights)
        measured = Measured(values={name: mean([value_at[radius] for radius in own]) for name, own in ranges.items()})
        if not evidence.images["true"].any():
            measured.undefined.append("AP is undefined: there are no true points")
        if weights is None:
            measured.notices = tie_notice(evidence, COLUMN, ranges, ap=options.ap, pool="set")
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return no columns: the metric is defined on the whole set only."""
        return {}


PIXEL_AP = PixelAveragePrecision()
