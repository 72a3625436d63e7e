"""The verb ``evaluate``: scores of a model on a dataset, by crowdeval."""

from __future__ import annotations

import itertools
from pathlib import Path

import click

from baselines.p2pnet.cli.choices import check_writable, device_option, model_options, root_option
from baselines.p2pnet.models import load_model
from baselines.p2pnet.samples import samples
from baselines.p2pnet.validation import predict_samples, score, to_predictions
from crowdeval.cli.talk import image_progress, print_warnings, warn
from crowdeval.formats import write_predictions
from crowdeval.render import RENDERERS


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("source", metavar="IMAGES")
@root_option
@model_options
@device_option
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(RENDERERS)),
    default="table",
    show_default=True,
    help="Format of the report.",
)
@click.option(
    "--save", type=click.Path(path_type=Path), help="Also write the predictions: .json, .json.gz, .csv, .parquet."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def evaluate(
    *,
    file: Path,
    source: str,
    root: str | None,
    rows: int | None,
    lines: int | None,
    precision: str,
    tile: int | None,
    counting: str | None,
    device: str,
    form: str,
    save: Path | None,
    quiet: bool,
) -> None:
    """Score the model in FILE on IMAGES.

    FILE is a checkpoint (.safetensors), its ONNX export, or a checkpoint of the released layout. IMAGES is a dataset
    (NAME:SPLIT), a list file, or ANNOTATIONS,IMAGE-FOLDER. For a run that can be resumed, and for leaderboards, use
    `crowdeval predict p2pnet IMAGES -o file=FILE`.

    \b
    crowdeval p2pnet evaluate runs/sha/best.safetensors shanghaitech-a:test --root data/ShanghaiTech
    """
    if save is not None:
        check_writable(save)
    loaded = load_model(file, rows=rows, lines=lines, device=device, precision=precision, counting=counting)
    images = samples(source, root=root)
    done = itertools.count(1)
    with image_progress(f"{file.name} on {source}", quiet=quiet) as step:
        found = predict_samples(
            loaded.model,
            images,
            tile=tile,
            progress=lambda _: step(next(done), len(images)),
        )
    if save is not None:
        with print_warnings(quiet=quiet):
            write_predictions(to_predictions([sample.id for sample in images], found), save)
    report = score(images, found, threshold=loaded.record.config.threshold, name=file.name)
    for text in report.warnings:
        warn(text)
    click.echo(RENDERERS[form](report), nl=not form.endswith("csv"))
