"""Export of a model to ONNX for images of any size, its comparison with the model, and its use by ONNX Runtime."""

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
from baselines.p2pnet.packages import import_package
from baselines.p2pnet.proposals import Proposals
from crowdeval.errors import CrowdevalError, InputError, MissingFileError, UsageError, listed
from crowdeval.writing import write_file

OPSET = 18
PURPOSE = "ONNX needs"
SIZES = ((128, 128), (176, 304), (96, 48))
"""Heights and widths of the images that an export is checked on; the export itself uses another size."""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
"""Type of a torch device to ONNX Runtime's name for it."""

TOLERANCE = 1e-3
"""Largest difference between export and model: in pixels for points, in units of the logits for logits."""


class ExportError(CrowdevalError, ArithmeticError):
    """The outputs of an export differ from the outputs of the model."""


class _LogitsAndPoints(nn.Module):
    """The model with logits and points as two outputs, for images whose sides are multiples of 16."""

    def __init__(self, model: P2PNet):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        proposals = self.model.forward_padded(images)
        return proposals.logits, proposals.points


def export_onnx(model: P2PNet, path: Path, record: Record | None = None) -> float:
    """Write a model as ONNX, after a comparison of its outputs with those of the model.

    The file has the input ``images`` (1, 3, H, W) and the outputs ``logits`` and ``points``, (1, M, 2) each. H and W
    are any multiples of 16; images are normalized as for the model. torch's exporter warns about its own internals;
    ``suppress_exporter_output`` hides that on a command line.

    Parameters
    ----------
    model : P2PNet
        The model; it is not changed.
    path : Path
        The .onnx file.
    record : Record, optional
        The facts about the model for the file; by default its config alone.

    Returns
    -------
    float
        The largest difference from the model over images of several sizes, in pixels for points and in units of the
        logits for logits.

    Raises
    ------
    ExportError
        If the difference is larger than ``TOLERANCE``; nothing is written then.
    UsageError
        If a package is not installed.
    WriteError
        If there is no space or no permission.

    Examples
    --------
    An export takes some seconds, so this one is not run:

    >>> export_onnx(P2PNet(), Path("model.onnx"))  # doctest: +SKIP
    7.6e-06
    """
    onnx = import_package("onnx", PURPOSE)
    import_package("onnxscript", PURPOSE)
    model = copy.deepcopy(model).to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    content = _onnx_bytes(model)
    document = onnx.load_from_string(content)
    text = json.dumps((record or Record(config=model.config)).as_dict())
    margin = "" if model.margin is None else str(model.margin)
    for key, value in {"crowdeval": text, "margin": margin}.items():
        entry = document.metadata_props.add()
        entry.key, entry.value = key, value
    content = document.SerializeToString()
    difference = max(_difference(model, _session(content), height, width) for height, width in SIZES)
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{path}: the export differs from the model by {difference:.2g}, expected at most {TOLERANCE:g}; "
            "it was not written"
        )
    write_file(path, content, durable=True)
    return difference


class Exported:
    """An exported model, run by ONNX Runtime; ``predict_points`` takes it in place of a P2PNet.

    Parameters
    ----------
    path : str or path
        A file that ``export_onnx`` wrote.
    device : torch.device, optional
        A CUDA device, MPS or the CPU; by default the first provider that ONNX Runtime lists as available.

    Attributes
    ----------
    record : Record
        The facts about the model.
    config : Config
        The config of the record.
    margin : int or None
        Pixels beside a tile's core that its proposals depend on, a multiple of 16; None for the whole image.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is not an export of this baseline.
    UsageError
        If ONNX Runtime is not installed, or can't run on the device.

    Examples
    --------
    An export takes some seconds, so this one is not run:

    >>> Exported("model.onnx")(torch.zeros(1, 3, 128, 128)).points.shape  # doctest: +SKIP
    torch.Size([1, 1024, 2])
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
            raise InputError(f"{path} is not an ONNX model that ONNX Runtime can load: {str(problem)[:200]}") from None
        try:
            self.record = record_of(json.loads(properties["crowdeval"]))
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(
                f"{path} is not an export of this baseline: it has no valid record ({problem}); "
                "expected a file written by `crowdeval p2pnet export`"
            ) from None
        self.config = self.record.config
        self.margin = int(properties["margin"]) if properties.get("margin") else None

    def __call__(self, images: Tensor) -> Proposals:
        """Return the proposals of a normalized image, (1, 3, H, W) with H and W multiples of 16."""
        logits, points = self._session.run(["logits", "points"], {"images": images.contiguous().numpy()})
        return Proposals(torch.from_numpy(logits), torch.from_numpy(points), self.config.stride, self.config.K)


def _onnx_bytes(model: P2PNet) -> bytes:
    """Return the content of the model's ONNX file."""
    # The sizes are counted in cells of 16 pixels, so that the exporter knows that H and W are multiples of 16.
    height, width = torch.export.Dim("cells_down", min=2, max=4096), torch.export.Dim("cells_across", min=2, max=4096)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        program = torch.onnx.export(
            _LogitsAndPoints(model).eval(),
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
def suppress_exporter_output(name: str = "torch.onnx") -> Iterator[None]:
    """Hide all warnings and a logger's messages below errors inside the block.

    This changes the state of the whole process, so that only a command line may use it.

    Parameters
    ----------
    name : str
        The logger.

    Examples
    --------
    >>> with suppress_exporter_output():
    ...     warnings.warn("not shown", stacklevel=1)
    """
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
    """Return the largest difference between the outputs of model and session on a random image."""
    images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(height))
    with torch.inference_mode():
        expected = model(images)
    logits, points = session.run(["logits", "points"], {"images": images.numpy()})
    if logits.shape != expected.logits.shape or points.shape != expected.points.shape:
        return float("inf")
    return float(max(np.abs(logits - expected.logits.numpy()).max(), np.abs(points - expected.points.numpy()).max()))


def _session(content: bytes, device: torch.device | None = None) -> Any:
    """Return ONNX Runtime's session of a model on a device."""
    runtime = import_package("onnxruntime", PURPOSE)
    available = runtime.get_available_providers()
    if device is None:
        return runtime.InferenceSession(content, providers=available)
    provider = PROVIDERS.get(device.type)
    if provider not in available:
        raise UsageError(
            f"device: '{device}' was requested, and ONNX Runtime can't use it here (it has {listed(available)}); "
            "use --device cpu"
        )
    options = {"device_id": device.index or 0} if device.type == "cuda" else {}
    return runtime.InferenceSession(content, providers=[(provider, options)])
