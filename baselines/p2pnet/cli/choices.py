"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from baselines.p2pnet.config import FOLDER, Config, named, overridden

root_option = click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of the dataset, or one above it; or of a list file's names."
)
set_option = click.option(
    "--set", "-s", "settings", multiple=True, metavar="NAME=VALUE", help="A value of the config: -s stride=4 -s precision=bf16."
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")


def configured(name: str | None, settings: Sequence[str], *, needed: bool) -> Config:
    """Return the config of a name or file, with settings; the paper's where none of the name ships and none is needed."""
    shipped = name is not None and (FOLDER / f"{name.partition(':')[0]}.toml").is_file()
    config = named(name if needed else name.partition(":")[0]) if name is not None and (needed or shipped) else Config()
    return overridden(config, settings)
