"""crowdeval predict: a predictor over a dataset, resumable, scored at the end."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import ADAPTERS, DATASET_SPLITS, offered
from crowdeval.cli.inputs import no_cache_option, put, root_option
from crowdeval.cli.streams import output_aside
from crowdeval.cli.talk import counted, say, spoken_warnings, warn
from crowdeval.errors import PredictorError
from crowdeval.options import MAX_FAILURES, MERGE, OVERLAP, PRESETS, SHARD
from crowdeval.render import RENDERERS

if TYPE_CHECKING:
    from crowdeval.adapters import Predictor
    from crowdeval.datasets import Split
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.runs.run import Outcome, Plan


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that bound what a predictor may do to a run."""
    command = click.option("--timeout", type=float, metavar="SECONDS", help="Longest time for an image.")(command)
    return click.option(
        "--max-failures",
        type=int,
        default=MAX_FAILURES,
        show_default=True,
        help="Images that may fail before a run stops.",
    )(command)


@click.command(short_help="Run a predictor over a dataset; resumes where it stopped.")
@click.argument("adapter", shell_complete=offered(ADAPTERS, files=True))
@click.argument("dataset", metavar="NAME:SPLIT", shell_complete=offered(DATASET_SPLITS))
@click.option("-o", "short", multiple=True, metavar="DIR|KEY=VALUE", help="Short for --output or --option.")
@click.option("--output", "base", metavar="DIR", help="Folder of all runs.  [default: runs]")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Option of the adapter; repeatable.")
@root_option
@no_cache_option
@click.option("--max-side", type=int, metavar="PIXELS", help="Resize larger images to this longest side.")
@click.option("--tile", type=int, metavar="PIXELS", help="Cut larger images into tiles of this side.")
@click.option("--overlap", type=int, default=OVERLAP, show_default=True, help="Pixels a tile sees beyond its core.")
@click.option("--merge", type=float, default=MERGE, show_default=True,
              help="Pixels within which points on two sides of a seam, or of the mirror image, are one.")  # fmt: skip
@click.option("--flip", is_flag=True, help="See the mirror image as well.")
@limit_options
@click.option("--shard", type=int, default=SHARD, show_default=True, help="Images kept at a time.")
@click.option("--preset", metavar="NAME", default="paper", show_default=True, shell_complete=offered(PRESETS),
              help=f"Metrics of the report: {', '.join(name for name in PRESETS if name != 'none')}.")  # fmt: skip
@click.option("--no-score", is_flag=True, help="Predict and do not score.")
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
def predict(
    *,
    adapter: str,
    dataset: str,
    short: tuple[str, ...],
    base: str | None,
    options: tuple[str, ...],
    root: str | None,
    no_cache: bool,
    max_failures: int,
    timeout: float | None,
    shard: int,
    preset: str,
    no_score: bool,
    quiet: bool,
    **shown: Any,
) -> None:
    """Run ADAPTER over the images of a dataset's split, and score what it predicts.

    ADAPTER is a name (`crowdeval adapters` lists them), pkg.mod:Class, or path/to/file.py:Class. The predictions, a
    manifest and the report go to DIR/<dataset>-<split>/<model>@<revision>/<config hash>/. Interrupted at any moment,
    the same command goes on where it stopped. An image that fails is a row in errors.jsonl and is tried again next
    time.

    \b
    crowdeval predict yunet shanghaitech-a:test -o runs/ -o file=yunet.onnx -o scales=1,2,3
    crowdeval predict my_model.py:Model nwpu:val --root ~/data --max-side 1920
    crowdeval score runs/shanghaitech-a-test/yunet@.../... shanghaitech-a:test
    """
    from crowdeval.adapters.frames import Frames
    from crowdeval.datasets import open_dataset
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.runs.run import Plan

    frames, protocol = Frames(**shown), Protocol(preset=preset)
    if shard < 1:
        raise click.UsageError("--shard: expected at least 1")
    check_limits(max_failures, timeout)
    folders, options = sorted_short(short, base, options)
    with spoken_warnings(quiet=quiet):
        predictor = loaded(adapter, options)
        split = open_dataset(dataset, root=root, cache=not no_cache)
        for note in [] if quiet else split.notes:
            warn(note)
        given = dict(text.split("=", 1) for text in options)
        plan = Plan(adapter=adapter, options=given, frames=frames, shard=shard)
        outcome = run_plan(plan, predictor, split, folders, max_failures=max_failures, timeout=timeout, quiet=quiet)
        finish(outcome, quiet=quiet)
        if not no_score:
            _score(outcome, split, protocol, quiet=quiet)


def _score(outcome: Outcome, split: Split, protocol: Protocol, *, quiet: bool) -> None:
    """Score a run, keep the report in its folder and print it as a table."""
    from crowdeval.runs.scoring import scored

    report = scored(outcome.folder, split, protocol)
    for text in [] if quiet else report.warnings:
        warn(text)
    put(RENDERERS["table"](report), None)


def loaded(adapter: str, options: Sequence[str]) -> Predictor:
    """Make a predictor, in the environment that it asks for, its output on standard error."""
    from crowdeval.adapters import load_adapter, predictor_class

    with output_aside():
        for name, value in getattr(predictor_class(adapter), "environment", {}).items():
            os.environ.setdefault(name, value)
        return load_adapter(adapter, options)


def run_plan(
    plan: Plan,
    predictor: Predictor,
    split: Split,
    base: Path,
    *,
    max_failures: int,
    timeout: float | None,
    quiet: bool,
) -> Outcome:
    """Run a predictor over a split with a progress bar; what it prints goes to standard error."""
    from crowdeval.runs.run import run

    title = f"{predictor.name} on {split.name}:{split.split}"
    with counted(title, quiet=quiet) as progress, output_aside():
        return run(plan, predictor, split, base, max_failures=max_failures, timeout=timeout, progress=progress)


def check_limits(max_failures: int, timeout: float | None) -> None:
    """Raise UsageError where a limit means nothing."""
    if max_failures < 0:
        raise click.UsageError("--max-failures: expected at least 0")
    if timeout is not None and not 0 < timeout < 1e9:
        raise click.UsageError(f"--timeout: expected a positive number of seconds, found {timeout}")


def sorted_short(short: Sequence[str], base: str | None, options: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of runs and the adapter's options; ``-o`` is short for either, an option has KEY=."""
    folders = [text for text in short if not _OPTION.match(text)] + ([base] if base is not None else [])
    if len(folders) > 1:
        raise click.UsageError(f"the folder of runs is given more than once: {', '.join(folders)}")
    return Path(folders[0] if folders else "runs"), (*options, *(text for text in short if _OPTION.match(text)))


_OPTION = re.compile(r"[A-Za-z_]\w*=")


def finish(outcome: Outcome, *, quiet: bool) -> None:
    """Say where a run is; end with a PredictorError where images failed."""
    if outcome.failures:
        failed = len(outcome.failures)
        raise PredictorError(
            f"{failed} of {outcome.done + failed} images failed, the first: {next(iter(outcome.failures.values()))}\n"
            f"the others are kept; {outcome.folder.errors} lists them, and the same command tries them again"
        )
    if not quiet:
        say(f"{outcome.done} images predicted in {outcome.folder.path}")
