"""``yunet``: OpenCV's face detector FaceDetectorYN with a model file such as YuNet's; the centres of its boxes.

Small faces are found in enlarged copies of the image. The boxes of all copies go through one non-maximum suppression,
in float64 (OpenCV's own rounds boxes to whole pixels, too coarse for the faces of a crowd).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdeval.adapters.boxes import as_share, corners, points_in, survivors
from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.number_list import numbers
from crowdeval.adapters.packages import package
from crowdeval.errors import PredictorError
from crowdeval.points.ragged import Floats

MOST = 1_000_000
"""Boxes that OpenCV hands over for one copy of an image: all there are."""


class YuNet:
    """Face detectors of the YuNet kind through OpenCV's FaceDetectorYN: the centre of every face, with a confidence.

    Parameters
    ----------
    file : Path
        The ONNX model; one with dynamic sizes for images of any size.
    confidence : float
        The least confidence that is kept.
    nms : float
        Intersection over union above which the less confident of two boxes goes.
    scales : str
        How many times larger the image is shown, one pass each.
    name : str, optional
        The model's name; the file's where it is not given.
    """

    needs: ClassVar[tuple[str, ...]] = ("cv2",)
    device = "cpu"

    def __init__(
        self,
        *,
        file: Path,
        confidence: float = 0.15,
        nms: float = 0.3,
        scales: str = "1,2,3",
        name: str | None = None,
    ) -> None:
        self.file = file
        self.confidence = as_share("confidence", confidence)
        self.nms = as_share("nms", nms)
        self.scales = numbers("scales", scales, above=0)
        self.name = name or file.stem
        self.revision = revision_of(file)
        self._cv2: Any = None
        self._detector: Any = None

    def open(self) -> None:
        """Load the model."""
        self._cv2 = package("cv2")
        if not hasattr(self._cv2, "FaceDetectorYN"):
            raise PredictorError(f"OpenCV {self._cv2.__version__} has no FaceDetectorYN; 4.5.4 and later have it")
        try:
            with _hushed(self._cv2):
                self._detector = self._cv2.FaceDetectorYN.create(
                    str(self.file), "", (320, 320), score_threshold=self.confidence, nms_threshold=1.0, top_k=MOST
                )
        except self._cv2.error as problem:
            raise PredictorError(f"{self.file} is no face detector that OpenCV loads: {_first(problem)}") from None

    def close(self) -> None:
        """Let go of the model."""
        self._detector = None

    def predict(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Return the centres of the faces and their confidences, the most confident first."""
        if self._detector is None:
            self.open()
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> tuple[Floats, Floats]:
        bgr = np.ascontiguousarray(image.pixels[:, :, ::-1])
        try:
            passes = [self._faces(bgr, scale) for scale in self.scales]
        except self._cv2.error as problem:
            raise PredictorError(f"OpenCV can't run {self.file} on image {image.id!r}: {_first(problem)}") from None
        faces = np.concatenate(passes)
        boxes, score = corners(faces[:, :4], "xywh"), faces[:, 4]
        kept = survivors(boxes, score, self.nms)
        return points_in(boxes[kept], 0.5), score[kept]

    def _faces(self, bgr: Any, scale: float) -> Floats:
        """Return the faces of one copy, (N, 5): box in pixels of the image, confidence."""
        height, width = bgr.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shown = bgr if size == (width, height) else self._cv2.resize(bgr, size)
        self._detector.setInputSize(size)
        found = self._detector.detect(shown)[1]
        if found is None:
            return np.empty((0, 5))
        faces = np.asarray(found, dtype=np.float64)[:, [0, 1, 2, 3, 14]]
        faces[:, :4] /= np.array([size[0] / width, size[1] / height] * 2)
        return faces


@contextmanager
def _hushed(cv2: Any) -> Iterator[None]:
    """Keep OpenCV's notes on its own engine off standard error while a model is loaded; errors stay."""
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    if logging is None:
        yield
        return
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(before)


def _first(problem: Exception) -> str:
    """Return the words of an OpenCV error: one line."""
    return " ".join(str(problem).split())[:300]
