"""Training (sections 3.4 and 4.1): steps of random crops, validation on images apart from the test set, resumable runs.

The config, the seed and the number of a step decide what the step computes. A resumed run therefore has the losses of
an uninterrupted one, and several processes have the losses of one process (with frozen batch norms; otherwise each
process has batch statistics of its own).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from baselines.p2pnet.batches import Batch, Crops, normalize, steps_from
from baselines.p2pnet.checkpoints import Record, save_checkpoint, versions
from baselines.p2pnet.config import METRICS, Config
from baselines.p2pnet.devices import Processes, deterministic, precision
from baselines.p2pnet.loss import Totals, losses_of_config
from baselines.p2pnet.matching import Matched, match
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import start_from
from baselines.p2pnet.optimization import RunningMean, optimizer_of, set_rates
from baselines.p2pnet.proposals import Proposals
from baselines.p2pnet.resuming import restore, state_of
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, fingerprint_of, order_of
from baselines.p2pnet.trunk_weights import fill_trunk
from baselines.p2pnet.validation import gather, predict_samples, score
from crowdeval.errors import CrowdevalError, InputError

OnEntry = Callable[[Mapping[str, Any]], None]

ERROR_METRICS = tuple(name for name, better in METRICS.items() if not better)
"""The validation metrics of which a lower value is better."""


class TrainingError(CrowdevalError, ArithmeticError):
    """A loss or a gradient is not finite; the last checkpoints are unchanged."""


@dataclass(slots=True, eq=False)
class Trainer:
    """A training run: its parts and its progress.

    Parameters
    ----------
    config : Config
        All values.
    train, validation : Samples
        The images to train on, and those to select the checkpoint on.
    folder : RunFolder
        The folder of log, checkpoints and state; a state in it is resumed.
    device : torch.device
        The device of the training.
    processes : Processes
        This process among those of torchrun.
    on_entry : callable
        Called with every entry of the log, in the first process.

    Raises
    ------
    InputError
        If images, processes and config do not go together, or the state in the folder is of another run.
    UsageError
        If the backbone is unknown, or its ImageNet weights are not available.
    MissingFileError
        If a file of weights does not exist.
    """

    config: Config
    train: Samples
    validation: Samples
    folder: RunFolder
    device: torch.device
    processes: Processes = field(default_factory=Processes, kw_only=True)
    on_entry: OnEntry = field(default=lambda entry: None, kw_only=True)

    step: int = field(init=False, default=0)
    saved: int = field(init=False, default=0)
    best: dict[str, float | None] = field(init=False, default_factory=dict)
    seconds: float = field(init=False, default=0.0)
    origin: dict[str, Any] = field(init=False, default_factory=dict)
    model: P2PNet = field(init=False)
    wrapped: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)
    mean: RunningMean | None = field(init=False)
    crops: Crops = field(init=False)
    fingerprints: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Build the parts, and set them to the folder's state where there is one."""
        self._check_inputs()
        with torch.random.fork_rng(devices=[]), deterministic(self.config.deterministic):
            torch.manual_seed(self.config.seed)
            self.model = P2PNet(self.config)
        self.crops = Crops(self.train, self.config, rank=self.processes.rank, world=self.processes.world)
        self.fingerprints = {
            "images": fingerprint_of(self.train),
            "order": order_of(self.train),
            "validation": fingerprint_of(self.validation),
        }
        state = self.folder.load_state()
        if state is None:
            self._init_weights()
        self._prepare_model()
        self.optimizer = optimizer_of(self.model, self.config)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.config.precision == "fp16")
        self.mean = RunningMean(self.model, self.config.ema) if self.config.ema else None
        if state is not None:
            restore(self, state)
        if self.processes.first:
            self.folder.cut_log(self.step)  # without a state, this deletes the entries of a killed start
        self._wrap()

    def _check_inputs(self) -> None:
        """Raise InputError where images, processes and config do not go together."""
        config = self.config
        for images, purpose in ((self.train, "to train on"), (self.validation, "to select the checkpoint on")):
            if not len(images):
                raise InputError(f"{images.source}: no images {purpose}")
        if config.batch_size % (config.accumulate * self.processes.world):
            raise InputError(
                f"batch_size: expected a multiple of {self.processes.world} processes x {config.accumulate} parts "
                f"(accumulate), found {config.batch_size}"
            )
        if config.select not in ERROR_METRICS and not any(len(sample.points) for sample in self.validation):
            raise InputError(
                f"{self.validation.source}: the images have no true points, so that {config.select} can't select a "
                f"checkpoint; give other images, another validation_seed, or select={ERROR_METRICS[0]}"
            )

    def _init_weights(self) -> None:
        """Set the first weights: those of a checkpoint, or pretrained ones of the trunk."""
        config = self.config
        if config.start:
            self.origin = start_from(self.model, Path(config.start))
            return
        filled = fill_trunk(self.model.trunk, config.backbone_weights, config.backbone)
        self.origin = {"trunk": filled.source, "missing": list(filled.missing), "unused": list(filled.unused)}

    def _prepare_model(self) -> None:
        """Freeze the layers that are not trained, and move the model to its device."""
        config = self.config
        self.model.trunk.freeze(config.frozen_blocks, batch_norm=config.batch_norm == "frozen")
        self.model.trunk.recompute(config.recompute)
        self.model.to(self.device)
        if config.channels_last:
            self.model.to(memory_format=torch.channels_last)

    def _wrap(self) -> None:
        """Compile the model where the config says so, and distribute it over the processes."""
        self.wrapped = cast(nn.Module, torch.compile(self.model)) if self.config.compile else self.model
        if self.processes.world > 1:
            is_updated = self.config.batch_norm == "train"
            self.wrapped = DistributedDataParallel(self.wrapped, broadcast_buffers=is_updated)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.config.steps or self.config.epochs * self.crops.epochs.steps

    def run(self) -> None:
        """Train to the end, with validations and saved states on the way.

        Raises
        ------
        TrainingError
            If a loss or the gradient is not finite; the error names images, step and term.
        InputError
            If an image has more targets than proposals; the error names it.
        WriteError
            If a file can't be written.
        """
        with deterministic(self.config.deterministic):
            self._run()

    def _run(self) -> None:
        """Train from the present step to the last one."""
        every = self.config.validate_every or self.crops.epochs.steps
        save_every = self.config.save_every or every
        started = time.monotonic() - self.seconds
        self.wrapped.train()
        for number, parts in steps_from(self.crops, self.step, self.steps):
            entry = self.take_step(number, parts)
            self.step = number + 1
            self.seconds = time.monotonic() - started
            self._log({"step": self.step, "seconds": round(self.seconds, 2), **entry})
            last = self.step == self.steps
            if self.step % every == 0 or last:
                self._validate()
                self.seconds = time.monotonic() - started
            if self.step % save_every == 0 or self.step % every == 0 or last:
                self._save()

    def take_step(self, number: int, parts: Sequence[Batch]) -> dict[str, float | None]:
        """Compute one step on its parts, and change the weights.

        Parameters
        ----------
        number : int
            Number of the step, from 0.
        parts : sequence of Batch
            The parts of this process.

        Returns
        -------
        dict of str to float or None
            The values of the log, over all processes: the losses, the norm of the gradient (None where it is not
            finite), the share of the learning rates and, where there are any, the number of unmatched targets.

        Raises
        ------
        TrainingError, InputError
            As ``run``.
        """
        config = self.config
        share = set_rates(self.optimizer, config, number, self.steps)
        totals = self._totals(parts)
        sums = np.zeros(2)
        for index, batch in enumerate(parts):
            images = normalize(batch.pixels, self.device)
            if config.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            is_not_last = isinstance(self.wrapped, DistributedDataParallel) and index < len(parts) - 1
            with self.wrapped.no_sync() if is_not_last else nullcontext():  # type: ignore[operator]
                with precision(config.precision, self.device):
                    output: Proposals = self.wrapped(images)
                self._check_finite(output, batch, number)
                matched = self._match(output, batch, number)
                terms = losses_of_config(config, output, batch.targets, matched, totals)
                sums += float(terms.classification.detach()), float(terms.localization.detach())
                scaled = self.scaler.scale(terms.total * self.processes.world)  # as DDP averages over the processes
                scaled.backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or float("inf"))
        self._check_gradient(norm, parts, number)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.mean is not None:
            self.mean.update(self.model)
        classification, localization = self.processes.sum(sums.tolist(), self.device)
        total = classification + config.lambda2 * localization
        return {
            "loss": total,
            "classification": classification,
            "localization": localization,
            "gradient": float(norm) if torch.isfinite(norm) else None,
            "rate": share,
            **({"unmatched": totals.targets - totals.pairs} if totals.pairs < totals.targets else {}),
        }

    def _match(self, output: Proposals, batch: Batch, number: int) -> list[Matched]:
        """Match one part; unmatched targets are counted in the log, so that there is no warning for each crop."""
        config = self.config
        try:
            return match(output, batch.targets, tau=config.tau, surplus=config.surplus, names=batch.names, told=False)
        except InputError as problem:
            raise InputError(f"step {number + 1}, {problem}") from None

    def _totals(self, parts: Sequence[Batch]) -> Totals:
        """Return the numbers of the whole step over its parts and processes, before the step is computed."""
        config, proposals, targets, pairs = self.config, 0, 0, 0
        for batch in parts:
            # A crop of 128 x 128 at stride 8 with K = 4 has 16 * 16 * 4 = 1,024 proposals.
            height, width = batch.pixels.shape[2:]
            of_crop = height * width // config.stride**2 * config.K
            proposals += of_crop * len(batch.targets)
            targets += sum(len(target) for target in batch.targets)
            pairs += sum(min(of_crop, len(target)) for target in batch.targets)
        summed = self.processes.sum([float(proposals), float(targets), float(pairs)], self.device)
        return Totals(*map(int, summed))

    def _check_finite(self, output: Proposals, batch: Batch, number: int) -> None:
        """Raise TrainingError, with images and terms, where an output of the model is not finite."""
        terms = {"classification": output.logits.detach(), "localization": output.points.detach()}
        bad = {term: ~torch.isfinite(values).flatten(1).all(1) for term, values in terms.items()}  # (B, 2M) -> (B,)
        bad_terms = [term for term, images in bad.items() if images.any()]
        if not bad_terms:
            return
        images = torch.stack(list(bad.values())).any(0).tolist()  # (2, B) -> (B,)
        names = dict.fromkeys(name for name, is_bad in zip(batch.names, images, strict=True) if is_bad)
        raise TrainingError(
            f"step {number + 1}, image {', '.join(names)}: the {' and '.join(bad_terms)} loss is not finite"
            f"{self._checkpoint_note()}"
        )

    def _check_gradient(self, norm: torch.Tensor, parts: Sequence[Batch], number: int) -> None:
        """Raise TrainingError where the gradient is not finite; with fp16, the scaler skips such a step."""
        if not torch.isfinite(norm) and not self.scaler.is_enabled():
            names = ", ".join(dict.fromkeys(name for batch in parts for name in batch.names))
            raise TrainingError(
                f"step {number + 1}: the losses are finite and the gradient is not (images {names})"
                f"{self._checkpoint_note()}"
            )

    def _checkpoint_note(self) -> str:
        """Return the end of a message: where the last checkpoints are, if there are any."""
        is_saved = self.folder.last.exists() or self.folder.best.exists()
        return f"; the checkpoints in {self.folder.home} are unchanged" if is_saved else ""

    def _validate(self) -> None:
        """Score the validation images with the weights that are saved, and save them where they are the best so far."""
        self.processes.synchronize(self.model if self.mean is None else self.mean.mean)
        model = self._saved_model()
        with precision(self.config.precision, self.device):
            mine = predict_samples(model, self.validation, processes=self.processes)
        predictions = gather(mine, self.processes)
        if self.processes.first:
            report = score(self.validation, predictions, threshold=self.config.threshold)
            values = {name: value if math.isfinite(value) else None for name, value in report.values.items()}
            better, name = METRICS[self.config.select], self.config.select
            now, before = values[name], self.best.get(name)
            assert now is not None, "the images have true points, or the metric is an error of counts"
            if before is None or (now > before if better else now < before):
                self.best = {**values, "step": self.step}
                record = replace(self._record(), selected_on=self.validation.source, selected_by=self.best)
                save_checkpoint(self.folder.best, model.state_dict(), record)
            self._log({"step": self.step, "validation": values, "best": self.best["step"] == self.step})
        self.wrapped.train()

    def _saved_model(self) -> P2PNet:
        """Return the model whose weights are validated and saved, in eval mode: the running mean where there is one."""
        if self.mean is None:
            return self.model.eval()
        return self.mean.mean.module.eval()  # type: ignore[return-value]

    def _record(self) -> Record:
        """Return the facts about a checkpoint of the present step."""
        return Record(
            config=self.config,
            step=self.step,
            trained_on={
                "source": self.train.source,
                "images": len(self.train),
                "points": int(sum(len(sample.points) for sample in self.train)),
                "fingerprint": self.fingerprints["images"],
            },
            origin=self.origin,
            versions=versions(),
        )

    def _save(self) -> None:
        """Save the last checkpoint and the state."""
        if not self.processes.first:
            return
        save_checkpoint(self.folder.last, self._saved_model().state_dict(), self._record())
        self.wrapped.train()
        self.folder.save_state(state_of(self))
        self.saved = self.step

    def _log(self, entry: Mapping[str, Any]) -> None:
        """Write an entry of the log."""
        if self.processes.first:
            self.folder.append(entry)
            self.on_entry(entry)
