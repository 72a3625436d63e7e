"""crowdeval adapters: which predictors there are, what each takes and needs, the skeleton of a new one."""

from __future__ import annotations

import inspect
import types
import typing
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import click

from crowdeval.cli.choices import ADAPTERS as NAMES
from crowdeval.cli.choices import offered
from crowdeval.cli.inputs import put
from crowdeval.cli.talk import say
from crowdeval.version import __version__


@click.group(invoke_without_command=True, short_help="List the predictors there are, describe one, begin a new one.")
@click.pass_context
def adapters(context: click.Context) -> None:
    """List the predictors: version, origin, packages they need, options.

    A predictor is named as listed here, or as pkg.mod:Class, or as path/to/file.py:Class.

    \b
    crowdeval adapters
    crowdeval adapters show onnx
    crowdeval adapters new my-model
    """
    if context.invoked_subcommand is None:
        from crowdeval.adapters import ADAPTERS

        points = ADAPTERS.entry_points()
        theirs = [_foreign(points[name]) for name in points if name not in ADAPTERS.table]
        put("\n".join([*(_own(name) for name in ADAPTERS.table), *theirs]), None)


@adapters.command(short_help="Describe one predictor and its options.")
@click.argument("name", shell_complete=offered(NAMES, files=True))
def show(name: str) -> None:
    """Describe the predictor NAME, pkg.mod:Class or path/to/file.py:Class, and its options."""
    from crowdeval.adapters import ADAPTERS, predictor_class

    maker = predictor_class(name)
    point = None if name in ADAPTERS.table else ADAPTERS.entry_points().get(name)
    version, origin = (__version__, "built-in") if name in ADAPTERS.table else (getattr(maker, "revision", ""), name)
    if point is not None:
        version, origin = _package(point)
    text = inspect.getdoc(maker) or "It says nothing of itself."
    rows = {"needs": _needs(maker), "options": _options(maker)}
    put(f"{_head(name, str(version), origin)}\n{_rows(rows)}\n{text}\n", None)


@adapters.command(short_help="Write a plugin package to begin with.")
@click.argument("name")
@click.option("-o", "--output", metavar="DIR", help="Folder of the package; crowdeval-NAME by default.")
def new(name: str, output: str | None) -> None:
    """Write a package that holds the predictor NAME: it works, and has a test; put your model in.

    \b
    crowdeval adapters new my-model
    cd crowdeval-my-model
    pip install -e '.[test]' && pytest
    """
    from crowdeval.adapters.skeleton import write_skeleton

    folder = Path(output or f"crowdeval-{name}")
    for file in write_skeleton(name, folder):
        say(str(file))
    say(f"next: pip install -e '{folder}[test]' && pytest {folder}")


def _own(name: str) -> str:
    from crowdeval.adapters import ADAPTERS

    maker = ADAPTERS[name]
    summary = (inspect.getdoc(maker) or "").partition("\n")[0]
    rows = {"": summary, "needs": _needs(maker), "options": _options(maker)}
    return f"{_head(name, __version__, 'built-in')}\n{_rows(rows)}"


def _foreign(point: EntryPoint) -> str:
    """Describe a third party's adapter by its package's metadata; nothing of it is imported."""
    version, origin = _package(point)
    absent = [] if point.dist is None else _absent(point.dist)
    needs = f"{', '.join(absent)}: not installed" if absent else "nothing that is not installed"
    rows = {"class": point.value, "needs": needs, "options": f"see crowdeval adapters show {point.name}"}
    return f"{_head(point.name, version, origin)}\n{_rows(rows)}"


def _package(point: EntryPoint) -> tuple[str, str]:
    """Return version and name of the package that an entry point is of."""
    return ("", point.value) if point.dist is None else (point.dist.version, point.dist.metadata["Name"])


def _absent(package: Distribution) -> list[str]:
    """Return the required packages of a package that aren't installed; extras don't count."""
    from importlib.metadata import PackageNotFoundError, distribution

    absent = []
    for requirement in package.requires or []:
        text, _, marker = requirement.partition(";")
        if "extra" in marker:
            continue
        name = text.strip()[: next((i for i, c in enumerate(text.strip()) if not (c.isalnum() or c in "._-")), None)]
        try:
            distribution(name)
        except PackageNotFoundError:
            absent.append(name)
    return absent


def _needs(maker: Any) -> str:
    from crowdeval.adapters.packages import present, way_to

    modules = getattr(maker, "needs", ())
    absent = [name for name in modules if not present(name)]
    ways = " && ".join(dict.fromkeys(way_to(name) for name in absent))
    missing = f" ({' and '.join(absent)} not installed: {ways})" if absent else ""
    return f"{', '.join(modules)}{missing}" if modules else "nothing more"


def _options(maker: Any) -> str:
    from crowdeval.adapters.options import parameters_of

    parts = []
    for key, parameter in parameters_of(maker).items():
        if parameter.default is parameter.empty:
            parts.append(f"{key}=... (has to be given{_kind(parameter.annotation)})")
        else:
            parts.append(f"{key}={_text(parameter.default)}")
    return ", ".join(parts) or "none"


def _text(default: Any) -> str:
    """Return a default as one would type it."""
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def _kind(annotation: Any) -> str:
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return ", a file or folder" if Path in kinds else ""


def _head(name: str, version: str, origin: str) -> str:
    return "  ".join(part for part in (click.style(name, bold=True), version, origin) if part)


def _rows(rows: dict[str, str]) -> str:
    return "".join(f"  {key:8} {value}\n" if key else f"  {value}\n" for key, value in rows.items())
