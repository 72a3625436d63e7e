"""``info``: what a model is, from its config or its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from baselines.p2pnet.cli.choices import configured, rows_and_lines, set_option
from baselines.p2pnet.config import FOLDER, STATED, Config
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import Loaded, load_model
from baselines.p2pnet.trunks import parameters_of
from crowdeval.errors import UsageError


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", help="A TOML file, or one that ships; without FILE.")
@set_option
@click.option("--toml", is_flag=True, help="Print all values, as a file that --config takes.")
@rows_and_lines
def info(
    *,
    file: Path | None,
    config: str | None,
    settings: tuple[str, ...],
    toml: bool,
    rows: int | None,
    lines: int | None,
) -> None:
    """Print the model in FILE, or the one that a config describes: sizes, values, where a checkpoint came from.

    \b
    crowdeval p2pnet info runs/sha/best.safetensors
    crowdeval p2pnet info --config ucf-qnrf -s stride=4
    crowdeval p2pnet info --toml > mine.toml
    """
    if file is not None and (config or settings):
        raise UsageError("FILE has its own config: leave --config and --set out")
    loaded = None if file is None else load_model(file, rows=rows, lines=lines)
    chosen = configured(config, settings, needed=config is not None) if loaded is None else loaded.record.config
    if toml:
        for name, value in chosen.as_dict().items():
            click.echo(f"{name} = {json.dumps(value)}")
        return
    rows_of_text = _lines(chosen, loaded)
    width = max(len(name) for name, _ in rows_of_text) + 2
    for name, value in rows_of_text:
        click.echo(f"{name:<{width}}{value}")
    if loaded is None and config is None:
        click.echo(f"\nconfigs that ship: {', '.join(sorted(path.stem for path in FOLDER.glob('*.toml')))}")


def _lines(config: Config, loaded: Loaded | None) -> list[tuple[str, str]]:
    model = loaded.model if loaded is not None and isinstance(loaded.model, P2PNet) else P2PNet(config)
    step, K = config.stride, config.K
    lines = [
        ("model", f"P2PNet, {config.backbone}, {parameters_of(model):,} parameters"),
        (
            "proposals",
            f"{K} in each {step} x {step} cell ({config.rows} rows x {config.lines} lines, {config.layout}); "
            f"{(config.crop // step) ** 2 * K:,} in a {config.crop} x {config.crop} crop",
        ),
        ("strides", f"trunk 4, 8, 16; proposals at {step}"),
        ("receptive field", _field(model)),
    ]
    if loaded is not None:
        lines += _provenance(loaded)
    return lines + _values(config)


def _values(config: Config) -> list[tuple[str, str]]:
    """Return all values; what is not the default is marked."""
    default = Config().as_dict()
    changed = {name for name, value in config.as_dict().items() if value != default[name]}
    lines = [("config", "the paper's" if not changed & STATED else "not the paper's in all")]
    for name, value in config.as_dict().items():
        kind = "paper" if name in STATED else "default"
        lines.append(
            (f"  {name}", f"{_text(value)}  ({kind}: {_text(default[name])})" if name in changed else _text(value))
        )
    return lines


def _text(value: Any) -> str:
    return json.dumps(value) if value in ("", True, False) else str(value)


def _field(model: P2PNet) -> str:
    radius = model.trunk.radius
    if radius is None:
        return "the whole image"
    trunk, whole = 16 + 2 * radius, 16 + 2 * (radius + 4 * model.config.stride)
    return f"{trunk} pixels in the trunk, up to {whole} for a proposal; tiles see {model.margin} beyond their core"


def _provenance(loaded: Loaded) -> list[tuple[str, str]]:
    record, learned = loaded.record, loaded.record.trained_on
    lines = [
        ("file", {"checkpoint": "this baseline's", "released": "released layout", "onnx": "ONNX export"}[loaded.kind])
    ]
    if record.step:
        lines.append(
            (
                "trained",
                f"{record.step:,} steps on {learned.get('images')} images of {learned.get('source')}",
            )
        )
    if record.selected_on:
        chosen = ", ".join(
            f"{name} {value:.4g}"
            for name, value in record.selected_by.items()
            if name in ("nAP", "MAE", "RMSE") and value is not None
        )
        lines.append(("selected on", f"{record.selected_on} ({chosen})"))
    origin = record.origin
    if "start" in origin:
        lines.append(("started from", origin["start"]))
    if "trunk" in origin:
        held = (
            f"; not in it: {', '.join(origin['missing'])}" if origin["missing"] and origin["trunk"] != "random" else ""
        )
        lines.append(("trunk from", f"{origin['trunk']}{held}"))
    if "ignored" in origin:
        lines.append(
            (
                "ignored keys",
                f"{len(origin['ignored'])} that the released code never uses: {', '.join(origin['ignored'])}",
            )
        )
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return lines + ([("versions", versions)] if versions else [])
