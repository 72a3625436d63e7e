"""crowdeval datasets: which there are, what of one is on the disk, a split as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import DATASET_SPLITS, FORMATS, offered
from crowdeval.cli.choices import DATASETS as NAMES
from crowdeval.cli.inputs import no_cache_option, put, root_option
from crowdeval.cli.talk import progress, say, spoken_warnings, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crowdeval.datasets import Dataset
    from crowdeval.datasets.check import DatasetCheck, SplitCheck

WIDTH = 1000
"""Paths and names stay whole."""

_CLUTTER_SHOWN = 8


@click.group(invoke_without_command=True, short_help="List the benchmark datasets, check or export one.")
@click.pass_context
def datasets(context: click.Context) -> None:
    """List the benchmark datasets: published counts, licence, how one obtains them.

    Wherever a command takes annotations it takes NAME:SPLIT too. Nothing is downloaded; a dataset is found under
    --root, CROWDEVAL_DATA, or crowdeval.toml ([datasets] root = "...", or NAME = "...").

    \b
    crowdeval datasets
    crowdeval datasets check shanghaitech-a
    crowdeval datasets export shanghaitech-a:test -o gt.json
    crowdeval score preds.json shanghaitech-a:test
    """
    if context.invoked_subcommand is None:
        _print_list()


@datasets.command("list", short_help="List the benchmark datasets.")
def list_() -> None:
    """List the benchmark datasets, as `crowdeval datasets` alone does."""
    _print_list()


def _print_list() -> None:
    from crowdeval.datasets import DATASETS

    put("\n".join(_paragraph(DATASETS[name]) for name in DATASETS), None)


@datasets.command(short_help="Compare a dataset on the disk with what is published.")
@click.argument("name", shell_complete=offered((*NAMES, *DATASET_SPLITS)))
@root_option
@click.option("--format", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Rendering.")
def check(name: str, root: str | None, format: str) -> None:
    """Compare the dataset NAME (or one split, NAME:SPLIT) on the disk with what is expected and published.

    Ends with 0 where it is whole, 3 where it is different or damaged, 4 where it is not found.
    """
    from crowdeval.datasets.check import check_dataset

    with progress() as stage:
        stage(f"reading {name}")
        found = check_dataset(name, root=root)
    put(found.to_json() if format == "json" else _table(found), None)
    raise SystemExit(found.exit_code)


@datasets.command(short_help="Write a split's annotations to a file.")
@click.argument("spec", metavar="NAME:SPLIT", shell_complete=offered(DATASET_SPLITS))
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write; standard output by default.")
@root_option
@click.option("--format", metavar="NAME", shell_complete=offered(FORMATS),
              help="Format of the file; else by its suffix, JSON on standard output.")  # fmt: skip
@no_cache_option
def export(spec: str, output: str, root: str | None, format: str | None, no_cache: bool) -> None:
    """Write the annotations of a split to a file, in any format that crowdeval writes."""
    from crowdeval.datasets import open_dataset
    from crowdeval.evaluation.notices import amount
    from crowdeval.formats import write_annotations

    with spoken_warnings(), progress() as stage:
        stage(f"reading {spec}")
        split = open_dataset(spec, root=root, cache=not no_cache)
        for note in split.notes:
            warn(f"{spec}: {note}")
        write_annotations(split.annotations, output, format=format)
    if output != "-":
        images, points = len(split.annotations.image_ids), len(split.annotations.xy)
        say(f"{output}: {amount(images, 'image')}, {amount(points, 'point')}")


def _paragraph(dataset: Dataset) -> str:
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
    if check.home is None:
        return "\n".join(check.problems) + "\n"
    parts = [f"{check.title} in {check.home}", "", _captured(_grid(check)), ""]
    if check.release is not None:
        parts.append(check.release)
    parts += [f"{split.split}: {note}" for split in check.splits for note in split.notes]
    if check.clutter:
        shown = ", ".join(repr(path.rsplit("/", 1)[-1]) for path in check.clutter[:_CLUTTER_SHOWN])
        more = len(check.clutter) - _CLUTTER_SHOWN
        parts.append(f"clutter, ignored: {shown}{f' and {more} more' if more > 0 else ''}")
    if not check.problems:
        return "\n".join([*parts, "no problems", ""])
    parts += ["", "problems", *(_indented(problem) for problem in check.problems)]
    parts += ["", "expected", _indented(check.expected), "", "found", _indented(check.found), ""]
    return "\n".join(parts)


def _grid(check: DatasetCheck) -> RenderableType:
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


def _captured(grid: RenderableType) -> str:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, width=WIDTH)
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
