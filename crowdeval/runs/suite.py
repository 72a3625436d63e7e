"""A suite: predictors x datasets x protocols, described by a TOML file::

    datasets = ["shanghaitech-a:test", "nwpu:val"]

    [[predictors]]
    adapter = "yunet"
    options = { file = "yunet.onnx" }
    frames = { tile = 1024, overlap = 64 }

    [[protocols]]
    preset = "paper"
    delta = "0.05:0.05:0.5"

Without ``[[protocols]]`` the protocol is that of the paper. A relative path in the options starts at the current
folder of the process.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from crowdeval.adapters.frames import Frames
from crowdeval.datasets import dataset_and_split
from crowdeval.errors import (
    CrowdevalError,
    MissingFileError,
    Problems,
    UsageError,
    did_you_mean,
    listed,
    shown,
)
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.options import SHARD
from crowdeval.runs.run import Plan

PARTS = ("datasets", "predictors", "protocols")
"""Keys of a suite."""

PREDICTOR = ("adapter", "options", "frames", "shard")
"""Keys of an entry of ``predictors``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The contents of a suite's file.

    Attributes
    ----------
    plans : tuple of Plan
        The predictors, with their options and frames.
    datasets : tuple of str
        The splits, ``NAME:SPLIT``.
    protocols : tuple of Protocol
        The protocols by which each run is scored.
    """

    plans: tuple[Plan, ...]
    datasets: tuple[str, ...]
    protocols: tuple[Protocol, ...]


def read_suite(path: str | os.PathLike[str]) -> Suite:
    """Read the file of a suite.

    Parameters
    ----------
    path : str or path
        The TOML file.

    Returns
    -------
    Suite

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is not TOML, or has an entry that is not valid; the error has all problems.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "suite.toml")
    ...     text = 'datasets = ["nwpu:val"]\\n[[predictors]]\\nadapter = "yunet"'
    ...     _ = file.write_text(text)
    ...     suite = read_suite(file)
    >>> suite.datasets, [plan.adapter for plan in suite.plans]
    (('nwpu:val',), ['yunet'])
    """
    file = Path(path)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MissingFileError(f"the suite {file} can't be read: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        problems = Problems(str(file))
        problems.add("a TOML file", str(problem))
        raise problems.error() from None
    problems = Problems(str(file))
    for key in document:
        if key not in PARTS:
            problems.add(f"one of the keys {listed(PARTS)}", f"{key!r}{did_you_mean(key, PARTS)}")
    datasets = [name for i, name in enumerate(_list(document, "datasets", problems)) if _names_split(i, name, problems)]
    plans = [_plan(i, entry, problems) for i, entry in enumerate(_list(document, "predictors", problems))]
    protocols = [_protocol(i, entry, problems) for i, entry in enumerate(_list(document, "protocols", problems))]
    if not datasets and not problems:
        problems.add("at least one dataset", "none", key="datasets")
    problems.raise_if_any()
    return Suite(
        plans=tuple(plan for plan in plans if plan is not None),
        datasets=tuple(datasets),
        protocols=tuple(protocol for protocol in protocols if protocol is not None) or (PAPER,),
    )


def _list(document: Mapping[str, Any], key: str, problems: Problems) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        problems.add("a list", shown(value), key=key)
        return []
    return value


def _names_split(number: int, name: Any, problems: Problems) -> bool:
    """Return whether an entry of ``datasets`` names a split; add a problem where it does not."""
    try:
        if not isinstance(name, str):
            raise UsageError(f"found {shown(name)}")
        dataset_and_split(name)
    except MissingFileError:
        return True  # a split whose annotations are not public is reported when the suite opens it
    except UsageError as problem:
        problems.add("a dataset's split, NAME:SPLIT", str(problem), key=f"datasets[{number}]")
        return False
    return True


def _plan(number: int, entry: Any, problems: Problems) -> Plan | None:
    key = f"predictors[{number}]"
    table = _check_table(entry, PREDICTOR, key, problems)
    if table is None:
        return None
    if not isinstance(table.get("adapter"), str):
        problems.add("the name of an adapter", shown(table.get("adapter")), key=f"{key}.adapter")
        return None
    frame_table = _check_table(table.get("frames", {}), [f.name for f in fields(Frames)], f"{key}.frames", problems)
    options = table.get("options", {})
    if not isinstance(options, dict):
        problems.add("a table of options", shown(options), key=f"{key}.options")
        return None
    shard = table.get("shard", SHARD)
    if not isinstance(shard, int) or shard < 1:
        problems.add("a whole number of at least 1", shown(shard), key=f"{key}.shard")
        return None
    try:
        frames = Frames(**(frame_table or {}))
    except (UsageError, TypeError) as problem:
        problems.add("valid settings of frames", str(problem), key=f"{key}.frames")
        return None
    texts = {name: _option_text(value) for name, value in options.items()}
    return Plan(adapter=table["adapter"], options=texts, frames=frames, shard=shard)


def _protocol(number: int, entry: Any, problems: Problems) -> Protocol | None:
    key = f"protocols[{number}]"
    table = _check_table(entry, [f.name for f in fields(Protocol)], key, problems)
    try:
        return None if table is None else Protocol(**table)
    except (CrowdevalError, TypeError) as problem:
        problems.add("a valid protocol", str(problem), key=key)
        return None


def _check_table(entry: Any, names: Any, key: str, problems: Problems) -> dict[str, Any] | None:
    """Return a table with no other keys than ``names``; add a problem and return None where it is not such a table."""
    if not isinstance(entry, dict):
        problems.add("a table", shown(entry), key=key)
        return None
    unknown = [name for name in entry if name not in names]
    for name in unknown:
        problems.add(f"one of the keys {listed(names, most=20)}", f"{name!r}{did_you_mean(name, names)}", key=key)
    return None if unknown else entry


def _option_text(value: Any) -> str:
    """Return a TOML value as one would type it after ``-o key=``: ``[1, 2]`` is ``1,2``, ``true`` is ``true``."""
    if isinstance(value, list):
        return ",".join(_option_text(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
