"""``train``: a run folder with the best and the last checkpoint, a log, and a state to go on from."""

from __future__ import annotations

from pathlib import Path

import click

from baselines.p2pnet.cli.choices import configured, device_option, root_option, set_option
from baselines.p2pnet.cli.talk import Talk
from baselines.p2pnet.config import Config
from baselines.p2pnet.devices import device_named, processes
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, halves, samples
from baselines.p2pnet.training import Trainer
from crowdeval.errors import UsageError

SPLITS = {"ucf-qnrf": ("train", ""), "nwpu": ("train", "val")}
"""Datasets whose splits are not just train, with a part of it set aside."""


@click.command()
@click.option("--dataset", help="Dataset to train on: shanghaitech-a, nwpu, ucf-cc-50, ... or folder:PATH.")
@click.option("--train", "train_source", help="Other training images: NAME:SPLIT, a list file, or ANNOTATIONS,IMAGES.")
@click.option("--validation", help="Images to choose the checkpoint on; else a share of the training images is set aside.")
@root_option
@click.option("--config", help="A TOML file, or one that ships: shanghaitech-a, ucf-qnrf, ...; the dataset's own by default.")
@set_option
@click.option("--fold", type=click.IntRange(1, 5), help="UCF_CC_50: train on the four other folds.")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@device_option
@click.option("--tensorboard", is_flag=True, help="Also write the log for TensorBoard.")
@click.option("--quiet", "-q", is_flag=True, help="No progress; the log is written all the same.")
def train(
    dataset: str | None,
    train_source: str | None,
    validation: str | None,
    root: Path | None,
    config: str | None,
    settings: tuple[str, ...],
    fold: int | None,
    out: Path,
    resume: bool,
    device: str,
    tensorboard: bool,
    quiet: bool,
) -> None:
    """Train a model.

    The test images are never looked at: a share of the training images, or --validation, chooses the checkpoint.
    OUT gets best.safetensors, last.safetensors (each with a .json), log.jsonl and state.pt. A run that was stopped or
    killed goes on with --resume, with the losses it would have had.

    \b
    python -m baselines.p2pnet train --dataset shanghaitech-a --root data/ShanghaiTech --out runs/sha
    python -m baselines.p2pnet train --dataset ucf-cc-50 --fold 1 --root data/ucf_cc_50 --out runs/fold1
    torchrun --nproc-per-node 2 -m baselines.p2pnet train --dataset nwpu --root data/NWPU --out runs/nwpu
    """
    if (dataset is None) == (train_source is None):
        raise UsageError("expected --dataset or --train, one of them")
    chosen = configured(config or dataset, settings, needed=config is not None)
    learned, held = _sources(dataset, train_source, validation, root, fold, chosen)
    place = device_named(device)
    with processes(place) as among:
        folder = RunFolder(out)
        if among.first:
            folder.begin(resume=resume)
        with Talk(folder, quiet=quiet or not among.first, tensorboard=tensorboard and among.first) as talk:
            trainer = Trainer(chosen, learned, held, folder, place, among, talk)
            talk.begin(trainer)
            trainer.run()


def _sources(
    dataset: str | None, train_source: str | None, validation: str | None, root: Path | None, fold: int | None, config: Config
) -> tuple[Samples, Samples]:
    """Return the images to learn from and those to choose on."""
    if fold is not None:
        learned = _folds(dataset, root, fold)
    else:
        name, _, split = (dataset or "").partition(":")
        split, apart = (split, "") if split else SPLITS.get(name, ("train", ""))
        learned = samples(train_source or config.train or f"{name}:{split}", root=root)
        validation = validation or config.validation or (f"{name}:{apart}" if apart else None)
    if validation:
        return learned, samples(validation, root=root)
    return halves(learned, config.validation_share, config.seed)


def _folds(dataset: str | None, root: Path | None, fold: int) -> Samples:
    """Return the images of the four folds other than ``fold``."""
    if dataset is None:
        raise UsageError("--fold goes with --dataset ucf-cc-50")
    others = [samples(f"{dataset}:fold{number}", root=root) for number in range(1, 6) if number != fold]
    return Samples(f"{dataset} without fold{fold}", tuple(each for part in others for each in part))
