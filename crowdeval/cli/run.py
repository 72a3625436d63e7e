"""crowdeval run: a suite of predictors, datasets and protocols; does only what is missing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import offered
from crowdeval.cli.inputs import root_option
from crowdeval.cli.predict import check_limits, finish, limit_options, loaded, run_plan
from crowdeval.cli.talk import say, spoken_warnings, warn
from crowdeval.errors import CrowdevalError, MissingFileError, UsageError

if TYPE_CHECKING:
    from crowdeval.datasets import Split
    from crowdeval.runs.run import Plan
    from crowdeval.runs.suite import Suite


@click.command(short_help="Run a suite: predictors x datasets x protocols, only what is missing.")
@click.argument("suite", metavar="SUITE.toml", shell_complete=offered((), files=True))
@click.option("-o", "--output", "base", metavar="DIR", default="runs", show_default=True, help="Folder of all runs.")
@click.option("--adapter", "adapters", multiple=True, metavar="'NAME KEY=VALUE ...'",
              help="A predictor beside those of the suite; repeatable.")  # fmt: skip
@root_option
@limit_options
@click.option("-q", "--quiet", is_flag=True, help="No warnings, no progress.")
def run(
    *,
    suite: str,
    base: str,
    adapters: tuple[str, ...],
    root: str | None,
    max_failures: int,
    timeout: float | None,
    quiet: bool,
) -> None:
    """Run what a suite asks for and is not there yet.

    A dataset that is not found, or a run that fails, does not stop the others; the command then ends with the exit code
    of the first problem.

    \b
    crowdeval run benchmarks/suites/paper.toml --adapter "yunet file=yunet.onnx"
    """
    from crowdeval.datasets import open_dataset
    from crowdeval.runs.suite import read_suite

    check_limits(max_failures, timeout)
    asked = read_suite(suite)
    plans = [*asked.plans, *(_plan(text) for text in adapters)]
    if not plans:
        raise UsageError(f"{suite} names no predictors; --adapter 'NAME KEY=VALUE ...' adds one")
    problems: list[CrowdevalError] = []
    with spoken_warnings(quiet=quiet):
        for spec in asked.datasets:
            try:
                split = open_dataset(spec, root=root)
            except MissingFileError as problem:
                problems.append(problem)
                warn(f"{spec} is left out: {problem}")
                continue
            for plan in plans:
                try:
                    _measure(plan, split, asked, Path(base), max_failures=max_failures, timeout=timeout, quiet=quiet)
                except CrowdevalError as problem:
                    problems.append(problem)
                    warn(f"{plan.adapter} on {spec}: {problem}")
    if problems:
        say(f"{len(problems)} of {len(plans) * len(asked.datasets)} parts of the suite are missing")
        raise SystemExit(problems[0].exit_code)


def _plan(text: str) -> Plan:
    from crowdeval.runs.run import Plan

    try:
        name, *options = shlex.split(text)
    except ValueError:
        name, options = "", []
    if not name or not all("=" in option for option in options):
        raise UsageError(f"--adapter {text!r}: expected 'NAME KEY=VALUE ...', values with blanks in quotes")
    return Plan(adapter=name, options=dict(option.split("=", 1) for option in options))


def _measure(
    plan: Plan,
    split: Split,
    suite: Suite,
    base: Path,
    *,
    max_failures: int,
    timeout: float | None,
    quiet: bool,
) -> None:
    """Run one predictor over one split and print a line for each protocol."""
    from crowdeval.render.numbers import label, number
    from crowdeval.runs.scoring import kept_report, scored

    predictor = loaded(plan.adapter, [f"{key}={value}" for key, value in plan.options.items()])
    outcome = run_plan(plan, predictor, split, base, max_failures=max_failures, timeout=timeout, quiet=quiet)
    finish(outcome, quiet=True)
    for protocol in suite.protocols:
        report = kept_report(outcome.folder, split, protocol) or scored(outcome.folder, split, protocol)
        values = ", ".join(f"{label(name)} {number(name, report[name])}" for name in list(report.values)[:1])
        click.echo(f"{predictor.name} on {split.name}:{split.split}: {values}  {outcome.folder.path}")
