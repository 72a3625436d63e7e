"""Measure everything and print it: ``python -m benchmarks.performance`` from the root of the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.performance import tables
from benchmarks.performance.command import help_ratio, score_share
from benchmarks.performance.scenes import Scene, every_proposal, scene

SIZES = ("1e4", "1e5", "4e5", "1e6", "3e6", "1e7", "proposals")
QUICK = ("1e4", "1e5")
AN_IMAGE = 1200
"""Predictions, and true points, of an image on average; the number of images grows with the size."""

SAMPLE = {"1e4": 10**9, "1e5": 10**9, "4e5": 67}
"""Images on which the textbook loop runs."""

SEED = 20


@click.command()
@click.option("--quick", is_flag=True, help=f"Small sizes only: {', '.join(QUICK)}, and a small end-to-end run.")
@click.option("--sizes", help=f"Comma-separated among or beside {', '.join(SIZES)}.")
@click.option("--no-command-line", is_flag=True, help="Leave out `crowdeval score` and `crowdeval --help`.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the Markdown to a file.")
def main(quick: bool, sizes: str | None, no_command_line: bool, output: Path | None) -> None:
    """Print time, memory, stages and ratios to the textbook loop, size by size, as Markdown."""
    wanted = tuple(sizes.split(",")) if sizes else QUICK if quick else SIZES
    with TemporaryDirectory() as folder:
        results = list(_measured(wanted, Path(folder)))
        score = help_cost = None
        if not no_command_line:
            score = score_share(40_000 if quick else 400_000, Path(folder), SEED)
            help_cost = help_ratio()
    parts = [
        tables.machine(),
        tables.reaches(results, score, help_cost),
        tables.loops(results),
        tables.sizes(results),
        tables.stages(results),
    ]
    if score and help_cost:
        parts.append(tables.command(score, help_cost))
    text = "\n\n".join(parts) + "\n"
    print(text)
    if output:
        output.write_text(text, encoding="utf-8")


def _measured(sizes: tuple[str, ...], folder: Path) -> Iterator[dict[str, Any]]:
    for size in sizes:
        _scene(size).save(folder)
        command = [sys.executable, "-m", "benchmarks.performance.measure", str(folder), str(SAMPLE.get(size, 0))]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        result = {"size": size, **json.loads(done.stdout)}
        print(f"{size}: {result['wall']:.3g} s, {result['bytes_with_inputs']:.0f} bytes a prediction", file=sys.stderr)
        yield result


def _scene(size: str) -> Scene:
    if size == "proposals":
        return every_proposal(images=182, truths=79_000, seed=SEED)
    points = int(float(size))
    return scene(max(points // AN_IMAGE, 1), points, points, SEED)


if __name__ == "__main__":
    main()
