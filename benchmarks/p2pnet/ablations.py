"""Tables 4 to 6 at a small fixed budget, for their trends: ``python -m benchmarks.p2pnet.ablations``.

Every variant is the recipe of ``shanghaitech-a-cpu.toml`` with its own reference points, the same seed and the same
number of steps; its last checkpoint is scored, not the best, so that nothing is chosen. The three tables share the
default's run. One seed and a budget of some hundredths of the paper's show trends, and no more.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from baselines.p2pnet.cli.choices import device_option, root_option, set_option
from baselines.p2pnet.config import Config, load_config, with_settings
from baselines.p2pnet.devices import select_device
from baselines.p2pnet.models import load_model
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.samples import Samples, samples, set_aside
from baselines.p2pnet.training import Trainer
from baselines.p2pnet.validation import predict_samples, score
from benchmarks.performance.tables import table
from crowdeval.errors import CrowdevalError, UsageError
from crowdeval.writing import write_file

RECIPE = Path(__file__).with_name("shanghaitech-a-cpu.toml")
METRICS = ("nAP@0.05", "nAP@0.25", "nAP@0.5", "nAP", "MAE", "RMSE")
RESULT = "result.json"
"""In the folder of a run that is finished and scored."""

SPOKEN = 10
"""Lines a training says."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: what it is called there, which run it is, and the paper's nAP, MAE and RMSE."""

    name: str
    run: str
    nap: float
    mae: float
    rmse: float


RUNS: Mapping[str, Mapping[str, Any]] = {
    "default": {"stride": 8, "rows": 2, "lines": 2},
    "center": {"stride": 8, "rows": 2, "lines": 2, "layout": "center"},
    "stride-4": {"stride": 4, "rows": 1, "lines": 1},
    "stride-16": {"stride": 16, "rows": 4, "lines": 4},
    "k-1": {"stride": 8, "rows": 1, "lines": 1},
    "k-8": {"stride": 8, "rows": 4, "lines": 2},
    "k-12": {"stride": 8, "rows": 4, "lines": 3},
    "k-16": {"stride": 8, "rows": 4, "lines": 4},
}
"""The values of every run beside the recipe's. At other strides K keeps the reference points of the image."""

TABLES: Mapping[str, Sequence[Line]] = {
    "Table 4: layout of the reference points": (
        Line("center", "center", 0.617, 53.7, 89.61),
        Line("grid", "default", 0.644, 52.74, 85.06),
    ),
    "Table 5: stride of the feature map, as many reference points": (
        Line("s = 4, K = 1", "stride-4", 0.668, 53.51, 85.77),
        Line("s = 8, K = 4", "default", 0.644, 52.74, 85.06),
        Line("s = 16, K = 16", "stride-16", 0.524, 54.3, 85.18),
    ),
    "Table 6: reference points of a cell": (
        Line("K = 1", "k-1", 0.601, 54.08, 84.37),
        Line("K = 4", "default", 0.644, 52.74, 85.06),
        Line("K = 8", "k-8", 0.588, 53.43, 87.57),
        Line("K = 12", "k-12", 0.586, 54.13, 87.9),
        Line("K = 16", "k-16", 0.583, 53.47, 86.1),
    ),
}


@click.command()
@root_option
@click.option("--weights", required=True, help="Where the trunk starts: a file, imagenet, or none.")
@click.option("--steps", required=True, type=click.IntRange(1), help="Of every training.")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the runs and the tables.")
@click.option(
    "--run",
    "chosen",
    multiple=True,
    type=click.Choice(list(RUNS)),
    help="Only this, and those that are finished; may be given again.",
)
@click.option("--train", "learned", default="shanghaitech-a:train", show_default=True, help="Training images.")
@click.option("--test", "asked", default="shanghaitech-a:test", show_default=True, help="Images to score on.")
@click.option("--every", default=1, show_default=True, type=click.IntRange(1), help="Of those, every so many.")
@set_option
@device_option
def main(
    root: Path | None,
    weights: str,
    steps: int,
    out: Path,
    chosen: Sequence[str],
    learned: str,
    asked: str,
    every: int,
    settings: Sequence[str],
    device: str,
) -> None:
    """Train and score every variant; write ablations.md and ablations.csv after each.

    Stopped or killed, the same command goes on: finished variants are kept, an interrupted training is resumed.
    """
    recipe = recipe_of(steps, weights, settings)
    source, test = samples(learned, root=root), samples(asked, root=root)
    test = Samples(test.source, test.items[::every])
    results = {}
    for name, values in RUNS.items():
        folder = RunFolder(out / name)
        if chosen and name not in chosen and not (folder.home / RESULT).exists():
            continue
        results[name] = _result(name, recipe.with_values(values), source, test, folder, device)
        write_file(out / "ablations.md", markdown(results, steps).encode())
        write_file(out / "ablations.csv", comma_separated(results).encode())
    click.echo(markdown(results, steps), nl=False)


def recipe_of(steps: int, weights: str, settings: Sequence[str]) -> Config:
    """Return the recipe at a budget: a warm-up of at most a tenth of it, and one validation, at the end."""
    recipe = load_config(RECIPE).with_values({"backbone_weights": weights, "steps": steps, "validate_every": steps})
    recipe = recipe.with_values({"warmup": min(recipe.warmup, steps // 10), "save_every": max(steps // 10, 1)})
    return with_settings(recipe, settings)


def _result(
    name: str, config: Config, source: Samples, test: Samples, folder: RunFolder, device: str
) -> dict[str, Any]:
    """Return what a finished run has written, or train, score and write it."""
    file = folder.home / RESULT
    same = {"config": config.as_dict(), "train": source.source, "test": test.source, "images": len(test)}
    if file.exists():
        result = json.loads(file.read_text(encoding="utf-8"))
        if {key: result[key] for key in same} != same:
            raise UsageError(f"{folder.home} holds a run of another recipe: take another --out")
        return result
    seconds = _trained(name, config, source, folder, device)
    _say(f"{name}: scoring {len(test)} images")
    model = load_model(folder.last, device=device, precision=config.precision).model
    found = predict_samples(model, test)
    values = score(test, found, threshold=config.threshold, name=name).values
    result = {**same, "seconds": seconds, "values": {key: values[key] for key in METRICS}}
    write_file(file, json.dumps(result, indent=2).encode())
    return result


def _trained(name: str, config: Config, source: Samples, folder: RunFolder, device: str) -> float:
    """Train to the end, from where the folder stands; return the seconds of it all."""
    folder.begin(resume=True)
    often = max(config.steps // SPOKEN, 1)

    def talk(entry: Mapping[str, Any]) -> None:
        if "loss" in entry and entry["step"] % often == 0:
            _say(f"{name}: step {entry['step']} of {config.steps}, loss {entry['loss']:.4f}, {entry['seconds']:.0f} s")

    train, validation = set_aside(source, config.validation_share, config.seed)
    trainer = Trainer(config, train, validation, folder, select_device(device), on_entry=talk)
    trainer.run()
    return trainer.seconds


def _say(line: str) -> None:
    click.echo(line, err=True)


def markdown(results: Mapping[str, Mapping[str, Any]], steps: int) -> str:
    """Return the three tables of the runs there are, the paper's numbers beside them."""
    head = ["", *METRICS, "minutes", "paper: nAP", "MAE", "RMSE"]
    parts = [
        f"## {title}\n\n" + table(head, [_row(line, results[line.run]) for line in lines if line.run in results])
        for title, lines in TABLES.items()
        if any(line.run in results for line in lines)
    ]
    some = next(iter(results.values()))
    about = (
        f"{steps} steps of {some['config']['batch_size'] * some['config']['crops']} crops, seed "
        f"{some['config']['seed']}; last checkpoint, {some['images']} images of {some['test']}. Trends, not claims."
    )
    return "\n\n".join([about, *parts]) + "\n"


def _row(line: Line, result: Mapping[str, Any]) -> Iterator[str]:
    yield line.name
    for key in METRICS:
        yield f"{result['values'][key]:.3f}" if key.startswith("nAP") else f"{result['values'][key]:.1f}"
    yield f"{result['seconds'] / 60:.1f}"
    yield from (f"{line.nap:.3f}", f"{line.mae:.2f}", f"{line.rmse:.2f}")


def comma_separated(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the same lines, unrounded."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(
        ["table", "line", "run", *METRICS, "steps", "seed", "seconds", "paper_nAP", "paper_MAE", "paper_RMSE"]
    )
    for title, lines in TABLES.items():
        for line in lines:
            if line.run in results:
                result = results[line.run]
                values = [result["values"][key] for key in METRICS]
                spent = [result["config"]["steps"], result["config"]["seed"], round(result["seconds"], 1)]
                writer.writerow([title, line.name, line.run, *values, *spent, line.nap, line.mae, line.rmse])
    return held.getvalue()


if __name__ == "__main__":
    try:
        main()
    except CrowdevalError as problem:
        click.echo(f"error: {problem}", err=True)
        sys.exit(problem.exit_code)
