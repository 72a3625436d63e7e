"""The command ``crowdeval p2pnet``, with a file for each of its verbs train, evaluate, predict, export and info."""

from __future__ import annotations

import sys

import click

from baselines.p2pnet.memory import ask_for_huge_pages
from crowdeval.cli.verbs import Verbs, exit_code_of
from crowdeval.errors import UsageError

NEEDED = ("torch", "torchvision", "safetensors")

VERBS = {
    "train": "Train a model.",
    "evaluate": "Score a model on a dataset.",
    "predict": "Find the people in images, folders and videos.",
    "export": "Write a model as ONNX, for images of any size, and check it.",
    "info": "Print the sizes, the config and the origin of a model.",
}


class Baseline(Verbs):
    """The verbs of the baseline; a verb is imported, with torch, only when it is used."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a verb; raise UsageError where a package that it needs is not installed."""
        ask_for_huge_pages()
        try:
            return super().get_command(ctx, cmd_name)
        except ModuleNotFoundError as missing:
            if missing.name not in NEEDED:
                raise
            raise UsageError(
                f"the baseline needs the package {missing.name}: pip install '.[p2pnet]' in a clone of crowdeval"
            ) from None


@click.group(cls=Baseline, package="baselines.p2pnet.cli", verbs=VERBS)
def commands() -> None:
    """P2PNet (Song et al., ICCV 2021): predicts a point for each person in an image.

    \b
    Train on ShanghaiTech A; a tenth of the training images selects the checkpoint:
        crowdeval p2pnet train --dataset shanghaitech-a --root data/ShanghaiTech --out runs/sha
    Score the checkpoint on the test images:
        crowdeval p2pnet evaluate runs/sha/best.safetensors shanghaitech-a:test --root data/ShanghaiTech
    """


def main() -> None:
    """Run the command line; an error is one message and an exit code."""
    ask_for_huge_pages()
    sys.exit(exit_code_of(lambda: commands.main(prog_name="python -m baselines.p2pnet", standalone_mode=False)))
