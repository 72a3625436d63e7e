"""crowdeval predict: run a predictor on a dataset, resume an interrupted run, score it at the end."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdeval.cli.choices import ADAPTERS, DATASET_SPLITS, completer, require_order
from crowdeval.cli.inputs import no_cache_option, quiet_option, root_option, write_result
from crowdeval.cli.leaving import watch_predictor
from crowdeval.cli.streams import stdout_to_stderr
from crowdeval.cli.talk import image_progress, print_warnings, say, warn
from crowdeval.errors import PredictorError
from crowdeval.options import MAX_FAILURES, MAX_PIXELS, MERGE, OVERLAP, PRESETS, SHARD
from crowdeval.render import RENDERERS

if TYPE_CHECKING:
    from crowdeval.adapters import Predictor
    from crowdeval.datasets import Split
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.runs.run import Outcome, Plan


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options ``--timeout`` and ``--max-failures`` to a command.

    Parameters
    ----------
    command : callable
        The function of a click command.

    Returns
    -------
    callable
        The same function with the parameters of click.

    Examples
    --------
    >>> @click.command()
    ... @limit_options
    ... def show(**arguments): ...
    >>> [parameter.name for parameter in show.params]
    ['max_failures', 'timeout']
    """
    command = click.option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="Longest time for one image; an image that takes longer counts as failed.  [default: no limit]",
    )(command)
    return click.option(
        "--max-failures",
        type=int,
        metavar="IMAGES",
        default=MAX_FAILURES,
        show_default=True,
        help="Number of images that may fail; with one more the run stops.",
    )(command)


@click.command(short_help="Run a predictor on images and score it; can be resumed.")
@click.argument("adapter", shell_complete=completer(ADAPTERS, files=True))
@click.argument("dataset", metavar="IMAGES", shell_complete=completer(DATASET_SPLITS))
@click.option(
    "-o",
    "short",
    multiple=True,
    metavar="DIR|KEY=VALUE",
    help="Short form of --output (DIR) and of --option (KEY=VALUE); can be repeated.",
)
@click.option(
    "--output", "base", metavar="DIR", help="Folder of all runs; each run gets its own folder in it.  [default: runs]"
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the adapter, as `crowdeval adapters show ADAPTER` lists them; can be repeated.",
)
@root_option
@no_cache_option
@click.option(
    "--max-side",
    type=int,
    metavar="PIXELS",
    help="Resize an image whose longer side is larger than this; points are scaled back.  [default: no resizing]",
)
@click.option(
    "--tile",
    type=int,
    metavar="PIXELS",
    help="Cut an image that is larger than this into square tiles of this side.  [default: no tiles]",
)
@click.option("--overlap", type=int, metavar="PIXELS", default=OVERLAP, show_default=True,
              help="Margin by which a tile reaches into its neighbours, on each side.")  # fmt: skip
@click.option("--merge", type=float, metavar="PIXELS", default=MERGE, show_default=True,
              help="Two points that are at most this far apart become one, where they come from two tiles, or from the "
              "image and its mirror image.")  # fmt: skip
@click.option("--flip", is_flag=True, help="Run the predictor on the mirror image too, and merge the points.")
@limit_options
@click.option("--max-pixels", type=int, metavar="PIXELS", default=MAX_PIXELS, show_default=True,
              help="Largest image that is decoded. A larger one is read in tiles with --tile, without --max-side and "
              "with rasterio, or counts as failed.")  # fmt: skip
@click.option("--every", type=click.IntRange(min=1), metavar="N", default=1, show_default=True,
              help="Of a video, predict every N-th frame.")  # fmt: skip
@click.option("--shard", type=int, metavar="IMAGES", default=SHARD, show_default=True,
              help="Predictions are saved after this many images; an interruption loses at most so many.")  # fmt: skip
@click.option("--preset", metavar="NAME", default="paper", show_default=True, shell_complete=completer(PRESETS),
              help=f"Metrics of the report: {', '.join(name for name in PRESETS if name != 'none')}. "
              "`crowdeval metrics` lists them.")  # fmt: skip
@click.option("--selected-on", metavar="SPLIT", default="",
              help="Split on which the model was selected, for leaderboards; also -o selected_on=SPLIT.")  # fmt: skip
@click.option("--no-score", is_flag=True, help="Predict only, without a report.")
@quiet_option
def predict(
    *,
    adapter: str,
    dataset: str,
    short: tuple[str, ...],
    base: str | None,
    options: tuple[str, ...],
    root: str | None,
    no_cache: bool,
    shard: int,
    preset: str,
    selected_on: str,
    no_score: bool,
    quiet: bool,
    every: int,
    **shown: Any,
) -> None:
    """Run a predictor on images, and score its predictions where there are true points.

    ADAPTER is a name of `crowdeval adapters`, package.module:Class, or path/to/file.py:Class, where a function stands
    for a class as well. IMAGES is a split of `crowdeval datasets`, NAME:SPLIT, a folder of images, or a video; without
    points they are predicted and not scored. The frames of a video are VIDEO/000000, VIDEO/000001, ...

    The predictions, a manifest and the report are written to the folder of the run, where HASH stands for the options:

    \b
      DIR/DATASET-SPLIT/MODEL@REVISION/HASH

    After an interruption, the same command continues with the images that are left. Images that failed are listed in
    errors.jsonl in the folder of the run, and the same command tries them again.

    \b
    Examples:
      crowdeval predict yunet shanghaitech-a:test -o runs/ -o file=yunet.onnx
      crowdeval predict my_model.py:Model nwpu:val --root ~/data --max-side 1920
      crowdeval predict my_model.py:detect photos/ -o runs/
      crowdeval predict my_model.py:detect clip.mp4 --every 25 -o runs/
    """
    from crowdeval.adapters.frames import Frames
    from crowdeval.datasets import open_images
    from crowdeval.evaluation.protocol import Protocol
    from crowdeval.runs.run import Plan

    require_order(adapter, dataset)
    limits = {name: shown.pop(name) for name in ("max_failures", "timeout", "max_pixels")}
    frames, protocol = Frames(**shown), Protocol(preset=preset)
    if shard < 1:
        raise click.UsageError(f"--shard: expected at least 1 image, found {shard}")
    check_limits(**limits)
    folders, options = _split_short_options(short, base, options)
    options, selected_on = _without_selected_on(adapter, options, selected_on)
    with print_warnings(quiet=quiet):
        predictor = load_predictor(adapter, options)
        split = open_images(dataset, root=root, cache=not no_cache, every=every)
        for note in [] if quiet else split.notes:
            warn(note)
        plan = Plan(adapter, dict(text.split("=", 1) for text in options), frames, shard, selected_on)
        outcome = run_plan(plan, predictor, split, folders, quiet=quiet, **limits)
        report_outcome(outcome, quiet=quiet)
        if not no_score:
            _score(outcome, split, protocol, quiet=quiet)


def _score(outcome: Outcome, split: Split, protocol: Protocol, *, quiet: bool) -> None:
    """Score a run, write the report to its folder, and print it as a table."""
    from crowdeval.datasets.contract import WITHOUT_POINTS
    from crowdeval.runs.scoring import score_run

    if split.name in WITHOUT_POINTS:
        if not quiet:
            images = "frames of a video" if split.clip is not None else "photos"
            say(f"{images} without points are not scored; crowdeval score takes the folder and annotations")
        return
    report = score_run(outcome.folder, split, protocol)
    for text in [] if quiet else report.warnings:
        warn(text)
    write_result(RENDERERS["table"](report), None)


def load_predictor(adapter: str, options: Sequence[str]) -> Predictor:
    """Create a predictor. Text that it prints goes to standard error.

    The environment variables that its class names are set first, unless they have a value.

    Parameters
    ----------
    adapter : str
        The name of an adapter, ``package.module:Class``, or ``path/to/file.py:Class``.
    options : sequence of str
        Options of the adapter, ``KEY=VALUE`` each.

    Returns
    -------
    Predictor

    Raises
    ------
    UsageError, MissingFileError
        If there is no such adapter or file.
    PredictorError
        If the adapter can't be created with these options.
    """
    from crowdeval.adapters import load_adapter, predictor_class

    watch_predictor()
    with stdout_to_stderr():
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
    max_pixels: int = MAX_PIXELS,
) -> Outcome:
    """Run a predictor on a split with a progress bar. Text that the predictor prints goes to standard error.

    Parameters
    ----------
    plan : Plan
        Adapter, options, frames and shard size of the run.
    predictor : Predictor
        The predictor.
    split : Split
        The images and annotations.
    base : Path
        The folder of all runs.
    max_failures : int
        Number of images that may fail.
    timeout : float, optional
        Longest time for one image in seconds.
    quiet : bool
        Show no progress bar.
    max_pixels : int
        Largest image that is decoded.

    Returns
    -------
    Outcome
        The folder of the run, the number of predicted images and the failures.

    Raises
    ------
    PredictorError
        If more than ``max_failures`` images fail, or the predictor can't be opened.
    """
    from crowdeval.runs.run import run

    title = f"{predictor.name} on {split.name}:{split.split}"
    with image_progress(title, quiet=quiet) as progress, stdout_to_stderr():
        return run(
            plan,
            predictor,
            split,
            base,
            max_failures=max_failures,
            timeout=timeout,
            max_pixels=max_pixels,
            progress=progress,
        )


def check_limits(max_failures: int, timeout: float | None, max_pixels: int = MAX_PIXELS) -> None:
    """Raise click's UsageError where a limit is not valid.

    Parameters
    ----------
    max_failures : int
        Number of images that may fail, at least 0.
    timeout : float or None
        Longest time for one image in seconds, above 0.
    max_pixels : int
        Number of pixels of the largest image that is decoded, at least 1.

    Raises
    ------
    click.UsageError

    Examples
    --------
    >>> check_limits(10, None)
    >>> check_limits(10, -1.0)
    Traceback (most recent call last):
    click.exceptions.UsageError: --timeout: expected a positive number of seconds, found -1.0
    """
    if max_pixels < 1:
        raise click.UsageError(f"--max-pixels: expected at least 1 pixel, found {max_pixels}")
    if max_failures < 0:
        raise click.UsageError(f"--max-failures: expected at least 0 images, found {max_failures}")
    if timeout is not None and not 0 < timeout < 1e9:
        raise click.UsageError(f"--timeout: expected a positive number of seconds, found {timeout}")


def _split_short_options(
    short: Sequence[str], base: str | None, options: Sequence[str]
) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of runs and the adapter's options; a value of ``-o`` is an option if it has KEY= in front."""
    folders = [text for text in short if not _OPTION.match(text)] + ([base] if base is not None else [])
    if len(folders) > 1:
        raise click.UsageError(
            f"-o / --output: the folder of runs is given more than once: {', '.join(folders)}; give one folder, and "
            "options of the adapter as KEY=VALUE"
        )
    return Path(folders[0] if folders else "runs"), (*options, *(text for text in short if _OPTION.match(text)))


def _without_selected_on(adapter: str, options: tuple[str, ...], given: str) -> tuple[tuple[str, ...], str]:
    """Return the options and the split of selection, which is no option of an adapter that does not have it."""
    from crowdeval.adapters import predictor_class
    from crowdeval.adapters.options import parameters_of

    named = [text for text in options if text.startswith("selected_on=")]
    if not named:
        return options, given
    maker = predictor_class(adapter)
    if callable(maker) and "selected_on" in parameters_of(maker, adapter):
        return options, given
    return tuple(text for text in options if text not in named), given or named[-1].partition("=")[2]


_OPTION = re.compile(r"[A-Za-z_]\w*=")


def report_outcome(outcome: Outcome, *, quiet: bool) -> None:
    """Print the folder of a run on standard error; raise PredictorError where images failed.

    Parameters
    ----------
    outcome : Outcome
        The result of a run.
    quiet : bool
        Print nothing.

    Raises
    ------
    PredictorError
        If images failed; the message has the first failure and the file that lists all.
    """
    if outcome.failures:
        raise PredictorError(outcome.failed_text("command"))
    if not quiet:
        say(f"{outcome.done} images predicted in {outcome.folder.path}")
