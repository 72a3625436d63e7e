"""ONNX: the model as one file for any size of image, checked against the model, and run by ONNX Runtime."""

from __future__ import annotations

import copy
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.p2pnet.checkpoints import Record, record_of
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.packages import package
from baselines.p2pnet.proposals import Proposals
from crowdeval.errors import CrowdevalError, InputError, MissingFileError, UsageError, listed
from crowdeval.writing import write_file

OPSET = 18
NEEDING = "ONNX needs"
SIZES = ((128, 128), (176, 304), (96, 48))
"""Heights and widths that an export is checked on, other than the one it was made with."""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
"""ONNX Runtime's name of where torch's devices are."""

TOLERANCE = 1e-3
"""Pixels, and units of logits, that the export may differ by."""


class ExportError(CrowdevalError, ArithmeticError):
    """An export that does not give what the model gives."""


class _Columns(nn.Module):
    """The model with its two columns as outputs, of images whose sides are multiples of 16."""

    def __init__(self, model: P2PNet):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model.of_whole_cells(images)
        return found.logits, found.points


def export_onnx(model: P2PNet, path: Path, record: Record | None = None) -> float:
    """Write the model as ONNX: input ``images`` (1, 3, H, W), outputs ``logits`` and ``points`` (1, M, 2).

    H and W are any multiples of 16; images are normalized as for the model. The exporter of torch warns of its own
    inner affairs; ``hushed`` keeps that off a command line.

    Returns
    -------
    float
        The greatest difference to the model, in pixels and logits, over images of several sizes.

    Raises
    ------
    ExportError
        If the difference is more than ``TOLERANCE``; nothing is written.
    UsageError
        If a package is missing.
    """
    onnx = package("onnx", NEEDING)
    package("onnxscript", NEEDING)
    model = copy.deepcopy(model).to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    content = _exported(model)
    document = onnx.load_from_string(content)
    text = json.dumps((record or Record(config=model.config)).as_dict())
    margin = "" if model.margin is None else str(model.margin)
    for key, value in {"crowdeval": text, "margin": margin}.items():
        entry = document.metadata_props.add()
        entry.key, entry.value = key, value
    content = document.SerializeToString()
    difference = max(_difference(model, _session(content), height, width) for height, width in SIZES)
    if not difference <= TOLERANCE:
        raise ExportError(f"{path}: the export differs from the model by {difference:.2g}; it was not written")
    write_file(path, content, durable=True)
    return difference


class Exported:
    """An exported model, run by ONNX Runtime; takes the model's place in prediction.

    Parameters
    ----------
    path : str or path
        What ``export_onnx`` wrote.
    device : torch.device, optional
        Where it runs: a CUDA device, or the processor; by default what ONNX Runtime prefers of what is there.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, or it is no export of this model.
    UsageError
        If ONNX Runtime can't run on the device.
    """

    device = torch.device("cpu")

    def __init__(self, path: str | os.PathLike[str], device: torch.device | None = None):
        path = Path(path)
        if not path.is_file():
            raise MissingFileError(f"{path}: no such model")
        try:
            self._session = _session(path.read_bytes(), device)
            properties = self._session.get_modelmeta().custom_metadata_map
        except UsageError:
            raise
        except Exception as problem:
            raise InputError(f"{path} is no ONNX model that ONNX Runtime loads: {str(problem)[:200]}") from None
        try:
            self.record = record_of(json.loads(properties["crowdeval"]))
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"{path} is no export of this model: it holds no valid record ({problem})") from None
        self.config = self.record.config
        self.margin = int(properties["margin"]) if properties.get("margin") else None

    def __call__(self, images: Tensor) -> Proposals:
        """Return the proposals of normalized images (1, 3, H, W), H and W multiples of 16."""
        logits, points = self._session.run(["logits", "points"], {"images": images.contiguous().numpy()})
        return Proposals(torch.from_numpy(logits), torch.from_numpy(points), self.config.stride, self.config.K)


def _exported(model: P2PNet) -> bytes:
    """Return the ONNX file of a model; what the exporter says on the way is not for the user."""
    height, width = torch.export.Dim("cells_down", min=2, max=4096), torch.export.Dim("cells_across", min=2, max=4096)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        program = torch.onnx.export(
            _Columns(model).eval(),
            (torch.zeros(1, 3, 64, 80),),
            dynamic_shapes=({2: 16 * height, 3: 16 * width},),
            input_names=["images"],
            output_names=["logits", "points"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        program.save(file, external_data=False)  # type: ignore[union-attr]
        return file.read_bytes()


@contextmanager
def hushed(name: str = "torch.onnx") -> Iterator[None]:
    """Keep a logger's and all warnings' words to itself, for a command line: this is the whole process's state."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _difference(model: P2PNet, session: Any, height: int, width: int) -> float:
    images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(height))
    with torch.inference_mode():
        expected = model(images)
    logits, points = session.run(["logits", "points"], {"images": images.numpy()})
    if logits.shape != expected.logits.shape or points.shape != expected.points.shape:
        return float("inf")
    return float(max(np.abs(logits - expected.logits.numpy()).max(), np.abs(points - expected.points.numpy()).max()))


def _session(content: bytes, device: torch.device | None = None) -> Any:
    runtime = package("onnxruntime", NEEDING)
    there = runtime.get_available_providers()
    if device is None:
        return runtime.InferenceSession(content, providers=there)
    provider = PROVIDERS.get(device.type)
    if provider not in there:
        raise UsageError(f"ONNX Runtime can't run on {device} here: it has {listed(there)}")
    options = {"device_id": device.index or 0} if device.type == "cuda" else {}
    return runtime.InferenceSession(content, providers=[(provider, options)])
