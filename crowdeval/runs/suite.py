"""A suite: predictors x datasets x protocols, written down in a TOML file.

    datasets = ["shanghaitech-a:test", "nwpu:val"]

    [[predictors]]
    adapter = "yunet"
    options = { file = "yunet.onnx" }
    frames = { tile = 1024, overlap = 64 }

    [[protocols]]
    preset = "paper"
    delta = "0.05:0.05:0.5"

Without ``[[protocols]]`` it is the paper's. A relative path in the options is meant from where the command runs.
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
PREDICTOR = ("adapter", "options", "frames", "shard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is to be run and measured.

    Attributes
    ----------
    plans : tuple of Plan
        The predictors.
    datasets : tuple of str
        ``NAME:SPLIT`` each.
    protocols : tuple of Protocol
        How each run is measured.
    """

    plans: tuple[Plan, ...]
    datasets: tuple[str, ...]
    protocols: tuple[Protocol, ...]


def read_suite(path: str | os.PathLike[str]) -> Suite:
    """Read a suite's file.

    Raises
    ------
    MissingFileError
        If it is not there.
    FormatError
        If it is no TOML, or says something that means nothing; carries every problem.
    """
    file = Path(path)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise MissingFileError(f"{file}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        problems = Problems(str(file))
        problems.add("TOML", str(problem))
        raise problems.error() from None
    problems = Problems(str(file))
    for key in document:
        if key not in PARTS:
            problems.add(f"one of the keys {listed(PARTS)}", f"{key!r}{did_you_mean(key, PARTS)}")
    datasets = [name for i, name in enumerate(_list(document, "datasets", problems)) if _is_dataset(i, name, problems)]
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


def _is_dataset(number: int, name: Any, problems: Problems) -> bool:
    try:
        if not isinstance(name, str):
            raise UsageError(f"found {shown(name)}")
        dataset_and_split(name)
    except MissingFileError:
        return True  # a split that is not public is said when it is opened
    except UsageError as problem:
        problems.add("a dataset's split, NAME:SPLIT", str(problem), key=f"datasets[{number}]")
        return False
    return True


def _plan(number: int, entry: Any, problems: Problems) -> Plan | None:
    key = f"predictors[{number}]"
    known = _table(entry, PREDICTOR, key, problems)
    if known is None:
        return None
    if not isinstance(known.get("adapter"), str):
        problems.add("the name of an adapter", shown(known.get("adapter")), key=f"{key}.adapter")
        return None
    frames = _table(known.get("frames", {}), [f.name for f in fields(Frames)], f"{key}.frames", problems)
    options = known.get("options", {})
    if not isinstance(options, dict):
        problems.add("a table of options", shown(options), key=f"{key}.options")
        return None
    shard = known.get("shard", SHARD)
    if not isinstance(shard, int) or shard < 1:
        problems.add("a whole number of at least 1", shown(shard), key=f"{key}.shard")
        return None
    try:
        made = Frames(**(frames or {}))
    except (UsageError, TypeError) as problem:
        problems.add("frames that mean something", str(problem), key=f"{key}.frames")
        return None
    texts = {name: _text(value) for name, value in options.items()}
    return Plan(adapter=known["adapter"], options=texts, frames=made, shard=shard)


def _protocol(number: int, entry: Any, problems: Problems) -> Protocol | None:
    key = f"protocols[{number}]"
    known = _table(entry, [f.name for f in fields(Protocol)], key, problems)
    try:
        return None if known is None else Protocol(**known)
    except (CrowdevalError, TypeError) as problem:
        problems.add("options that mean something", str(problem), key=key)
        return None


def _table(entry: Any, names: Any, key: str, problems: Problems) -> dict[str, Any] | None:
    if not isinstance(entry, dict):
        problems.add("a table", shown(entry), key=key)
        return None
    unknown = [name for name in entry if name not in names]
    for name in unknown:
        problems.add(f"one of {listed(names, most=20)}", f"{name!r}{did_you_mean(name, names)}", key=key)
    return None if unknown else entry


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
