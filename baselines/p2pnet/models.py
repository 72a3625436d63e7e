"""A model from a file, whatever it is: one's own checkpoint, one of the released layout, or an ONNX export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from baselines.p2pnet.checkpoints import Record, load_checkpoint
from baselines.p2pnet.devices import device_named
from baselines.p2pnet.export import Exported
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.official import load_official
from crowdeval.errors import InputError, UsageError

MODEL = ("backbone", "width", "stride", "rows", "lines", "layout", "gamma")
"""The values of a config that weights are for."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model ready to predict, and what its file says of it.

    Attributes
    ----------
    model : P2PNet or Exported
        In eval mode, on its device.
    kind : {"checkpoint", "released", "onnx"}
        What the file is.
    record : Record
        What is known; for a file of the released layout, what its shapes tell.
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
) -> Loaded:
    """Read a model.

    Parameters
    ----------
    path : Path
        ``.safetensors`` (one's own), ``.onnx`` (an export), anything else: the released layout.
    rows, lines : int, optional
        How the reference points of the released layout lie in a cell.
    device : str or torch.device
        Where it is put, "auto" the best there is; for an export, of what ONNX Runtime has.
    precision : {"float32", "bf16", "fp16"}, optional
        What it will predict in: it is made ready for that (``P2PNet.settle``). Without, the model is as in the file.
    counting : {"threshold", "expected"}, optional
        How it will count; as its config says by default.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, or it is damaged or of another model.
    UsageError
        If rows or lines are given for a file that has its own, the device is not there, an export is asked for another
        precision than its own, or the model can't count so.
    """
    loaded = _read(path, rows, lines, device, precision)
    if counting is not None:
        loaded.model.config = loaded.model.config.with_values({"counting": counting})
    return loaded


def _read(path: Path, rows: int | None, lines: int | None, device: str | torch.device, precision: str | None) -> Loaded:
    if path.suffix in (".safetensors", ".onnx") and (rows is not None or lines is not None):
        raise UsageError(f"{path} says itself how its reference points lie: rows and lines are for the released layout")
    place = device_named(device) if isinstance(device, str) else device
    if path.suffix == ".onnx":
        if precision not in (None, "float32"):
            raise UsageError(f"an ONNX export runs in float32, not in {precision}")
        exported = Exported(path, None if device == "auto" else place)
        return Loaded(exported, "onnx", exported.record)
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
    return Loaded(model, kind, record)


def start_from(model: P2PNet, path: Path) -> dict[str, Any]:
    """Give a model the weights of a checkpoint, to train it on; return where they came from.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, it is damaged, or its model is not the config's; names the values.
    UsageError
        If it is an ONNX export, or of the released layout with another K.
    """
    ours = model.config
    if path.suffix == ".onnx":
        raise UsageError(f"start: {path} is an ONNX export, which can't be trained")
    rows, lines = (None, None) if path.suffix == ".safetensors" else (ours.rows, ours.lines)
    loaded = load_model(path, rows=rows, lines=lines)
    theirs = loaded.record.config
    if other := [name for name in MODEL if getattr(theirs, name) != getattr(ours, name)]:
        values = ", ".join(f"{name} ({getattr(theirs, name)}, not {getattr(ours, name)})" for name in other)
        raise InputError(f"start: {path} is another model than the config's: {values}")
    assert isinstance(loaded.model, P2PNet)
    model.load_state_dict(loaded.model.state_dict())
    learned = {"start_trained_on": dict(loaded.record.trained_on)} if loaded.record.trained_on else {}
    return {**loaded.record.origin, "start": path.name, **learned}
