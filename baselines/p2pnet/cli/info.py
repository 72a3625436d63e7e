"""The verb ``info``: sizes, config and origin of a model, from its file or from a config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from baselines.p2pnet.cli.choices import choose_config, rows_and_lines, set_option
from baselines.p2pnet.config import FOLDER, PAPER_VALUES, Config
from baselines.p2pnet.model import P2PNet
from baselines.p2pnet.models import LoadedModel, load_model
from baselines.p2pnet.trunks import count_parameters
from crowdeval.errors import UsageError

_KINDS = {"checkpoint": "checkpoint of this baseline", "released": "released layout", "onnx": "ONNX export"}
"""Kind of a loaded model to its description."""


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", help="A TOML file, or a configuration that ships; not with FILE.")
@set_option
@click.option("--toml", is_flag=True, help="Print the config as a TOML file for --config.")
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
    """Print the model in FILE, or the model of a config: its sizes, its config and its origin.

    \b
    crowdeval p2pnet info runs/sha/best.safetensors
    crowdeval p2pnet info --config ucf-qnrf -s stride=4
    crowdeval p2pnet info --toml > mine.toml
    """
    if file is not None and (config or settings):
        raise UsageError(f"{file} has its own config: give FILE, or --config and --set, not both")
    loaded = None if file is None else load_model(file, rows=rows, lines=lines)
    chosen = choose_config(config, settings, needed=config is not None) if loaded is None else loaded.record.config
    if toml:
        for name, value in chosen.as_dict().items():
            click.echo(f"{name} = {json.dumps(value)}")
        return
    table = _table(chosen, loaded)
    width = max(len(name) for name, _ in table) + 2
    for name, value in table:
        click.echo(f"{name:<{width}}{value}")
    if loaded is None and config is None:
        click.echo(f"\nconfigs that ship: {', '.join(sorted(path.stem for path in FOLDER.glob('*.toml')))}")


def _table(config: Config, loaded: LoadedModel | None) -> list[tuple[str, str]]:
    """Return all rows, each a name and a text."""
    model = loaded.model if loaded is not None and isinstance(loaded.model, P2PNet) else P2PNet(config)
    stride, K = config.stride, config.K
    table = [
        ("model", f"P2PNet, {config.backbone}, {count_parameters(model):,} parameters"),
        (
            "proposals",
            f"{K} in each {stride} x {stride} cell ({config.rows} rows x {config.lines} lines, {config.layout}); "
            f"{(config.crop // stride) ** 2 * K:,} in a {config.crop} x {config.crop} crop",
        ),
        ("strides", f"trunk 4, 8, 16; proposals at {stride}"),
        ("receptive field", _receptive_field(model)),
    ]
    if loaded is not None:
        table += _origin(loaded)
    return table + _values(config)


def _values(config: Config) -> list[tuple[str, str]]:
    """Return the values of the config; values other than the default are marked."""
    default = Config().as_dict()
    changed = {name for name, value in config.as_dict().items() if value != default[name]}
    lines = [("config", "all values of the paper" if not changed & PAPER_VALUES else "some values are not the paper's")]
    for name, value in config.as_dict().items():
        kind = "paper" if name in PAPER_VALUES else "default"
        lines.append(
            (f"  {name}", f"{_text(value)}  ({kind}: {_text(default[name])})" if name in changed else _text(value))
        )
    return lines


def _text(value: Any) -> str:
    """Return a value as text, as in TOML where it is empty or a truth value."""
    return json.dumps(value) if value in ("", True, False) else str(value)


def _receptive_field(model: P2PNet) -> str:
    """Return the receptive field of the trunk and of a proposal."""
    radius = model.trunk.radius
    if radius is None:
        return "the whole image"
    trunk, whole = 16 + 2 * radius, 16 + 2 * (radius + 4 * model.config.stride)
    return f"{trunk} pixels in the trunk, up to {whole} for a proposal; the margin of a tile is {model.margin}"


def _origin(loaded: LoadedModel) -> list[tuple[str, str]]:
    """Return the facts about the file of a model."""
    record, trained_on = loaded.record, loaded.record.trained_on
    lines = [("file", _KINDS[loaded.kind])]
    if record.step:
        lines.append(
            (
                "trained",
                f"{record.step:,} steps on {trained_on.get('images')} images of {trained_on.get('source')}",
            )
        )
    if record.selected_on:
        values = ", ".join(
            f"{name} {value:.4g}"
            for name, value in record.selected_by.items()
            if name in ("nAP", "MAE", "RMSE") and value is not None
        )
        lines.append(("selected on", f"{record.selected_on} ({values})"))
    origin = record.origin
    if "start" in origin:
        lines.append(("started from", origin["start"]))
    if "trunk" in origin:
        missing = (
            f"; not in it: {', '.join(origin['missing'])}" if origin["missing"] and origin["trunk"] != "random" else ""
        )
        lines.append(("trunk from", f"{origin['trunk']}{missing}"))
    if "ignored" in origin:
        lines.append(
            (
                "ignored keys",
                f"{len(origin['ignored'])} keys that the released code never uses: {', '.join(origin['ignored'])}",
            )
        )
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return lines + ([("versions", versions)] if versions else [])
