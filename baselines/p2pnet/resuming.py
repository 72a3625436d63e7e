"""The state that a training resumes from, as one mapping, and the check that it belongs to the same run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from baselines.p2pnet.config import Config
from baselines.p2pnet.optimization import RunningMean
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples
from crowdeval.errors import InputError

CHANGEABLE = ("backbone_weights", "start", "cache_images", "workers", "save_every", "surplus")
"""Names of the config's values that may differ when a run resumes, as the computed weights do not depend on them."""


class Resumable(Protocol):
    """A training: its parts and its progress.

    Attributes
    ----------
    config : Config
        All values.
    train, validation : Samples
        The images to train on, and those to select the checkpoint on.
    folder : RunFolder
        The files of the run.
    step, saved : int
        Steps done, and steps done at the last saved state.
    best : dict of str to float or None
        The validation metrics and the step of the best checkpoint.
    seconds : float
        Duration of the training so far.
    origin : dict of str to Any
        The source of the first weights.
    fingerprints : dict of str to str
        Hashes of the training images, of their order, and of the validation images.
    optimizer, scaler, mean
        The optimizer, the gradient scaler, and the running mean of the weights.
    """

    config: Config
    train: Samples
    validation: Samples
    folder: RunFolder
    step: int
    saved: int
    best: dict[str, float | None]
    seconds: float
    origin: dict[str, Any]
    fingerprints: dict[str, str]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    mean: RunningMean | None

    @property
    def model(self) -> nn.Module:
        """The model that is trained."""


def state_of(trainer: Resumable) -> dict[str, Any]:
    """Return the state that a training needs to resume.

    Parameters
    ----------
    trainer : Resumable
        The training.

    Returns
    -------
    dict of str to Any
        Tensors and plain values, as ``RunFolder.save_state`` takes them.
    """
    return {
        "config": json.dumps(trainer.config.as_dict()),
        "step": trainer.step,
        "best": trainer.best,
        "seconds": trainer.seconds,
        "origin": json.dumps(trainer.origin),
        **trainer.fingerprints,
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "mean": None if trainer.mean is None else trainer.mean.mean.state_dict(),
    }


def restore(trainer: Resumable, state: Mapping[str, Any]) -> None:
    """Set a training to the state of its run.

    Parameters
    ----------
    trainer : Resumable
        A training with new parts; changed in place.
    state : mapping of str to Any
        The result of ``state_of``, read from the run's folder.

    Raises
    ------
    InputError
        If the state is of a run with another config, or with other images; the error names the values or the images.
    """
    home = trainer.folder.home
    # The defaults stand in for values that are newer than the state.
    theirs, ours = {**Config().as_dict(), **json.loads(state["config"])}, trainer.config.as_dict()
    changed = [name for name in ours if name not in CHANGEABLE and theirs[name] != ours[name]]
    if changed:
        values = ", ".join(f"{name} ({theirs[name]} -> {ours[name]})" for name in changed)
        raise InputError(
            f"{home}: the run was trained with another config: {values}; give its values, or another --out"
        )
    source, selected_on = trainer.train.source, trainer.validation.source
    for key, problem in (
        ("images", f"{home}: the run was trained on other images or points than {source} has now"),
        ("order", f"{home}: the images of {source} are in another order than at the start of the run"),
        ("validation", f"{home}: the run selects its checkpoint on other images than {selected_on}"),
    ):
        if state[key] != trainer.fingerprints[key]:
            raise InputError(f"{problem}; give the images of the run, or another --out")
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
    if trainer.mean is not None:
        trainer.mean.mean.load_state_dict(state["mean"])
    trainer.step, trainer.best, trainer.seconds = state["step"], dict(state["best"]), state["seconds"]
    trainer.saved = trainer.step
    trainer.origin = json.loads(state["origin"])
