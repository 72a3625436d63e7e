"""``onnx``: a model that predicts points, boxes or a density map, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from crowdeval.adapters.boxes import BoxForm, as_share, box_points, corners, suppress_overlaps
from crowdeval.adapters.contract import Image
from crowdeval.adapters.density_map import MapReading
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.onnx_input import TYPES, Tensor, make_preparation
from crowdeval.adapters.onnx_output import Activation, confidences_of, output_name, rows_of
from crowdeval.adapters.packages import import_package
from crowdeval.errors import PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Short name to the name of ONNX Runtime's provider."""


class Onnx:
    """A model with one image input, run by ONNX Runtime, one image at a time; by default in the image's own size.

    Parameters
    ----------
    file : Path
        The ONNX model.
    kind : {"points", "boxes", "density"}
        The model's result: points (N, 2), boxes (N, 4), or a density map.
    output : str, optional
        The output of the result; by default the output whose name is ``kind``, else the first output.
    scores : str, optional
        The output of the confidences, (N,) or (N, classes); by default the output "scores", else the column after the
        coordinates, else there are no confidences.
    labels : str, optional
        The output of the classes of points or boxes; without it, all of them count.
    label : int
        The class that counts.
    activation : {"none", "sigmoid", "softmax"}
        The function from the model's scores to confidences.
    confidence : float
        The lowest confidence that is kept.
    coordinates : {"pixels", "unit"}
        Pixels of the model's input, or shares of the input's width and height.
    box_form : {"xyxy", "xywh", "cxcywh"}
        The meaning of a box's four numbers.
    point_at : float
        Position of the point in its box: 0 at the upper edge, 0.5 in the centre, 1 at the lower edge.
    nms : float, optional
        Intersection over union above which the less confident of two boxes is removed.
    threshold : float, optional
        Persons in a cell of a density map that a local maximum has to exceed to be a point; without it there are counts
        only.
    window : int
        Side of the square in which a local maximum has the largest value, an odd number of cells.
    per_person : float
        Sum of a density map for one person.
    scale, mean, std : float, str, str
        A pixel value v from 0 to 255 becomes (v * scale - mean) / std; mean and std are one number, or one for each
        channel. A model whose input is uint8 gets the values unchanged.
    channels : {"rgb", "bgr"}
        The order of the channels.
    layout : {"nchw", "nhwc"}
        The order of the input's dimensions.
    size : str, optional
        Size to which the image is resized, 640 or 640x480 (width first); by default the model's own where it is fixed.
    multiple : int
        Width and height are padded with zeros to a multiple of this number.
    provider : str
        "auto" (CUDA where it is available, else the processor), "cpu", "cuda", or a name of an ONNX Runtime provider.
    name : str, optional
        The model's name; by default that of the file.
    """

    _session: Any = None
    needs: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    def __init__(
        self,
        *,
        file: Path,
        kind: Literal["points", "boxes", "density"] = "points",
        output: str | None = None,
        scores: str | None = None,
        labels: str | None = None,
        label: int = 1,
        activation: Activation = "none",
        confidence: float = 0.0,
        coordinates: Literal["pixels", "unit"] = "pixels",
        box_form: BoxForm = "xyxy",
        point_at: float = 0.5,
        nms: float | None = None,
        threshold: float | None = None,
        window: int = 3,
        per_person: float = 1.0,
        scale: float = 1 / 255,
        mean: str = "0",
        std: str = "1",
        channels: Literal["rgb", "bgr"] = "rgb",
        layout: Literal["nchw", "nhwc"] = "nchw",
        size: str | None = None,
        multiple: int = 1,
        provider: str = "auto",
        name: str | None = None,
    ) -> None:
        self.file, self.kind, self.confidence, self.coordinates = file, kind, confidence, coordinates
        self.output, self.scores, self.labels, self.label = output, scores, labels, label
        self.activation: Activation = activation
        self.box_form: BoxForm = box_form
        self.point_at = as_share("point_at", point_at)
        self.nms = None if nms is None else as_share("nms", nms)
        self.reading = MapReading(threshold=threshold, window=window, per_person=per_person)
        self.preparation = make_preparation(
            scale=scale, mean=mean, std=std, channels=channels, layout=layout, size=size, multiple=multiple
        )
        self.provider = self.device = provider
        self.name, self.revision = name or file.stem, revision_of(file)

    def open(self) -> None:
        """Load the model and check the options against its inputs and outputs."""
        runtime = import_package("onnxruntime")
        provider = _provider(self.provider, runtime.get_available_providers())
        try:
            self._session = runtime.InferenceSession(str(self.file), providers=[provider])
        except Exception as problem:
            raise PredictorError(
                f"{self.file} is not a model that ONNX Runtime can load: {_one_line(problem)}"
            ) from None
        self.device = self._session.get_providers()[0]
        self._input, self._input_type, self._fixed = self._only_input()
        names = [output.name for output in self._session.get_outputs()]
        self._output = output_name("output", self.output, self.kind, names) or names[0]
        self._scores = output_name("scores", self.scores, "scores", names)
        self._labels = output_name("labels", self.labels, "", names)

    def close(self) -> None:
        """Release the model."""
        self._session = None

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the model's answers in pixels of the images."""
        if self._session is None:
            self.open()
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> dict[str, Any]:
        tensor = self.preparation.tensor(image.pixels, self._input_type, self._fixed)
        names = [name for name in (self._output, self._scores, self._labels) if name is not None]
        try:
            values = self._session.run(names, {self._input: tensor.values})
        except Exception as problem:
            size = " x ".join(str(side) for side in tensor.values.shape)
            raise PredictorError(
                f"{self.file} can't be run on an input of shape {size}: {_one_line(problem)}"
            ) from None
        outputs = dict(zip(names, values, strict=True))
        if self.kind == "density":
            # The map covers the padding too: its size in pixels of the image is that of the padded input, scaled back.
            width, height = tensor.width / tensor.across, tensor.height / tensor.down
            return self.reading.answer(outputs[self._output], width, height)
        return self._points(outputs, tensor)

    def _points(self, outputs: Mapping[str, Any], tensor: Tensor) -> dict[str, Any]:
        """Return the answer of a model of points or boxes."""
        columns = 4 if self.kind == "boxes" else 2
        rows = rows_of(self._output, outputs[self._output], columns)
        score = self._confidences(outputs, rows, columns)
        kept = np.ones(len(rows), dtype=bool) if score is None else score >= self.confidence
        if self._labels is not None:
            kept &= np.asarray(outputs[self._labels]).reshape(-1) == self.label
        rows, score = rows[kept, :columns], None if score is None else score[kept]
        # x and y alternate in a row: points [x, y] take one pair of factors, boxes [x, y, x, y] take two.
        if self.coordinates == "unit":
            rows = rows * ([tensor.width, tensor.height] * (columns // 2))
        rows = rows / ([tensor.across, tensor.down] * (columns // 2))
        if self.kind == "points":
            return {"points": rows, "scores": score}
        boxes = corners(rows, self.box_form)
        if self.nms is not None:
            best = suppress_overlaps(boxes, np.ones(len(boxes)) if score is None else score, self.nms)
            boxes, score = boxes[best], None if score is None else score[best]
        return {"points": box_points(boxes, self.point_at), "scores": score}

    def _confidences(self, outputs: Mapping[str, Any], rows: Floats, columns: int) -> Floats | None:
        if self._scores is not None:
            return confidences_of(self._scores, outputs[self._scores], len(rows), self.activation, self.label)
        if rows.shape[1] > columns:
            return confidences_of(self._output, rows[:, columns], len(rows), self.activation, self.label)
        return None

    def _only_input(self) -> tuple[str, str, tuple[int, int] | None]:
        """Return the name and type of the only input, and its width and height where both are fixed."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) != 4:
            found = ", ".join(f"{entry.name!r} {entry.type} {entry.shape}" for entry in inputs) or "none"
            raise PredictorError(f"{self.file}: expected one input, an image of four dimensions, found {found}")
        shape = inputs[0].shape
        height, width = shape[2:] if self.preparation.layout == "nchw" else shape[1:3]
        fixed = (width, height) if isinstance(width, int) and isinstance(height, int) else None
        if fixed is not None and self.preparation.size not in (None, fixed):
            raise UsageError(
                f"-o size=...: the model's input is fixed at {width}x{height}; leave out size, or give this one"
            )
        return inputs[0].name, inputs[0].type, fixed


def _provider(name: str, available: Sequence[str]) -> str:
    """Return ONNX Runtime's name of a provider."""
    if name == "auto":
        return PROVIDERS["cuda"] if PROVIDERS["cuda"] in available else PROVIDERS["cpu"]
    provider = PROVIDERS.get(name.lower(), name)
    if provider not in available:
        near = did_you_mean(name, [*PROVIDERS, *available])
        raise UsageError(f"-o provider={name}: not in this ONNX Runtime{near} (it has {listed(available, most=40)})")
    return provider


def _one_line(problem: Exception) -> str:
    """Return the message of an ONNX Runtime error as one line, cut to 300 characters."""
    return " ".join(str(problem).split())[:300]
