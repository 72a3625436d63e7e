"""Training (sections 3.4 and 4.1): steps of crops, validation apart from the test set, a run that can be gone on with.

What a step computes depends on config, seed and step alone, so that a resumed run has the losses of an uninterrupted
one, and several processes the losses of one (with batch norms frozen; otherwise each process has its own statistics).
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

from baselines.p2pnet.batches import Batch, Crops, normalized, steps_from
from baselines.p2pnet.checkpoints import Record, save_checkpoint, versions
from baselines.p2pnet.config import METRICS, Config
from baselines.p2pnet.devices import Processes, deterministic, precision
from baselines.p2pnet.loss import Totals, losses_by
from baselines.p2pnet.matching import Matched, match
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import start_from
from baselines.p2pnet.optimization import RunningMean, optimizer_of, set_rates
from baselines.p2pnet.proposals import Proposals
from baselines.p2pnet.resuming import restore, state_of
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, fingerprint_of, order_of
from baselines.p2pnet.trunk_weights import fill
from baselines.p2pnet.validation import gathered, predicted, scored
from crowdeval.errors import CrowdevalError, InputError

Talk = Callable[[Mapping[str, Any]], None]

ERRORS = tuple(name for name, better in METRICS.items() if not better)


class TrainingError(CrowdevalError, ArithmeticError):
    """A loss or gradient that is not finite; the last good checkpoint is as it was."""


@dataclass(slots=True, eq=False)
class Trainer:
    """A run: its parts, and where it stands.

    Parameters
    ----------
    config : Config
        All values.
    train, validation : Samples
        Images to learn from, and to choose the checkpoint on.
    folder : RunFolder
        Where log, checkpoints and state go.
    device : torch.device
        Where it runs.
    among : Processes
        This process among those of torchrun.
    talk : callable
        Called with every entry of the log.
    """

    config: Config
    train: Samples
    validation: Samples
    folder: RunFolder
    device: torch.device
    among: Processes = field(default_factory=Processes, kw_only=True)
    talk: Talk = field(default=lambda entry: None, kw_only=True)

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
    prints: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Build the parts, from the folder's state where there is one."""
        self._refuse()
        with torch.random.fork_rng(devices=[]), deterministic(self.config.deterministic):
            torch.manual_seed(self.config.seed)
            self.model = P2PNet(self.config)
        self.crops = Crops(self.train, self.config, rank=self.among.rank, world=self.among.world)
        self.prints = {
            "images": fingerprint_of(self.train),
            "order": order_of(self.train),
            "validation": fingerprint_of(self.validation),
        }
        state = self.folder.load_state()
        if state is None:
            self._fill()
        self._place()
        self.optimizer = optimizer_of(self.model, self.config)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.config.precision == "fp16")
        self.mean = RunningMean(self.model, self.config.ema) if self.config.ema else None
        if state is not None:
            restore(self, state)
        if self.among.first:
            self.folder.cut_log(self.step)  # a run that was killed before its first state begins anew
        self._wrap()

    def _refuse(self) -> None:
        """Raise InputError where images, processes and config don't go together."""
        config = self.config
        for images, purpose in ((self.train, "to learn from"), (self.validation, "to choose the checkpoint on")):
            if not len(images):
                raise InputError(f"{images.source}: no images {purpose}")
        if config.batch_size % (config.accumulate * self.among.world):
            raise InputError(
                f"batch_size = {config.batch_size} can't be shared by {self.among.world} processes "
                f"in {config.accumulate} parts"
            )
        if config.select not in ERRORS and not any(len(each.points) for each in self.validation):
            raise InputError(
                f"{self.validation.source}: no heads at all, so that {config.select} can choose no checkpoint; "
                f"take other images, another validation_seed, or select={ERRORS[0]}"
            )

    def _fill(self) -> None:
        """Give the model its first weights: those of a checkpoint, or the trunk's."""
        config = self.config
        if config.start:
            self.origin = start_from(self.model, Path(config.start))
            return
        filled = fill(self.model.trunk, config.backbone_weights, config.backbone)
        self.origin = {"trunk": filled.source, "missing": list(filled.missing), "unused": list(filled.unused)}

    def _place(self) -> None:
        """Freeze what is not trained and put the model on its device."""
        config = self.config
        self.model.trunk.freeze(config.frozen_blocks, batch_norm=config.batch_norm == "frozen")
        self.model.trunk.recompute(config.recompute)
        self.model.to(self.device)
        if config.channels_last:
            self.model.to(memory_format=torch.channels_last)

    def _wrap(self) -> None:
        """Compile the model where that is asked for, and share it out among the processes."""
        self.wrapped = cast(nn.Module, torch.compile(self.model)) if self.config.compile else self.model
        if self.among.world > 1:
            follows = self.config.batch_norm == "train"
            self.wrapped = DistributedDataParallel(self.wrapped, broadcast_buffers=follows)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.config.steps or self.config.epochs * self.crops.epochs.steps

    def run(self) -> None:
        """Train to the end, validating and saving on the way.

        Raises
        ------
        TrainingError
            If a loss or the gradient is not finite; names images, step and term.
        InputError
            If an image has more heads than proposals; names it.
        WriteError
            If a file can't be written.
        """
        with deterministic(self.config.deterministic):
            self._run()

    def _run(self) -> None:
        every = self.config.validate_every or self.crops.epochs.steps
        save_every = self.config.save_every or every
        started = time.monotonic() - self.seconds
        self.wrapped.train()
        for number, parts in steps_from(self.crops, self.step, self.steps):
            entry = self.one_step(number, parts)
            self.step = number + 1
            self.seconds = time.monotonic() - started
            self._note({"step": self.step, "seconds": round(self.seconds, 2), **entry})
            last = self.step == self.steps
            if self.step % every == 0 or last:
                self._validate()
                self.seconds = time.monotonic() - started
            if self.step % save_every == 0 or self.step % every == 0 or last:
                self._save()

    def one_step(self, number: int, parts: Sequence[Batch]) -> dict[str, float | None]:
        """Take one step on its parts; return its losses, over all processes."""
        config = self.config
        share = set_rates(self.optimizer, config, number, self.steps)
        totals = self._totals(parts)
        sums = np.zeros(2)
        for index, batch in enumerate(parts):
            images = normalized(batch.pixels, self.device)
            if config.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            held = isinstance(self.wrapped, DistributedDataParallel) and index < len(parts) - 1
            with self.wrapped.no_sync() if held else nullcontext():  # type: ignore[operator]
                with precision(config.precision, self.device):
                    output: Proposals = self.wrapped(images)
                self._finite(output, batch, number)
                found = losses_by(config, output, batch.targets, self._matched(output, batch, number), totals)
                sums += float(found.classification.detach()), float(found.localization.detach())
                scaled = self.scaler.scale(found.total * self.among.world)  # DDP takes the mean over processes
                scaled.backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or float("inf"))
        if not torch.isfinite(norm) and not self.scaler.is_enabled():
            names = ", ".join(dict.fromkeys(name for batch in parts for name in batch.names))
            raise TrainingError(
                f"step {number + 1}: the losses are finite and the gradient is not (images {names}){self._safe()}"
            )
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.mean is not None:
            self.mean.update(self.model)
        classification, localization = self.among.sum(sums.tolist(), self.device)
        total = classification + config.lambda2 * localization
        return {
            "loss": total,
            "classification": classification,
            "localization": localization,
            "gradient": float(norm) if torch.isfinite(norm) else None,
            "rate": share,
            **({"unmatched": totals.targets - totals.pairs} if totals.pairs < totals.targets else {}),
        }

    def _matched(self, output: Proposals, batch: Batch, number: int) -> list[Matched]:
        """Match a part; heads that stay without a proposal are counted in the log, not warned of crop by crop."""
        config = self.config
        try:
            return match(output, batch.targets, tau=config.tau, surplus=config.surplus, names=batch.names, told=False)
        except InputError as problem:
            raise InputError(f"step {number + 1}, {problem}") from None

    def _totals(self, parts: Sequence[Batch]) -> Totals:
        """Return the numbers of the whole step, over its parts and processes, known before any of it is computed."""
        each = [
            (batch.pixels.shape[2] * batch.pixels.shape[3] // self.config.stride**2 * self.config.K, batch)
            for batch in parts
        ]
        proposals = sum(cells * len(batch.targets) for cells, batch in each)
        targets = sum(len(target) for _, batch in each for target in batch.targets)
        pairs = sum(min(cells, len(target)) for cells, batch in each for target in batch.targets)
        summed = self.among.sum([float(proposals), float(targets), float(pairs)], self.device)
        return Totals(*map(int, summed))

    def _finite(self, output: Proposals, batch: Batch, number: int) -> None:
        """Raise TrainingError, with the images and the term, where what the loss is made of is not finite."""
        terms = {"classification": output.logits.detach(), "localization": output.points.detach()}
        bad = {term: ~torch.isfinite(values).flatten(1).all(1) for term, values in terms.items()}  # (B, 2M) -> (B,)
        wrong = [term for term, images in bad.items() if images.any()]
        if not wrong:
            return
        images = torch.stack(list(bad.values())).any(0).tolist()
        names = dict.fromkeys(name for name, one in zip(batch.names, images, strict=True) if one)
        raise TrainingError(
            f"step {number + 1}, image {', '.join(names)}: the {' and '.join(wrong)} loss is not finite{self._safe()}"
        )

    def _safe(self) -> str:
        """Say what is kept when a step is not."""
        kept = self.folder.last.exists() or self.folder.best.exists()
        return f"; the last good checkpoint in {self.folder.home} is as it was" if kept else ""

    def _validate(self) -> None:
        """Score the validation images with the weights that are kept; keep them where they are the best so far."""
        self.among.alike(self.model if self.mean is None else self.mean.mean)
        model = self._kept()
        with precision(self.config.precision, self.device):
            found = predicted(model, self.validation, among=self.among)
        everything = gathered(found, self.among)
        if self.among.first:
            report = scored(self.validation, everything, threshold=self.config.threshold)
            values = {name: value if math.isfinite(value) else None for name, value in report.values.items()}
            better, name = METRICS[self.config.select], self.config.select
            now, before = values[name], self.best.get(name)
            assert now is not None, "of images with heads, or an error of counts"
            if before is None or (now > before if better else now < before):
                self.best = {**values, "step": self.step}
                chosen = replace(self._record(), selected_on=self.validation.source, selected_by=self.best)
                save_checkpoint(self.folder.best, model.state_dict(), chosen)
            self._note({"step": self.step, "validation": values, "best": self.best["step"] == self.step})
        self.wrapped.train()

    def _kept(self) -> P2PNet:
        if self.mean is None:
            return self.model.eval()
        return self.mean.mean.module.eval()  # type: ignore[return-value]

    def _record(self) -> Record:
        return Record(
            config=self.config,
            step=self.step,
            trained_on={
                "source": self.train.source,
                "images": len(self.train),
                "points": int(sum(len(each.points) for each in self.train)),
                "fingerprint": self.prints["images"],
            },
            origin=self.origin,
            versions=versions(),
        )

    def _save(self) -> None:
        if not self.among.first:
            return
        save_checkpoint(self.folder.last, self._kept().state_dict(), self._record())
        self.wrapped.train()
        self.folder.save_state(state_of(self))
        self.saved = self.step

    def _note(self, entry: Mapping[str, Any]) -> None:
        if self.among.first:
            self.folder.append(entry)
            self.talk(entry)
