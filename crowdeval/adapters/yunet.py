"""``yunet``: OpenCV's face detector FaceDetectorYN with a model file such as YuNet's; points at the box centres.

The detector also gets enlarged copies of the image, in which it finds small faces. The boxes of all copies go through
one non-maximum suppression in float64. (OpenCV's own suppression rounds boxes to whole pixels, which is too coarse for
the faces of a crowd.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdeval.adapters.boxes import as_share, box_points, corners, suppress_overlaps
from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.number_list import numbers
from crowdeval.adapters.packages import import_package
from crowdeval.errors import PredictorError
from crowdeval.points.ragged import Floats

MOST = 1_000_000
"""Largest number of boxes that OpenCV returns for one copy of an image; so large that none is lost."""


class YuNet:
    """Face detectors like YuNet, run by OpenCV's FaceDetectorYN: the centre of every face, with a confidence.

    Parameters
    ----------
    file : Path
        The ONNX model; images of any size need a model with a dynamic input size.
    confidence : float
        The lowest confidence that is kept.
    nms : float
        Intersection over union above which the less confident of two boxes is removed.
    scales : str
        Factors by which the image is enlarged, with commas between them; the detector runs once for each.
    name : str, optional
        The model's name; by default that of the file.
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
        self._cv2 = import_package("cv2")
        if not hasattr(self._cv2, "FaceDetectorYN"):
            raise PredictorError(f"OpenCV {self._cv2.__version__} has no FaceDetectorYN; install 4.5.4 or later")
        try:
            with _quiet_opencv(self._cv2):
                self._detector = self._cv2.FaceDetectorYN.create(
                    str(self.file), "", (320, 320), score_threshold=self.confidence, nms_threshold=1.0, top_k=MOST
                )
        except self._cv2.error as problem:
            raise PredictorError(
                f"{self.file} is not a face detector that OpenCV can load: {_one_line(problem)}"
            ) from None

    def close(self) -> None:
        """Release the model."""
        self._detector = None

    def predict(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Return for each image the centres of the faces and their confidences, the most confident first."""
        if self._detector is None:
            self.open()
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> tuple[Floats, Floats]:
        bgr = np.ascontiguousarray(image.pixels[:, :, ::-1])
        try:
            passes = [self._faces(bgr, scale) for scale in self.scales]
        except self._cv2.error as problem:
            raise PredictorError(f"OpenCV can't run {self.file} on image {image.id!r}: {_one_line(problem)}") from None
        faces = np.concatenate(passes)
        boxes, score = corners(faces[:, :4], "xywh"), faces[:, 4]
        kept = suppress_overlaps(boxes, score, self.nms)
        return box_points(boxes[kept], 0.5), score[kept]

    def _faces(self, bgr: Any, scale: float) -> Floats:
        """Return the faces of one copy, (N, 5): x, y, width, height in pixels of the image, and the confidence."""
        height, width = bgr.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        copy = bgr if size == (width, height) else self._cv2.resize(bgr, size)
        self._detector.setInputSize(size)
        rows = self._detector.detect(copy)[1]
        if rows is None:
            return np.empty((0, 5))
        # A row of OpenCV has 15 columns: the box, five landmarks of x and y, the confidence.
        faces = np.asarray(rows, dtype=np.float64)[:, [0, 1, 2, 3, 14]]
        faces[:, :4] /= np.array([size[0] / width, size[1] / height] * 2)
        return faces


@contextmanager
def _quiet_opencv(cv2: Any) -> Iterator[None]:
    """Let OpenCV log only errors to standard error, not its notes on its own engine."""
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


def _one_line(problem: Exception) -> str:
    """Return the message of an OpenCV error as one line, cut to 300 characters."""
    return " ".join(str(problem).split())[:300]
