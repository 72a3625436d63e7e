"""``onnx``: a model of points, of boxes or of a density map, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from crowdeval.adapters.boxes import BoxForm, as_share, corners, points_in, survivors
from crowdeval.adapters.contract import Image
from crowdeval.adapters.density_map import MapReading
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.onnx_input import TYPES, Tensor, prepared
from crowdeval.adapters.onnx_output import Activation, confidences_of, output_name, rows_of
from crowdeval.adapters.packages import package
from crowdeval.errors import PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Onnx:
    """A model of one image input, run by ONNX Runtime; one image at a time, in its own size unless told otherwise.

    Parameters
    ----------
    file : Path
        The ONNX model.
    kind : {"points", "boxes", "density"}
        What it gives: points (N, 2), boxes (N, 4), or a density map.
    output : str, optional
        The output that holds them; the one called like ``kind``, else the first, where it is not given.
    scores : str, optional
        The output of their confidences, (N,) or (N, classes); where it is not given the one called "scores", else the
        column after the coordinates, else there are none.
    labels : str, optional
        The output of the boxes' or points' classes; without it, all count.
    label : int
        The class that counts.
    activation : {"none", "sigmoid", "softmax"}
        What makes confidences of the scores.
    confidence : float
        The least confidence that is kept.
    coordinates : {"pixels", "unit"}
        Pixels of what the network is shown, or shares of its width and height.
    box_form : {"xyxy", "xywh", "cxcywh"}
        What a box's four numbers are.
    point_at : float
        How far down a box its point lies: 0 its upper edge, 0.5 its centre.
    nms : float, optional
        Intersection over union above which the less confident of two boxes goes.
    threshold : float, optional
        Persons a cell of a density map that a local maximum has to exceed to be a point; without it there are counts.
    window : int
        Side in cells, odd, of the square that a local maximum is the largest of.
    per_person : float
        What a density map sums to for one person.
    scale, mean, std : float, str, str
        A value v of 0 to 255 becomes (v * scale - mean) / std; one number, or one for each channel. A model whose
        input is uint8 gets the values as they are.
    channels : {"rgb", "bgr"}
        The order of the channels.
    layout : {"nchw", "nhwc"}
        The order of the input's dimensions.
    size : str, optional
        Size the image is resized to, 640 or 640x480; the model's own where that is fixed.
    multiple : int
        Width and height are padded with zeros to a multiple of this.
    provider : str
        "auto" (CUDA where there is one, else the processor), "cpu", "cuda", or a name of ONNX Runtime's.
    name : str, optional
        The model's name; the file's where it is not given.
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
        self.preparation = prepared(
            scale=scale, mean=mean, std=std, channels=channels, layout=layout, size=size, multiple=multiple
        )
        self.provider = self.device = provider
        self.name, self.revision = name or file.stem, revision_of(file)

    def open(self) -> None:
        """Load the model and hold its inputs and outputs against the options."""
        runtime = package("onnxruntime")
        provider = _provider(self.provider, runtime.get_available_providers())
        try:
            self._session = runtime.InferenceSession(str(self.file), providers=[provider])
        except Exception as problem:
            raise PredictorError(f"{self.file} is no ONNX model that ONNX Runtime loads: {_first(problem)}") from None
        self.device = self._session.get_providers()[0]
        self._input, self._input_type, self._fixed = self._only_input()
        names = [output.name for output in self._session.get_outputs()]
        self._output = output_name("output", self.output, self.kind, names) or names[0]
        self._scores = output_name("scores", self.scores, "scores", names)
        self._labels = output_name("labels", self.labels, "", names)

    def close(self) -> None:
        """Let go of the model."""
        self._session = None

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the network's answers in pixels of the images."""
        if self._session is None:
            self.open()
        return [self._answer(image) for image in images]

    def _answer(self, image: Image) -> dict[str, Any]:
        shown = self.preparation.tensor(image.pixels, self._input_type, self._fixed)
        names = [name for name in (self._output, self._scores, self._labels) if name is not None]
        try:
            values = self._session.run(names, {self._input: shown.values})
        except Exception as problem:
            size = " x ".join(str(side) for side in shown.values.shape)
            raise PredictorError(f"{self.file} can't be run on an input of {size}: {_first(problem)}") from None
        found = dict(zip(names, values, strict=True))
        if self.kind == "density":
            width, height = shown.width / shown.across, shown.height / shown.down
            return self.reading.answer(found[self._output], width, height)
        return self._located(found, shown)

    def _located(self, found: Mapping[str, Any], shown: Tensor) -> dict[str, Any]:
        columns = 4 if self.kind == "boxes" else 2
        rows = rows_of(self._output, found[self._output], columns)
        score = self._confidences(found, rows, columns)
        kept = np.ones(len(rows), dtype=bool) if score is None else score >= self.confidence
        if self._labels is not None:
            kept &= np.asarray(found[self._labels]).reshape(-1) == self.label
        rows, score = rows[kept, :columns], None if score is None else score[kept]
        if self.coordinates == "unit":
            rows = rows * ([shown.width, shown.height] * (columns // 2))
        rows = rows / ([shown.across, shown.down] * (columns // 2))
        if self.kind == "points":
            return {"points": rows, "scores": score}
        boxes = corners(rows, self.box_form)
        if self.nms is not None:
            best = survivors(boxes, np.ones(len(boxes)) if score is None else score, self.nms)
            boxes, score = boxes[best], None if score is None else score[best]
        return {"points": points_in(boxes, self.point_at), "scores": score}

    def _confidences(self, found: Mapping[str, Any], rows: Floats, columns: int) -> Floats | None:
        if self._scores is not None:
            return confidences_of(self._scores, found[self._scores], len(rows), self.activation, self.label)
        if rows.shape[1] > columns:
            return confidences_of(self._output, rows[:, columns], len(rows), self.activation, self.label)
        return None

    def _only_input(self) -> tuple[str, str, tuple[int, int] | None]:
        """Return the input's name, type, and width and height where they are fixed."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) != 4:
            found = ", ".join(f"{one.name!r} {one.type} {one.shape}" for one in inputs) or "none"
            raise PredictorError(f"{self.file}: expected one input, an image of four dimensions, found {found}")
        shape = inputs[0].shape
        height, width = shape[2:] if self.preparation.layout == "nchw" else shape[1:3]
        fixed = (width, height) if isinstance(width, int) and isinstance(height, int) else None
        if fixed is not None and self.preparation.size not in (None, fixed):
            raise UsageError(f"-o size=...: the model's input is fixed at {width}x{height}")
        return inputs[0].name, inputs[0].type, fixed


def _provider(asked: str, available: Sequence[str]) -> str:
    if asked == "auto":
        return PROVIDERS["cuda"] if PROVIDERS["cuda"] in available else PROVIDERS["cpu"]
    provider = PROVIDERS.get(asked.lower(), asked)
    if provider not in available:
        near = did_you_mean(asked, [*PROVIDERS, *available])
        raise UsageError(f"-o provider={asked}: not in this ONNX Runtime{near} (it has {listed(available, most=40)})")
    return provider


def _first(problem: Exception) -> str:
    """Return the words of ONNX Runtime's error: one line."""
    return " ".join(str(problem).split())[:300]
