"""Models from files: checkpoints of this baseline, checkpoints of the released layout, and ONNX exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from baselines.p2pnet.checkpoints import Record, load_checkpoint
from baselines.p2pnet.devices import select_device
from baselines.p2pnet.export import Exported
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.official import load_official
from crowdeval.errors import InputError, UsageError

ARCHITECTURE = ("backbone", "width", "stride", "rows", "lines", "layout", "gamma")
"""Names of the config's values that a set of weights belongs to."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model for prediction, and the facts from its file.

    Attributes
    ----------
    model : P2PNet or Exported
        In eval mode, on its device.
    kind : {"checkpoint", "released", "onnx"}
        The kind of file: a checkpoint of this baseline, one of the released layout, or an export.
    record : Record
        The facts about the model; for a file of the released layout, those that its shapes show.
    """

    model: P2PNet | Exported
    kind: str
    record: Record


def load_model(
    path: Path,
    *,
    rows: int | None = None,
    lines: int | None = None,
    device: str | torch.device = "cpu",
    precision: str | None = None,
    counting: str | None = None,
) -> LoadedModel:
    """Read a model from a file.

    Parameters
    ----------
    path : Path
        ``.safetensors``: a checkpoint of this baseline; ``.onnx``: an export; any other suffix: the released layout.
    rows, lines : int, optional
        Rows and lines of the reference points in a cell, for the released layout only.
    device : str or torch.device
        The device of the model, a torch.device or a name as for ``select_device``. An export uses ONNX Runtime's own
        choice for "auto".
    precision : {"float32", "bf16", "fp16"}, optional
        The arithmetic of the prediction: the model is prepared for it (``P2PNet.settle``). By default the model stays
        as in the file.
    counting : {"threshold", "expected"}, optional
        The count of an image; by default that of the model's config.

    Returns
    -------
    LoadedModel

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is damaged, or of another model.
    UsageError
        If ``rows`` or ``lines`` are given for a file that has its own, the device is not available, an export is
        requested in another precision than float32, or the model can't count in this way.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from baselines.p2pnet.checkpoints import save_checkpoint
    >>> from baselines.p2pnet.config import Config
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "best.safetensors")
    ...     save_checkpoint(path, model.state_dict(), Record(config=model.config))
    ...     load_model(path).kind
    'checkpoint'
    """
    loaded = _read(path, rows, lines, device, precision)
    if counting is not None:
        loaded.model.config = loaded.model.config.with_values({"counting": counting})
    return loaded


def _read(
    path: Path, rows: int | None, lines: int | None, device: str | torch.device, precision: str | None
) -> LoadedModel:
    """Return the model of a file, with the counting of its config."""
    if path.suffix in (".safetensors", ".onnx") and (rows is not None or lines is not None):
        raise UsageError(
            f"rows and lines: {path} has its own layout of reference points; give them only for a file of the released "
            "layout"
        )
    place = select_device(device) if isinstance(device, str) else device
    if path.suffix == ".onnx":
        if precision not in (None, "float32"):
            raise UsageError(f"precision: expected float32 for the ONNX export {path}, found {precision}")
        exported = Exported(path, None if device == "auto" else place)
        return LoadedModel(exported, "onnx", exported.record)
    if path.suffix == ".safetensors":
        model, record = load_checkpoint(path)
        kind = "checkpoint"
    else:
        model = load_official(path, rows, lines)
        kind = "released"
        record = Record(config=model.config, origin={"file": path.name, "ignored": list(model.ignored)})
    if precision is not None:
        model.settle(precision)
    model.to(place)
    if model.config.channels_last:
        model.to(memory_format=torch.channels_last)
    return LoadedModel(model, kind, record)


def start_from(model: P2PNet, path: Path) -> dict[str, Any]:
    """Copy the weights of a checkpoint into a model that is to be trained.

    Parameters
    ----------
    model : P2PNet
        Changed in place.
    path : Path
        A checkpoint of this baseline, or of the released layout.

    Returns
    -------
    dict of str to Any
        The origin of the weights for the record of the new model: the checkpoint's own origin, the name of its file as
        ``start`` and, where it is known, the images that it was trained on as ``start_trained_on``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is damaged, or its model differs from the config; the error names the values.
    UsageError
        If the file is an ONNX export, or of the released layout with another K.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from baselines.p2pnet.checkpoints import save_checkpoint
    >>> from baselines.p2pnet.config import Config
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "best.safetensors")
    ...     save_checkpoint(path, model.state_dict(), Record(config=model.config))
    ...     start_from(P2PNet(model.config), path)
    {'start': 'best.safetensors'}
    """
    ours = model.config
    if path.suffix == ".onnx":
        raise UsageError(
            f"start: {path} is an ONNX export, which can't be trained; give the checkpoint it was made from"
        )
    rows, lines = (None, None) if path.suffix == ".safetensors" else (ours.rows, ours.lines)
    loaded = load_model(path, rows=rows, lines=lines)
    theirs = loaded.record.config
    if different := [name for name in ARCHITECTURE if getattr(theirs, name) != getattr(ours, name)]:
        values = ", ".join(
            f"{name} (expected {getattr(ours, name)}, found {getattr(theirs, name)})" for name in different
        )
        raise InputError(f"start: the model in {path} differs from the config: {values}")
    assert isinstance(loaded.model, P2PNet)
    model.load_state_dict(loaded.model.state_dict())
    trained_on = {"start_trained_on": dict(loaded.record.trained_on)} if loaded.record.trained_on else {}
    return {**loaded.record.origin, "start": path.name, **trained_on}
