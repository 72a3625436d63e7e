"""crowdeval adapters: list the predictors, describe one, write the package of a new one."""

from __future__ import annotations

import inspect
import types
import typing
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import click

from crowdeval.cli.choices import ADAPTERS as NAMES
from crowdeval.cli.choices import completer
from crowdeval.cli.inputs import write_result
from crowdeval.cli.talk import say
from crowdeval.version import __version__


@click.group(invoke_without_command=True, short_help="List the predictors, describe one, write a new one.")
@click.pass_context
def adapters(context: click.Context) -> None:
    """List the predictors that `crowdeval predict` can run.

    An adapter is a Python class that runs one model on images and returns points. The list has, for each adapter, its
    version, its origin, the packages that it needs, and its options with their defaults. Your own class is named
    package.module:Class or path/to/file.py:Class, and needs no entry in the list.

    \b
    Examples:
      crowdeval adapters
      crowdeval adapters show onnx
      crowdeval adapters new my-model
    """
    if context.invoked_subcommand is None:
        from crowdeval.adapters import ADAPTERS

        points = ADAPTERS.entry_points()
        plugins = [_plugin_entry(points[name]) for name in points if name not in ADAPTERS.table]
        write_result("\n".join([*(_built_in_entry(name) for name in ADAPTERS.table), *plugins]), None)


@adapters.command(short_help="Describe one predictor and its options.")
@click.argument("name", shell_complete=completer(NAMES, files=True))
def show(name: str) -> None:
    """Describe one predictor: what it does, the packages that it needs, and each option.

    NAME is a name of `crowdeval adapters`, package.module:Class, or path/to/file.py:Class.

    \b
    Examples:
      crowdeval adapters show yunet
      crowdeval adapters show my_model.py:Model
    """
    from crowdeval.adapters import ADAPTERS, predictor_class

    adapter = predictor_class(name)
    point = None if name in ADAPTERS.table else ADAPTERS.entry_points().get(name)
    version, origin = (__version__, "built-in") if name in ADAPTERS.table else (getattr(adapter, "revision", ""), name)
    if point is not None:
        version, origin = _package(point)
    text = inspect.getdoc(adapter) or "The class has no docstring."
    rows = {"needs": _needs(adapter), "options": _options(adapter)}
    write_result(f"{_head(name, str(version), origin)}\n{_rows(rows)}\n{text}\n", None)


@adapters.command(short_help="Write the package of a new predictor.")
@click.argument("name")
@click.option("-o", "--output", metavar="DIR", help="Folder to write the package to.  [default: crowdeval-NAME]")
def new(name: str, output: str | None) -> None:
    """Write a Python package with a new predictor that is called NAME.

    The package works as it is and has a test; replace the example in it by your model. NAME has small letters, digits
    and single hyphens. No file is overwritten.

    \b
    Examples:
      crowdeval adapters new my-model
      cd crowdeval-my-model && pip install -e '.[test]' && pytest
    """
    from crowdeval.adapters.skeleton import write_skeleton

    folder = Path(output or f"crowdeval-{name}")
    for file in write_skeleton(name, folder):
        say(str(file))
    say(f"next: pip install -e '{folder}[test]' && pytest {folder}")


def _built_in_entry(name: str) -> str:
    """Return the entry of a built-in adapter in the list."""
    from crowdeval.adapters import ADAPTERS

    adapter = ADAPTERS[name]
    summary = (inspect.getdoc(adapter) or "").partition("\n")[0]
    rows = {"": summary, "needs": _needs(adapter), "options": _options(adapter)}
    return f"{_head(name, __version__, 'built-in')}\n{_rows(rows)}"


def _plugin_entry(point: EntryPoint) -> str:
    """Return the entry of another package's adapter, from the package metadata; the adapter is not imported."""
    version, origin = _package(point)
    absent = [] if point.dist is None else _absent_packages(point.dist)
    needs = f"{', '.join(absent)}: not installed" if absent else "all its packages are installed"
    rows = {"class": point.value, "needs": needs, "options": f"see crowdeval adapters show {point.name}"}
    return f"{_head(point.name, version, origin)}\n{_rows(rows)}"


def _package(point: EntryPoint) -> tuple[str, str]:
    """Return version and name of the package of an entry point."""
    return ("", point.value) if point.dist is None else (point.dist.version, point.dist.metadata["Name"])


def _absent_packages(package: Distribution) -> list[str]:
    """Return the requirements of a package that are not installed; extras are ignored."""
    from importlib.metadata import PackageNotFoundError, distribution

    absent = []
    for requirement in package.requires or []:
        text, _, marker = requirement.partition(";")
        if "extra" in marker:
            continue
        # "torch >=2.0" -> "torch": the name ends before the first character that a name can't have
        name = text.strip()[: next((i for i, c in enumerate(text.strip()) if not (c.isalnum() or c in "._-")), None)]
        try:
            distribution(name)
        except PackageNotFoundError:
            absent.append(name)
    return absent


def _needs(adapter: Any) -> str:
    """Return the modules that an adapter imports, and how to install those that are absent."""
    from crowdeval.adapters.packages import install_command, is_installed

    modules = getattr(adapter, "needs", ())
    absent = [name for name in modules if not is_installed(name)]
    ways = " && ".join(dict.fromkeys(install_command(name) for name in absent))
    missing = f" ({' and '.join(absent)} not installed: {ways})" if absent else ""
    return f"{', '.join(modules)}{missing}" if modules else "no further package"


def _options(adapter: Any) -> str:
    """Return the options of an adapter as ``key=default``."""
    from crowdeval.adapters.options import parameters_of

    parts = []
    for key, parameter in parameters_of(adapter).items():
        if parameter.default is parameter.empty:
            parts.append(f"{key}=... (required{_kind(parameter.annotation)})")
        else:
            parts.append(f"{key}={_default_text(parameter.default)}")
    return ", ".join(parts) or "none"


def _default_text(default: Any) -> str:
    """Return a default value as a user types it on the command line."""
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
