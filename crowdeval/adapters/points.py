"""``points``: the predictions in a file, as a predictor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.errors import PredictorError, did_you_mean
from crowdeval.formats import read_predictions
from crowdeval.points.sets import Predictions


class Points:
    """Predictions from a file, in any format that crowdeval reads.

    Parameters
    ----------
    file : Path
        The file.
    format : str, optional
        The format of the file; by default it is recognized.
    name : str, optional
        The model's name; by default the name of the file without its suffixes.
    revision : str, optional
        The model's version; by default the hash of the file.
    """

    needs_pixels = False

    def __init__(
        self, *, file: Path, format: str | None = None, name: str | None = None, revision: str | None = None
    ) -> None:
        self.file = file
        self.format = format
        self.name = name or file.name.partition(".")[0] or "points"
        self.revision = revision or revision_of(file)
        self._predictions: Predictions | None = None
        self._row: dict[str, int] = {}

    def open(self) -> None:
        """Read the file."""
        self._predictions = read_predictions(self.file, format=self.format)
        self._row = {image: row for row, image in enumerate(self._predictions.image_ids)}

    def close(self) -> None:
        """Release the predictions."""
        self._predictions = None

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the predictions of the file for the images."""
        if self._predictions is None:
            self.open()
        assert self._predictions is not None, "open() reads them"
        return [self._answer(self._predictions, image.id) for image in images]

    def _answer(self, predictions: Predictions, image: str) -> dict[str, Any]:
        row = self._row.get(image)
        if row is None:
            raise PredictorError(f"{self.file} has no image {image!r}{did_you_mean(image, self._row)}")
        count = None if predictions.counts is None else float(predictions.counts[row])
        answer: dict[str, Any] = {} if count is None or math.isnan(count) else {"count": count}
        if predictions.located:
            rows = slice(predictions.offsets[row], predictions.offsets[row + 1])
            answer["points"] = predictions.xy[rows]
            answer["scores"] = None if predictions.score is None else predictions.score[rows]
        return answer
