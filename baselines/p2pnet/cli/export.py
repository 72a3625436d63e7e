"""The verb ``export``: a model as ONNX, compared with the model."""

from __future__ import annotations

from pathlib import Path

import click

from baselines.p2pnet.cli.choices import rows_and_lines
from baselines.p2pnet.export import export_onnx, suppress_exporter_output
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import load_model
from crowdeval.errors import UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="The file to write; FILE with the suffix .onnx by default."
)
@rows_and_lines
def export(file: Path, out: Path | None, rows: int | None, lines: int | None) -> None:
    """Write the model in FILE as ONNX, for images of any size, and compare it with the model.

    `crowdeval predict p2pnet ... -o file=MODEL.onnx` predicts with the file.

    \b
    crowdeval p2pnet export runs/sha/best.safetensors
    """
    loaded = load_model(file, rows=rows, lines=lines)
    if not isinstance(loaded.model, P2PNet):
        raise UsageError(f"FILE: expected a checkpoint, found the ONNX export {file}")
    path = out or file.with_suffix(".onnx")
    if path.suffix != ".onnx":
        raise UsageError(f"--out: expected a file name that ends in .onnx, found {path}")
    with suppress_exporter_output():
        difference = export_onnx(loaded.model, path, loaded.record)
    click.echo(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, largest difference from the model {difference:.1g}")
