"""``python -m baselines.p2pnet``: train, evaluate, predict, export, info; each verb is a file."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from crowdeval.errors import CrowdevalError

VERBS = ("train", "evaluate", "predict", "export", "info")


class _Verbs(click.Group):
    """The verbs, imported when they are asked for: torch takes its seconds."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"baselines.p2pnet.cli.{name}"), name)
        return command


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """P2PNet: a set of points for the people in an image, from Song et al., ICCV 2021.

    \b
    Train on ShanghaiTech A, choosing the checkpoint on a tenth of the training images:
        python -m baselines.p2pnet train --dataset shanghaitech-a --root data/ShanghaiTech --out runs/sha
    Score the checkpoint on the test images:
        python -m baselines.p2pnet evaluate runs/sha/best.safetensors shanghaitech-a:test --root data/ShanghaiTech
    """


def main() -> None:
    """Run the command line; problems are one message and an exit code."""
    try:
        commands(prog_name="python -m baselines.p2pnet", standalone_mode=False)
    except CrowdevalError as problem:
        click.echo(f"error: {problem}", err=True)
        sys.exit(getattr(problem, "exit_code", 1))
    except OSError as problem:
        click.echo(f"error: {problem.filename or 'a file'}: {problem.strerror or problem}", err=True)
        sys.exit(4)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
