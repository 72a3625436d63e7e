"""Average precision at a radius in pixels, and UCF-QNRF's L-AUC.

Convention
    nAP's sequential matching and curve with a radius in place of delta x d_k: strictly below the radius, all
    confidences, one ranked list over all images.

Formula
    AP@8px at one radius; AP@5:5:50px and L-AUC@1:1:100px the mean over radii. The two names mean one thing; L-AUC is
    the name in Idrees et al., UCF-QNRF, ECCV 2018.

Options
    ``ap`` as for nAP. ``pool`` does not apply.

Evidence
    One bit a prediction and radius, whether it is a true positive, beside its confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.matching.batching import groups_with_pairs
from crowdeval.matching.neighbours import PointTree
from crowdeval.matching.sequential import candidates, sequential_matches
from crowdeval.metrics.evidence import Bits, Evidence, packed
from crowdeval.metrics.family import NO_POINTS, Entry, Measured, Options, Reads, Scene, reads
from crowdeval.metrics.ranking import precisions, tie_notice
from crowdeval.metrics.strings import Metric, pixels, pixels_text
from crowdeval.metrics.sums import Weights, mean
from crowdeval.points.ragged import Floats, Ragged

COLUMN = "radius"
"""The rows of evidence that hold the hits within a radius."""


def match_within(predicted: Ragged, score: Floats | None, true: Ragged, radii: tuple[float, ...]) -> Bits:
    """Return which predictions are true positives at each radius in pixels, (M, ceil(R / 8)) bits.

    Images are worked on in groups that keep the number of pairs held at a time bounded.
    """
    bits = np.zeros((len(predicted), -(-len(radii) // 8)), dtype=np.uint8)
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
        flags = (sequential_matches(table, radius) for radius in radii)
        bits[rows] = packed(flags, table.prediction, len(rows), len(radii))
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
        """Bring the radius into its shortest spelling."""
        metric = metric.plain("at")
        return Metric(name=metric.name, at=pixels_text(pixels(metric, "8px or 1:1:100px")))

    def lacking(self, metric: Metric, scene: Scene) -> str | None:
        """Say that counts are not enough."""
        return None if scene.predictions.located else NO_POINTS

    def spares(self, metric: Metric, scene: Scene) -> bool:
        """Return False: images with counts only have no place in a ranked list."""
        return False

    def reads(self, metric: Metric) -> Reads:
        """Return the options of the curve."""
        return reads("ap cmp ties pick cap")

    def evidence(self, asked: Sequence[Metric], scene: Scene) -> Evidence:
        """Return the hits at every radius asked for."""
        radii = tuple(sorted({radius for metric in asked for radius in pixels(metric, "")}))
        predicted, true = scene.predictions.points, scene.annotations.points
        bits = match_within(predicted, scene.predictions.score, true, radii)
        return scene.evidence(rows={COLUMN: bits}, thresholds={COLUMN: radii})

    def values(
        self, asked: Sequence[Metric], evidence: Evidence, options: Options, *, weights: Weights = None
    ) -> Measured:
        """Return the mean over the radii of each metric asked for."""
        wanted = {str(metric): pixels(metric, "") for metric in asked}
        radii = sorted({radius for values in wanted.values() for radius in values})
        found = precisions(evidence, COLUMN, radii, ap=options.ap, weights=weights)
        measured = Measured(values={name: mean([found[at] for at in own]) for name, own in wanted.items()})
        if not evidence.images["true"].any():
            measured.undefined.append("AP is undefined: there are no true points")
        if weights is None:
            name = next(iter(wanted))
            measured.notices = tie_notice(name, evidence, COLUMN, wanted[name], ap=options.ap, pool="set")
        return measured

    def columns(self, asked: Sequence[Metric], evidence: Evidence, options: Options) -> dict[str, NDArray[Any]]:
        """Return nothing: the metric is of the whole set."""
        return {}


PIXEL_AP = PixelAveragePrecision()
