"""``train``: a run folder with the best and the last checkpoint, a log, and a state to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch

from baselines.p2pnet.cli.choices import configured, device_option, root_option, set_option
from baselines.p2pnet.cli.stopping import Interrupted
from baselines.p2pnet.cli.talk import SHOWN, Talk, short
from baselines.p2pnet.config import Config
from baselines.p2pnet.devices import Processes, device_named, processes
from baselines.p2pnet.models import load_model
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, halves, samples
from baselines.p2pnet.training import Trainer
from baselines.p2pnet.validation import predicted, scored
from crowdeval import Report
from crowdeval.cli.talk import warn
from crowdeval.datasets import dataset_name
from crowdeval.errors import UsageError

FOLDS = range(1, 6)


@click.command()
@click.option("--dataset", help="Dataset to train on: shanghaitech-a, nwpu, ucf-cc-50, ... or folder:PATH.")
@click.option("--train", "train_source", help="Other training images: NAME:SPLIT, a list file, or ANNOTATIONS,IMAGES.")
@click.option(
    "--validation", help="Images to choose the checkpoint on; else a share of the training images is set aside."
)
@root_option
@click.option(
    "--config", help="A TOML file, or one that ships: shanghaitech-a, ucf-qnrf, ...; the dataset's own by default."
)
@set_option
@click.option("--fold", type=click.IntRange(1, 5), help="UCF_CC_50: train on all but this fold.")
@click.option("--all-folds", is_flag=True, help="UCF_CC_50: all five, each scored on its own ten images, and the mean.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Folder of the run; runs/DATASET, -foldK after it, by default."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@device_option
@click.option("--tensorboard", is_flag=True, help="Also write the log for TensorBoard.")
@click.option("--quiet", "-q", is_flag=True, help="No progress; the log is written all the same.")
def train(*, settings: tuple[str, ...], out: Path | None, device: str, **given: Any) -> None:
    """Train a model.

    The test images are never looked at: a share of the training images, or --validation, chooses the checkpoint.
    The trunk starts from torchvision's ImageNet weights, downloaded once, or with -s backbone_weights=FILE from a file;
    with -s start=FILE the whole model starts from a checkpoint, to fine-tune it.
    OUT gets best.safetensors, last.safetensors (each with a .json), log.jsonl and state.pt. A run that was stopped or
    killed goes on with --resume, with the losses it would have had. `info --toml` prints every value that --set and a
    config file can change.

    \b
    crowdeval p2pnet train --dataset shanghaitech-a --root data/ShanghaiTech --out runs/sha
    crowdeval p2pnet train --dataset ucf-cc-50 --all-folds --root data/ucf_cc_50 --out runs/ucf
    torchrun --nproc-per-node 2 -m baselines.p2pnet train --dataset nwpu --root data/NWPU --out runs/nwpu
    """
    names = [setting.partition("=")[0] for setting in settings]
    _refuse(names, **{key: given[key] for key in ("dataset", "train_source", "validation", "fold", "all_folds")})
    dataset, name = given["dataset"], given["config"]
    chosen = configured(name or dataset, settings, needed=name is not None)
    if dataset is None and given["train_source"] is None and not chosen.train:
        raise UsageError("expected --dataset, --train, or a config with train = ...")
    request = Request(
        config=chosen,
        dataset=dataset,
        train_source=given["train_source"],
        validation=given["validation"] or (chosen.validation if "validation" in names else None),
        root=given["root"],
        resume=given["resume"],
        begin_anew=given["all_folds"],
        quiet=given["quiet"],
        tensorboard=given["tensorboard"],
    )
    place, folder = device_named(device), out or _folder(dataset, given["fold"])
    with processes(place) as among:
        if given["all_folds"]:
            _all_folds(request, folder, place, among)
        else:
            _one(request, folder, given["fold"], place, among)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be trained on what, and how it is told of; ``begin_anew`` where a folder without a run is expected."""

    config: Config
    dataset: str | None
    train_source: str | None
    validation: str | None
    root: str | None
    resume: bool
    begin_anew: bool
    quiet: bool
    tensorboard: bool


def _refuse(
    names: Sequence[str],
    *,
    dataset: str | None,
    train_source: str | None,
    validation: str | None,
    fold: int | None,
    all_folds: bool,
) -> None:
    """Raise UsageError where two options, or an option and a setting, say the same thing."""
    if dataset is not None and train_source is not None:
        raise UsageError("expected --dataset or --train, one of them")
    if fold is not None and all_folds:
        raise UsageError("expected --fold or --all-folds, one of them")
    for name, given in (("train", dataset or train_source), ("validation", validation)):
        if given and name in names:
            raise UsageError(f"-s {name}= and an option say it both ({given}): leave one out")


def _one(request: Request, folder: Path, fold: int | None, place: torch.device, among: Processes) -> RunFolder:
    """Train one model and return its folder."""
    learned, held = _sources(request, fold)
    run = RunFolder(folder)
    if among.first:
        if request.resume and not run.begun and not request.begin_anew:
            warn(f"{folder} holds no run to go on with: one begins there")
        run.begin(resume=request.resume)
    with Talk(run, quiet=request.quiet or not among.first, tensorboard=request.tensorboard and among.first) as talk:
        trainer = Trainer(request.config, learned, held, run, place, among=among, talk=talk)
        talk.begin(trainer)
        if among.first and not trainer.step and _may_have_learned(trainer):
            warn(
                f"{trainer.origin['start']} was trained on other images of {held.share_of}: it may have "
                "learned some of those set aside here; take its validation_share and validation_seed"
            )
        try:
            trainer.run()
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped at step {trainer.step}; the same command with --resume goes on after "
                f"step {trainer.saved}, the last that was saved"
            ) from None
        if among.first:
            talk.end(trainer)
    return run


def _all_folds(request: Request, folder: Path, place: torch.device, among: Processes) -> None:
    """Train a model for each fold, score it on the images it has not seen, and print the values and their mean."""
    reports = []
    for number in FOLDS:
        best = _one(request, folder / f"fold{number}", number, place, among).best
        if among.first:
            reports.append(_held_out(best, f"{request.dataset}:fold{number}", request, place))
    if among.first:
        click.echo(_mean(reports))


def _folder(dataset: str | None, fold: int | None) -> Path:
    """Return the default folder of a run."""
    if dataset is None:
        raise UsageError("expected --out, the folder of the run")
    name = dataset_name(dataset.partition(":")[0])
    return Path("runs", name if fold is None else f"{name}-fold{fold}")


def _held_out(best: Path, source: str, request: Request, device: torch.device) -> Report:
    """Score a fold's checkpoint on the ten images it has not seen."""
    images = samples(source, root=request.root)
    found = predicted(load_model(best, device=device, precision=request.config.precision).model, images)
    return scored(images, found, threshold=request.config.threshold, name=source)


def _mean(reports: Sequence[Report]) -> str:
    """Return a table of the folds' values and their mean."""
    lines = ["fold      " + "".join(f"{name:>10}" for name in SHOWN)]
    rows = [[report.values[name] for name in SHOWN] for report in reports]
    rows.append([sum(column) / len(column) for column in zip(*rows, strict=True)])
    names = [*(f"fold{number}" for number in FOLDS), "mean"]
    lines += [
        f"{name:<10}" + "".join(f"{short(value):>10}" for value in row) for name, row in zip(names, rows, strict=True)
    ]
    return "\n".join(lines)


def _sources(request: Request, fold: int | None) -> tuple[Samples, Samples]:
    """Return the images to learn from and those to choose on."""
    dataset, config, root = request.dataset, request.config, request.root
    name, _, split = (dataset or "").partition(":")
    if fold is not None and dataset_name(name) != "ucf-cc-50":
        raise UsageError("--fold and --all-folds go with --dataset ucf-cc-50")
    if fold is None and not split and dataset_name(name) == "ucf-cc-50":
        raise UsageError("UCF_CC_50 has no official split: expected --fold 1 to 5, or --all-folds")
    if fold is not None and split:
        raise UsageError(f"--fold and --all-folds choose the split themselves: --dataset {name}")
    named = f"{name}:fold{fold}-train" if fold is not None else f"{name}:{split or 'train'}"
    source = request.train_source or (named if dataset else config.train)
    theirs = not config.train or same_source(source, config.train)
    validation = request.validation or (config.validation if theirs else "")
    learned = samples(source, root=root)
    if validation:
        return learned, samples(validation, root=root)
    return halves(learned, config.validation_share, config.validation_seed)


def _may_have_learned(trainer: Trainer) -> bool:
    """Return whether the checkpoint a run starts from was trained on other images of a source that is shared out."""
    learned = trainer.origin.get("start_trained_on", {})
    aside = trainer.validation.share_of
    known = (None, trainer.prints["images"])
    return bool(aside and learned.get("source") == aside and learned.get("fingerprint") not in known)


def same_source(one: str, other: str) -> bool:
    """Return whether two sources are one, however the dataset is spelt."""
    (name, colon, split), (other_name, _, other_split) = one.partition(":"), other.partition(":")
    return one == other or bool(colon and dataset_name(name) == dataset_name(other_name) and split == other_split)
