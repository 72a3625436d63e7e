"""Checkpoints of this baseline: the weights as safetensors, and a record of the model, its training and its selection.

The record (config, normalization, versions, data, selection) is in the header of the weights file. A JSON file beside
it repeats the record for people and for other tools. The state that training needs to resume is a separate file, see
``run_files``.
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
from baselines.p2pnet.weight_files import read_tensors
from crowdeval.errors import InputError, MissingFileError, listed
from crowdeval.version import __version__
from crowdeval.writing import write_file

FORMAT = "crowdeval-p2pnet@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The facts about a checkpoint.

    Attributes
    ----------
    config : Config
        The model and its training.
    step : int
        Number of training steps; 0 where unknown.
    selected_on : str
        The images on which the checkpoint was selected; empty where it was not selected.
    selected_by : mapping of str to float or None
        The validation metrics at the selection; None where a metric is undefined.
    trained_on : mapping of str to Any
        The training images: source, number of images, number of points, fingerprint.
    origin : mapping of str to Any
        The source of the trunk's first weights, or the file that was converted.
    versions : mapping of str to str
        Versions of crowdeval, torch, torchvision and scipy.
    """

    config: Config
    step: int = 0
    selected_on: str = ""
    selected_by: Mapping[str, float | None] = field(default_factory=dict)
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as values for JSON.

        Returns
        -------
        dict of str to Any

        Examples
        --------
        >>> Record(config=Config(), step=7).as_dict()["step"]
        7
        """
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
    """Return the versions of the packages that training depends on.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> list(versions())
    ['crowdeval', 'torch', 'torchvision', 'scipy']
    """
    return {
        "crowdeval": __version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "scipy": scipy.__version__,
    }


def save_checkpoint(path: Path, weights: Mapping[str, torch.Tensor], record: Record) -> None:
    """Write weights and record; after a failure, each of the two files is complete or as it was before.

    Parameters
    ----------
    path : Path
        The weights file, .safetensors; the record is written beside it with the suffix .json.
    weights : mapping of str to Tensor
        The state_dict of the model.
    record : Record
        The facts about the checkpoint.

    Raises
    ------
    WriteError
        If there is no space or no permission.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "best.safetensors")
    ...     save_checkpoint(path, model.state_dict(), Record(config=model.config, step=7))
    ...     print(sorted(file.name for file in Path(folder).iterdir()), load_checkpoint(path)[1].step)
    ['best.json', 'best.safetensors'] 7
    """
    text = json.dumps(record.as_dict(), indent=2, sort_keys=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    write_file(path, save(tensors, metadata={"crowdeval": text}), durable=True)
    write_file(path.with_suffix(".json"), f"{text}\n".encode(), durable=True)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[P2PNet, Record]:
    """Read a checkpoint of this baseline.

    Parameters
    ----------
    path : str or path
        A file that ``save_checkpoint`` wrote.

    Returns
    -------
    model : P2PNet
        In eval mode, on the CPU.
    record : Record
        The facts about the checkpoint.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is truncated, is not a checkpoint of this baseline, or does not fit its own config.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "best.safetensors")
    ...     save_checkpoint(path, model.state_dict(), Record(config=model.config))
    ...     load_checkpoint(path)[0].config.width
    8
    """
    path = Path(path)
    record = read_record(path)
    model = P2PNet(record.config)
    state = read_tensors(path)
    expected = model.state_dict()
    wrong_shape = [key for key in expected if key in state and state[key].shape != expected[key].shape]
    problems = [f"{key} is missing" for key in expected if key not in state]
    problems += [f"{key} is unknown" for key in state if key not in expected]
    problems += [f"{key} is {tuple(state[key].shape)}, not {tuple(expected[key].shape)}" for key in wrong_shape]
    if problems:
        raise InputError(f"{path} does not fit its config: {listed(problems)}")
    model.load_state_dict(state)
    return model.eval(), record


def read_record(path: Path) -> Record:
    """Return the record in the header of a checkpoint, without reading its weights.

    Parameters
    ----------
    path : Path
        A file that ``save_checkpoint`` wrote.

    Returns
    -------
    Record

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is truncated, or its header has no valid record.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "best.safetensors")
    ...     save_checkpoint(path, {}, Record(config=Config(stride=4)))
    ...     read_record(path).config.stride
    4
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such checkpoint")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, OSError) as problem:
        raise InputError(f"{path} is truncated or not a safetensors file: {problem}") from None
    try:
        return record_of(json.loads(metadata["crowdeval"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(
            f"{path} is not a checkpoint of this baseline: its header has no valid record ({problem})"
        ) from None


def record_of(content: Mapping[str, Any]) -> Record:
    """Return the record that ``Record.as_dict`` gave as values for JSON.

    Parameters
    ----------
    content : mapping of str to Any
        The decoded JSON.

    Returns
    -------
    Record

    Raises
    ------
    KeyError, TypeError, ValueError
        If the content is not such a record.

    Examples
    --------
    >>> record_of(Record(config=Config(), step=7).as_dict()).step
    7
    """
    if content["format"] != FORMAT:
        raise InputError(f"expected the format {FORMAT!r}, found {content['format']!r}")
    fields = {key: content[key] for key in Record.__dataclass_fields__ if key != "config"}
    return Record(config=Config().with_values(content["config"]), **fields)
