"""Checkpoints of one's own: the weights as safetensors, and a record of what they are.

The record (config, normalization, versions, data, how it was selected) stands in the file's header and, for people and
other tools, in a JSON file beside it. What training needs to go on is kept apart, in ``run_files``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import scipy
import torch
import torchvision
from safetensors.torch import save

from baselines.p2pnet.batches import MEAN, STD
from baselines.p2pnet.config import Config
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.weight_files import tensors_of
from crowdeval.errors import InputError, MissingFileError, listed
from crowdeval.version import __version__
from crowdeval.writing import write_file

FORMAT = "crowdeval-p2pnet@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a checkpoint.

    Attributes
    ----------
    config : Config
        The model and its training.
    step : int
        Steps of training; 0 where unknown.
    selected_on : str
        The images the checkpoint was chosen on; empty where it was not chosen.
    selected_by : mapping of str to float or None
        The validation metrics that chose it; None where one is undefined.
    trained_on : mapping of str to Any
        The training images: source, number, points, fingerprint.
    origin : mapping of str to Any
        Where the trunk's first weights came from, or the file that was converted.
    versions : mapping of str to str
        Of crowdeval, torch, torchvision, scipy.
    """

    config: Config
    step: int = 0
    selected_on: str = ""
    selected_by: Mapping[str, float | None] = field(default_factory=dict)
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        return {
            "format": FORMAT,
            "config": self.config.as_dict(),
            "normalization": {"range": "RGB / 255", "mean": MEAN, "std": STD},
            "step": self.step,
            "selected_on": self.selected_on,
            "selected_by": dict(self.selected_by),
            "trained_on": dict(self.trained_on),
            "origin": dict(self.origin),
            "versions": dict(self.versions),
        }


def versions() -> dict[str, str]:
    """Return the versions that training depends on."""
    return {
        "crowdeval": __version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "scipy": scipy.__version__,
    }


def save_checkpoint(path: Path, weights: Mapping[str, torch.Tensor], record: Record) -> None:
    """Write weights and record, ``path`` and ``path`` with .json; each file is whole or as it was before.

    Raises
    ------
    WriteError
        If there is no space or no permission.
    """
    text = json.dumps(record.as_dict(), indent=2, sort_keys=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    write_file(path, save(tensors, metadata={"crowdeval": text}), durable=True)
    write_file(path.with_suffix(".json"), f"{text}\n".encode(), durable=True)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[P2PNet, Record]:
    """Read a checkpoint: the model in eval mode on the CPU, and its record.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If it is truncated, of another origin, or does not fit its own config.
    """
    path = Path(path)
    record = read_record(path)
    model = P2PNet(record.config)
    state = tensors_of(path)
    expected = model.state_dict()
    wrong = [key for key in expected if key in state and state[key].shape != expected[key].shape]
    strange = [f"{key} is missing" for key in expected if key not in state]
    strange += [f"{key} is unknown" for key in state if key not in expected]
    strange += [f"{key} is {tuple(state[key].shape)}, not {tuple(expected[key].shape)}" for key in wrong]
    if strange:
        raise InputError(f"{path} does not fit its config: {listed(strange)}")
    model.load_state_dict(state)
    return model.eval(), record


def read_record(path: Path) -> Record:
    """Return the record in a checkpoint's header."""
    if not path.is_file():
        raise MissingFileError(f"{path}: no such checkpoint")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, OSError) as problem:
        raise InputError(f"{path} is truncated or no safetensors file: {problem}") from None
    try:
        return record_of(json.loads(metadata["crowdeval"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(
            f"{path} is no checkpoint of this model: its header holds no valid record ({problem})"
        ) from None


def record_of(content: Mapping[str, Any]) -> Record:
    """Return the record that JSON holds; raise KeyError, TypeError or ValueError where it holds none."""
    if content["format"] != FORMAT:
        raise InputError(f"format {content['format']!r}, and this version reads {FORMAT!r}")
    fields = {key: content[key] for key in Record.__dataclass_fields__ if key != "config"}
    return Record(config=Config().with_values(content["config"]), **fields)
