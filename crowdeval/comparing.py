"""The public compare(): systems as files, runs, evidence, dicts, frames or columns in, a comparison out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from crowdeval.api import ResamplingOptions, report_and_columns, resampling_of
from crowdeval.errors import UsageError
from crowdeval.evaluation.evaluate import EVERY
from crowdeval.evaluation.notices import warn_about
from crowdeval.evaluation.preparation import Preparation
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Scene
from crowdeval.options import Extra, IdStyle, Missing
from crowdeval.points.ragged import Flags

if TYPE_CHECKING:
    from crowdeval.statistics.systems import Comparison


def compare(
    *systems: Any,
    protocol: Protocol | str | Sequence[str] = PAPER,
    metrics: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
    ci: float = 0.95,
    missing: Missing | None = None,
    id_style: IdStyle | None = None,
    extra: Extra = "error",
    label: str | int = "",
    root: str | os.PathLike[str] | None = None,
    **resampling: Unpack[ResamplingOptions],
) -> Comparison:
    """Compare systems on the same images: differences with intervals, tests and verdicts.

    ``compare(a, b, annotations)`` compares two systems, ``compare({name: system, ...}, annotations)`` two or more. The
    annotations are left out where the systems are runs or evidence.

    Parameters
    ----------
    *systems
        Two systems, or a mapping of names to systems; then the annotations. Each is what ``evaluate`` takes.
    protocol : Protocol, str or sequence of str
        The metrics, and all options behind them.
    metrics : sequence of str
        The metrics that are compared; by default all that each system has.
    margins : mapping of str to float, optional
        By metric, the largest difference that does not matter; without one nothing is called equivalent.
    ci : float
        The level of confidence of intervals.
    missing, id_style, extra, label, root
        As for ``evaluate``.
    **resampling
        ``resamples``, ``seed``, ``cluster``, ``cluster_id``, ``exact``: as for ``evaluate``.

    Returns
    -------
    Comparison
        ``comparison["nAP"].verdict``; ``print`` shows the table, ``text("latex")`` returns another form.

    Raises
    ------
    UsageError
        If there are fewer than two systems, or a metric was measured by other rules or on other true points.
    AlignmentError
        If the systems were scored on different images.
    CrowdevalError
        The errors of ``evaluate``.

    Examples
    --------
    >>> truth = {f"{i}": [[9 * j, 9 * i] for j in range(9)] for i in range(30)}
    >>> a = {name: points[: 9 - int(name) % 2] for name, points in truth.items()}
    >>> b = {name: points[: 5 - int(name) % 3] for name, points in truth.items()}
    >>> compare(a, b, truth, protocol="MAE")["MAE"].verdict
    'better'
    """
    named, annotations = _sides(systems)
    chosen = resampling_of(ci, resampling)
    if chosen.method != "bootstrap-t":
        raise UsageError(f"method {chosen.method}: differences have symmetric bootstrap-t intervals")
    measured, found = {}, Found()
    for name, system in named.items():
        report, evidence = report_and_columns(
            system, _truth_of(name, system, annotations),
            protocol=protocol, missing=missing, id_style=id_style, root=root,
            preparation=Preparation(extra=extra, label=str(label)), groups=(EVERY, "scale_quartile", *chosen.groups),
            inspect=found.by(name),
        )  # fmt: skip
        warn_about(report.warnings)
        measured[name] = report, evidence
    from crowdeval.statistics.systems import Settings, compare_systems

    settings = Settings(resampling=chosen, margins=margins or {}, metrics=metrics)
    return compare_systems(measured, settings, people=found.people)


class Found:
    """The people whom each system finds, by nAP's matching at the largest delta.

    Attributes
    ----------
    people : dict of str to array of bool, (N,)
        System to which true points are found, in the order of image ids; only systems with coordinates are in it.

    Examples
    --------
    >>> Found().people
    {}
    """

    def __init__(self) -> None:
        self.people: dict[str, Flags] = {}

    def by(self, name: str) -> Callable[[Scene], None]:
        """Return a function that notes the people whom a system finds in a scene."""

        def note(scene: Scene) -> None:
            if not (scene.predictions.located and scene.annotations.located):
                return
            from crowdeval.matching.holders import holders_of
            from crowdeval.matching.scale import knn_scales

            true, options = scene.annotations.points, scene.options
            scale = knn_scales(true, k=options.k, lone=options.lone, sizes=scene.annotations.sizes)
            holders = holders_of(
                scene.predictions.points, scene.predictions.score, true, scale, delta=max(options.delta), k=options.k
            )
            self.people[name] = holders >= 0

        return note


def _sides(given: Sequence[Any]) -> tuple[dict[str, Any], Any]:
    """Return the systems by name, and the annotations; None where there are none."""
    if given and isinstance(given[0], Mapping) and len(given) <= 2:
        named = {str(name): system for name, system in given[0].items()}
        annotations = given[1] if len(given) == 2 else None
    elif 2 <= len(given) <= 3:
        named = dict(zip(names_of(given[:2]), given[:2], strict=True))
        annotations = given[2] if len(given) == 3 else None
    else:
        raise UsageError("compare: expected compare(a, b, annotations) or compare({name: system, ...}, annotations)")
    if len(named) < 2:
        raise UsageError(f"compare: expected two systems or more, found {len(named)}")
    return named, annotations


def names_of(systems: Sequence[Any]) -> list[str]:
    """Return a name for each system: the model of a run, the stem of a file, its path where that is taken, or a letter.

    Parameters
    ----------
    systems : sequence
        Systems, as for ``compare``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> names_of(["runs/a/preds.json", "runs/b/preds.json"]), names_of(["x.json", "y.csv.gz"]), names_of([{}, {}])
    (['runs/a/preds.json', 'runs/b/preds.json'], ['x', 'y'], ['A', 'B'])
    """
    paths = [os.fspath(each) if isinstance(each, str | os.PathLike) else "" for each in systems]
    stems = [_stem(path) for path in paths]
    names = [
        stem if path and stems.count(stem) == 1 else path or chr(65 + n)
        for n, (path, stem) in enumerate(zip(paths, stems, strict=True))
    ]
    return [name if names.count(name) == 1 else f"{name} ({n + 1})" for n, name in enumerate(names)]


def _stem(path: str) -> str:
    """Return the name of a file without folders and suffixes; of the folder of a run, MODEL@REVISION."""
    if Path(path, "manifest.json").is_file():
        return Path(path).resolve().parent.name
    name = Path(path).name
    bare = name.removesuffix(".gz")
    return bare.rpartition(".")[0] or bare


def _truth_of(name: str, system: Any, annotations: Any) -> Any:
    """Return the annotations of a system: none where it holds both sides; raise UsageError where it needs them."""
    if isinstance(system, Evidence):
        return None
    if isinstance(system, str | os.PathLike):
        from crowdeval.sources import resolve_input

        kind = resolve_input(os.fspath(system)).kind
        if kind == "evidence":
            return None
        if kind == "run" and annotations is None:
            return None
    if annotations is None:
        raise UsageError(f"{name} needs the true points: --truth ANNOTATIONS, or the last argument of compare()")
    return annotations
