"""crowdeval datasets: list the benchmark datasets, check a copy on the disk, write a split to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, completer
from crowdeval.cli.choices import DATASETS as NAMES
from crowdeval.cli.inputs import no_cache_option, root_option, write_result
from crowdeval.cli.talk import print_warnings, say, stage_progress, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crowdeval.datasets import Dataset
    from crowdeval.datasets.check import DatasetCheck, SplitCheck

WIDTH = 1000
"""Characters a line of the table, so that it breaks no path and no name."""

_CLUTTER_SHOWN = 8
"""Number of unexpected files that are named."""


@click.group(invoke_without_command=True, short_help="List the benchmark datasets, check a copy, export a split.")
@click.pass_context
def datasets(context: click.Context) -> None:
    """List the benchmark datasets: splits, published counts, licence, and where to get each.

    Every command that takes annotations also takes a split of a dataset as NAME:SPLIT. No command downloads a dataset:
    put your copy in a folder, and name that folder with the option --root, with the environment variable
    CROWDEVAL_DATA, or in crowdeval.toml (in the table [datasets], root = "DIR" for all datasets or NAME = "DIR" for
    one).

    \b
    Examples:
      crowdeval datasets
      crowdeval datasets check shanghaitech-a --root ~/data
      crowdeval datasets export shanghaitech-a:test -o gt.json
      crowdeval score preds.json shanghaitech-a:test
    """
    if context.invoked_subcommand is None:
        _print_list()


@datasets.command("list", short_help="List the benchmark datasets.")
def list_() -> None:
    """List the benchmark datasets, as `crowdeval datasets` without a command does.

    \b
    Example:
      crowdeval datasets list
    """
    _print_list()


def _print_list() -> None:
    from crowdeval.datasets import DATASETS

    write_result("\n".join(_paragraph(DATASETS[name]) for name in DATASETS), None)


@datasets.command(short_help="Compare a copy of a dataset with its published counts.")
@click.argument("name", shell_complete=completer((*NAMES, *DATASET_SPLITS)))
@root_option
@click.option("--format", type=click.Choice(["table", "json"]), default="table", show_default=True,
              help="Form of the result.")  # fmt: skip
def check(name: str, root: str | None, format: str) -> None:
    """Compare a copy of a dataset on the disk with the expected files and the published counts.

    NAME is a dataset of `crowdeval datasets`, or one split of it, NAME:SPLIT. The exit code is 0 where the copy is
    complete, 3 where it differs or a file is damaged, 4 where there is no copy.

    \b
    Examples:
      crowdeval datasets check shanghaitech-a --root ~/data
      crowdeval datasets check nwpu:val --format json
    """
    from crowdeval.datasets.check import check_dataset

    with stage_progress() as stage:
        stage(f"reading {name}")
        result = check_dataset(name, root=root)
    write_result(result.to_json() if format == "json" else _table(result), None)
    raise SystemExit(result.exit_code)


@datasets.command(short_help="Write a split's annotations to a file.")
@click.argument("spec", metavar="NAME:SPLIT", shell_complete=completer(DATASET_SPLITS))
@click.option("-o", "--output", metavar="FILE", default="-", help="File to write.  [default: standard output]")
@root_option
@click.option("--format", metavar="NAME", shell_complete=completer(FORMATS),
              help=f"Format of FILE: {', '.join(FORMATS)}.  "
              "[default: by the suffix of FILE; json on standard output]")  # fmt: skip
@no_cache_option
def export(spec: str, output: str, root: str | None, format: str | None, no_cache: bool) -> None:
    """Write the annotations of one split of a dataset to a file.

    \b
    Examples:
      crowdeval datasets export shanghaitech-a:test -o gt.json --root ~/data
      crowdeval datasets export nwpu:val -o nwpu_val.csv
    """
    from crowdeval.datasets import open_dataset
    from crowdeval.evaluation.notices import amount
    from crowdeval.formats import write_annotations

    with print_warnings(), stage_progress() as stage:
        stage(f"reading {spec}")
        split = open_dataset(spec, root=root, cache=not no_cache)
        for note in split.notes:
            warn(f"{spec}: {note}")
        write_annotations(split.annotations, output, format=format)
    if output != "-":
        images, points = len(split.annotations.image_ids), len(split.annotations.xy)
        say(f"{output}: {amount(images, 'image')}, {amount(points, 'point')}")


def _paragraph(dataset: Dataset) -> str:
    """Return the entry of a dataset in the list."""
    about = dataset.about
    rows = {
        "splits": ", ".join(about.splits) or "any path, folder:PATH",
        "counts": about.counts,
        "licence": about.licence,
        "from": about.source,
    }
    lines = [f"{click.style(about.name, bold=True)}  {about.title}", *(f"  {k:8} {v}" for k, v in rows.items())]
    return "\n".join(lines) + "\n"


def _table(check: DatasetCheck) -> str:
    """Return the result of a check for a terminal."""
    if check.home is None:
        return "\n".join(check.problems) + "\n"
    parts = [f"{check.title} in {check.home}", "", _text_of(_grid(check)), ""]
    if check.release is not None:
        parts.append(check.release)
    parts += [f"{split.split}: {note}" for split in check.splits for note in split.notes]
    if check.clutter:
        shown = ", ".join(repr(path.rsplit("/", 1)[-1]) for path in check.clutter[:_CLUTTER_SHOWN])
        more = len(check.clutter) - _CLUTTER_SHOWN
        parts.append(f"unexpected files, ignored: {shown}{f' and {more} more' if more > 0 else ''}")
    if not check.problems:
        return "\n".join([*parts, "no problems", ""])
    parts += ["", "problems", *(_indented(problem) for problem in check.problems)]
    parts += ["", "expected", _indented(check.expected), "", "found", _indented(check.found), ""]
    return "\n".join(parts)


def _grid(check: DatasetCheck) -> RenderableType:
    """Return the counts of each split as a rich table."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column("split")
    for title in ("images", "published", "points", "published", "off-image", "duplicates", "empty", "unreadable"):
        grid.add_column(title, justify="right", style="dim" if title == "published" else None)
    for split in check.splits:
        grid.add_row(*_row(split))
    if len(check.splits) > 1:
        grid.add_section()
        totals = [sum(getattr(split, name) for split in check.splits) for name in _SUMMED]
        images, points, *rest = (f"{total:,}" for total in totals)
        unreadable = sum(len(split.unreadable) for split in check.splits)
        grid.add_row("all", images, "", points, "", *rest, f"{unreadable:,}")
    return grid


_SUMMED = ("images", "points", "off_image", "duplicates", "empty")


def _row(split: SplitCheck) -> list[str]:
    from rich.markup import escape

    numbers = (
        split.images,
        split.published_images,
        split.points,
        split.published_points,
        split.off_image,
        split.duplicates,
        split.empty,
        len(split.unreadable),
    )
    return [escape(split.split), *("" if number is None else f"{number:,}" for number in numbers)]


def _text_of(grid: RenderableType) -> str:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, width=WIDTH)
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
