"""crowdeval run: run a suite of predictors on datasets, and score each run with each protocol of the suite."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import quiet_option, root_option
from crowdeval.cli.predict import check_limits, limit_options, load_predictor, report_outcome, run_plan
from crowdeval.cli.talk import print_warnings, say, warn
from crowdeval.errors import CrowdevalError, MissingFileError, UsageError

if TYPE_CHECKING:
    from crowdeval.datasets import Split
    from crowdeval.runs.run import Plan
    from crowdeval.runs.suite import Suite


@click.command(short_help="Run a suite of predictors on datasets, only what is missing.")
@click.argument("suite", metavar="SUITE.toml", shell_complete=completer((), files=True))
@click.option("-o", "--output", "base", metavar="DIR", default="runs", show_default=True,
              help="Folder of all runs; each run gets its own folder in it.")  # fmt: skip
@click.option("--adapter", "adapters", multiple=True, metavar="'NAME KEY=VALUE ...'",
              help="Another predictor, with its options, beside those of the suite; can be repeated.")  # fmt: skip
@root_option
@limit_options
@quiet_option
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
    """Run the predictors of a suite on its datasets, and score each run.

    SUITE.toml lists datasets, predictors and protocols (metrics and their options). Runs and reports that are already
    in the folder of runs are not repeated. A dataset without a copy, or a run that fails, does not stop the others; the
    exit code is then that of the first problem.

    \b
    Examples:
      crowdeval run paper.toml --root ~/data
      crowdeval run paper.toml --adapter "yunet file=yunet.onnx"
    """
    from crowdeval.datasets import open_dataset
    from crowdeval.runs.suite import read_suite

    check_limits(max_failures, timeout)
    content = read_suite(suite)
    plans = [*content.plans, *(_plan(text) for text in adapters)]
    if not plans:
        raise UsageError(
            f"{suite} names no predictor: add a table [[predictors]] to it, or --adapter 'NAME KEY=VALUE ...' here"
        )
    problems: list[CrowdevalError] = []
    with print_warnings(quiet=quiet):
        for spec in content.datasets:
            try:
                split = open_dataset(spec, root=root)
            except MissingFileError as problem:
                problems.append(problem)
                warn(f"{spec} is left out: {problem}")
                continue
            for plan in plans:
                try:
                    _measure(plan, split, content, Path(base), max_failures=max_failures, timeout=timeout, quiet=quiet)
                except CrowdevalError as problem:
                    problems.append(problem)
                    warn(f"{plan.adapter} on {spec}: {problem}")
    if problems:
        parts = len(plans) * len(content.datasets)
        say(f"{len(problems)} of {parts} parts of the suite are missing; the warnings above name the reasons")
        raise SystemExit(problems[0].exit_code)


def _plan(text: str) -> Plan:
    """Return the plan that a value of ``--adapter`` describes."""
    from crowdeval.runs.run import Plan

    try:
        name, *options = shlex.split(text)
    except ValueError:
        name, options = "", []
    if not name or not all("=" in option for option in options):
        raise UsageError(
            f"--adapter {text!r}: expected 'NAME KEY=VALUE ...', with quotes around a value that has spaces"
        )
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
    """Run one predictor on one split, and print a line for each protocol."""
    from crowdeval.render.numbers import label, number
    from crowdeval.runs.scoring import score_run, stored_report

    predictor = load_predictor(plan.adapter, [f"{key}={value}" for key, value in plan.options.items()])
    outcome = run_plan(plan, predictor, split, base, max_failures=max_failures, timeout=timeout, quiet=quiet)
    report_outcome(outcome, quiet=True)
    for protocol in suite.protocols:
        report = stored_report(outcome.folder, split, protocol) or score_run(outcome.folder, split, protocol)
        values = ", ".join(f"{label(name)} {number(name, report[name])}" for name in list(report.values)[:1])
        click.echo(f"{predictor.name} on {split.name}:{split.split}: {values}  {outcome.folder.path}")
