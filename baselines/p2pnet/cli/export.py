"""``export``: a checkpoint as ONNX, checked."""

from __future__ import annotations

from pathlib import Path

import click

from baselines.p2pnet.cli.choices import rows_and_lines
from baselines.p2pnet.export import export_onnx, hushed
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import load_model
from crowdeval.errors import UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Where to; FILE with .onnx by default.")
@rows_and_lines
def export(file: Path, out: Path | None, rows: int | None, lines: int | None) -> None:
    """Write the model in FILE as ONNX, for images of any size, and check it against the model.

    `crowdeval predict p2pnet ... -o file=MODEL.onnx` runs it.

    \b
    crowdeval p2pnet export runs/sha/best.safetensors
    """
    loaded = load_model(file, rows=rows, lines=lines)
    if not isinstance(loaded.model, P2PNet):
        raise UsageError(f"{file} is an export already")
    path = out or file.with_suffix(".onnx")
    if path.suffix != ".onnx":
        raise UsageError(f"--out: expected a name that ends in .onnx, found {path}")
    with hushed():
        difference = export_onnx(loaded.model, path, loaded.record)
    click.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, within {difference:.1g} of the model")
