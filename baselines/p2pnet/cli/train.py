"""The verb ``train``: a folder with the best and the last checkpoint, a log, and a state to resume from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch

from baselines.p2pnet.cli.choices import choose_config, device_option, root_option, set_option
from baselines.p2pnet.cli.stopping import Interrupted
from baselines.p2pnet.cli.talk import SHOWN, Reporter, format_metric
from baselines.p2pnet.config import Config
from baselines.p2pnet.devices import Processes, join_processes, select_device
from baselines.p2pnet.models import load_model
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, samples, set_aside
from baselines.p2pnet.training import Trainer
from baselines.p2pnet.validation import predict_samples, score
from crowdeval import Report
from crowdeval.cli.talk import warn
from crowdeval.datasets import dataset_name
from crowdeval.errors import UsageError

FOLDS = range(1, 6)


@click.command()
@click.option("--dataset", help="Dataset to train on: shanghaitech-a, nwpu, ucf-cc-50, ... or folder:PATH.")
@click.option("--train", "train_source", help="Other training images: NAME:SPLIT, a list file, or ANNOTATIONS,IMAGES.")
@click.option(
    "--validation", help="Images to select the checkpoint on; by default a share of the training images is set aside."
)
@root_option
@click.option(
    "--config", help="A TOML file, or a configuration that ships: shanghaitech-a, ...; the dataset's own by default."
)
@set_option
@click.option("--fold", type=click.IntRange(1, 5), help="UCF_CC_50: train on the other folds.")
@click.option(
    "--all-folds",
    is_flag=True,
    help="UCF_CC_50: train all five folds, score each on its ten images, and print the mean.",
)
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    help="Folder of the run; by default runs/DATASET, or runs/DATASET-foldK.",
)
@click.option("--resume", is_flag=True, help="Resume the run in --out.")
@device_option
@click.option("--tensorboard", is_flag=True, help="Also write the log for TensorBoard.")
@click.option("--quiet", "-q", is_flag=True, help="Print no progress; the log is still written.")
def train(*, settings: tuple[str, ...], out: Path | None, device: str, **given: Any) -> None:
    """Train a model.

    The test images are not used: a share of the training images, or --validation, selects the checkpoint. The trunk
    starts from torchvision's ImageNet weights, which are downloaded once, or from a file with
    -s backbone_weights=FILE. With -s start=FILE the whole model starts from a checkpoint, to fine-tune it.
    OUT gets best.safetensors, last.safetensors (each with a .json), log.jsonl and state.pt. A run that was stopped or
    killed is resumed with --resume, and has the losses of an uninterrupted run. `info --toml` prints all values that
    --set and a config file can change.

    \b
    crowdeval p2pnet train --dataset shanghaitech-a --root data/ShanghaiTech --out runs/sha
    crowdeval p2pnet train --dataset ucf-cc-50 --all-folds --root data/ucf_cc_50 --out runs/ucf
    torchrun --nproc-per-node 2 -m baselines.p2pnet train --dataset nwpu --root data/NWPU --out runs/nwpu
    """
    names = [setting.partition("=")[0] for setting in settings]
    _check_options(names, **{key: given[key] for key in ("dataset", "train_source", "validation", "fold", "all_folds")})
    dataset, name = given["dataset"], given["config"]
    chosen = choose_config(name or dataset, settings, needed=name is not None)
    if dataset is None and given["train_source"] is None and not chosen.train:
        raise UsageError("no training images: expected --dataset, --train, or a config with train = ...")
    request = _Request(
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
    where, folder = select_device(device), out or _default_folder(dataset, given["fold"])
    with join_processes(where) as processes:
        if given["all_folds"]:
            _train_all_folds(request, folder, where, processes)
        else:
            _train_one(request, folder, given["fold"], where, processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The options of a training.

    Attributes
    ----------
    config : Config
        All values.
    dataset, train_source, validation : str, optional
        The sources of images from the command line.
    root : str, optional
        The dataset's folder.
    resume : bool
        Whether a run that is there already is resumed.
    begin_anew : bool
        Whether a folder without a run is expected, also with ``resume``.
    quiet, tensorboard : bool
        Print no progress; write the log for TensorBoard.
    """

    config: Config
    dataset: str | None
    train_source: str | None
    validation: str | None
    root: str | None
    resume: bool
    begin_anew: bool
    quiet: bool
    tensorboard: bool


def _check_options(
    names: Sequence[str],
    *,
    dataset: str | None,
    train_source: str | None,
    validation: str | None,
    fold: int | None,
    all_folds: bool,
) -> None:
    """Raise UsageError where two options, or an option and a setting, give the same value."""
    if dataset is not None and train_source is not None:
        raise UsageError("--dataset and --train exclude each other: give one of them")
    if fold is not None and all_folds:
        raise UsageError("--fold and --all-folds exclude each other: give one of them")
    for name, given in (("train", dataset or train_source), ("validation", validation)):
        if given and name in names:
            raise UsageError(f"-s {name}= and an option ({given}) both give the images: leave one out")


def _train_one(
    request: _Request, folder: Path, fold: int | None, device: torch.device, processes: Processes
) -> RunFolder:
    """Train one model and return its folder."""
    train_images, validation_images = _sources(request, fold)
    run = RunFolder(folder)
    if processes.first:
        if request.resume and not run.has_run and not request.begin_anew:
            warn(f"{folder} has no run to resume: a new run begins there")
        run.begin(resume=request.resume)
    quiet, tensorboard = request.quiet or not processes.first, request.tensorboard and processes.first
    with Reporter(run, quiet=quiet, tensorboard=tensorboard) as report:
        trainer = Trainer(
            request.config, train_images, validation_images, run, device, processes=processes, on_entry=report
        )
        report.begin(trainer)
        if processes.first and not trainer.step and _may_have_trained_on_validation(trainer):
            warn(
                f"{trainer.origin['start']} was trained on other images of {validation_images.share_of}, perhaps on "
                "some that are set aside for validation here; give its validation_share and validation_seed"
            )
        try:
            trainer.run()
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped at step {trainer.step}; the same command with --resume continues after step "
                f"{trainer.saved}, the last saved one"
            ) from None
        if processes.first:
            report.end(trainer)
    return run


def _train_all_folds(request: _Request, folder: Path, device: torch.device, processes: Processes) -> None:
    """Train a model for each fold, score it on the fold's images, and print the values and their mean."""
    reports = []
    for number in FOLDS:
        best = _train_one(request, folder / f"fold{number}", number, device, processes).best
        if processes.first:
            reports.append(_score_fold(best, f"{request.dataset}:fold{number}", request, device))
    if processes.first:
        click.echo(_fold_table(reports))


def _default_folder(dataset: str | None, fold: int | None) -> Path:
    """Return the default folder of a run."""
    if dataset is None:
        raise UsageError("no folder for the run: expected --out")
    name = dataset_name(dataset.partition(":")[0])
    return Path("runs", name if fold is None else f"{name}-fold{fold}")


def _score_fold(best: Path, source: str, request: _Request, device: torch.device) -> Report:
    """Score the checkpoint of a fold on the ten images that it was not trained on."""
    images = samples(source, root=request.root)
    model = load_model(best, device=device, precision=request.config.precision).model
    return score(images, predict_samples(model, images), threshold=request.config.threshold, name=source)


def _fold_table(reports: Sequence[Report]) -> str:
    """Return the values of the folds and their mean as a table."""
    lines = ["fold      " + "".join(f"{name:>10}" for name in SHOWN)]
    rows = [[report.values[name] for name in SHOWN] for report in reports]
    rows.append([sum(column) / len(column) for column in zip(*rows, strict=True)])
    names = [*(f"fold{number}" for number in FOLDS), "mean"]
    lines += [
        f"{name:<10}" + "".join(f"{format_metric(value):>10}" for value in row)
        for name, row in zip(names, rows, strict=True)
    ]
    return "\n".join(lines)


def _sources(request: _Request, fold: int | None) -> tuple[Samples, Samples]:
    """Return the images to train on, and those to select the checkpoint on."""
    dataset, config, root = request.dataset, request.config, request.root
    name, _, split = (dataset or "").partition(":")
    if fold is not None and dataset_name(name) != "ucf-cc-50":
        raise UsageError(f"--fold and --all-folds: expected --dataset ucf-cc-50, found {dataset or 'no --dataset'}")
    if fold is None and not split and dataset_name(name) == "ucf-cc-50":
        raise UsageError("UCF_CC_50 has no official split: expected --fold 1 to 5, or --all-folds")
    if fold is not None and split:
        raise UsageError(f"--fold and --all-folds set the split: expected --dataset {name}, found {dataset}")
    split_source = f"{name}:fold{fold}-train" if fold is not None else f"{name}:{split or 'train'}"
    source = request.train_source or (split_source if dataset else config.train)
    # The config's validation images belong to the config's training images only.
    is_of_config = not config.train or _is_same_source(source, config.train)
    validation = request.validation or (config.validation if is_of_config else "")
    images = samples(source, root=root)
    if validation:
        return images, samples(validation, root=root)
    return set_aside(images, config.validation_share, config.validation_seed)


def _may_have_trained_on_validation(trainer: Trainer) -> bool:
    """Return whether the start checkpoint was trained on another part of the source that validation is a part of."""
    trained_on = trainer.origin.get("start_trained_on", {})
    source = trainer.validation.share_of
    known = (None, trainer.fingerprints["images"])
    return bool(source and trained_on.get("source") == source and trained_on.get("fingerprint") not in known)


def _is_same_source(source: str, other: str) -> bool:
    """Return whether two sources are the same, also where they spell the dataset's name differently."""
    (name, colon, split), (other_name, _, other_split) = source.partition(":"), other.partition(":")
    is_same_split = bool(colon and dataset_name(name) == dataset_name(other_name) and split == other_split)
    return source == other or is_same_split
