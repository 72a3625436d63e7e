"""evaluate(): align, measure, report - the only place where the stages meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import InputError, NeedsError
from crowdeval.evaluation.notices import input_notices
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.evaluation.report import Report, Side
from crowdeval.metrics import family_of
from crowdeval.metrics.family import Family, Measured, Scene
from crowdeval.metrics.strings import Metric
from crowdeval.points.alignment import align
from crowdeval.points.image_bounds import bounded
from crowdeval.points.sets import Annotations, Predictions
from crowdeval.version import __version__


def evaluate(
    predictions: Predictions,
    annotations: Annotations,
    *,
    protocol: Protocol = PAPER,
    per_image: bool = False,
    names: tuple[str, str] = ("predictions", "annotations"),
    about: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> Report:
    """Score predictions against annotations.

    Parameters
    ----------
    predictions, annotations
        What ``read_predictions`` and ``read_annotations`` return.
    protocol : Protocol
        The metrics and every option behind them.
    per_image : bool
        Also fill the per-image table of the report.
    names : (str, str)
        What the report calls the two inputs.
    about : mapping of str to str, optional
        What is known of the predictions' origin: model, revision, dataset, ...
    progress : callable
        Called with the name of each stage before it begins.

    Returns
    -------
    Report
        Values, warnings, fingerprints and the protocol.

    Raises
    ------
    AlignmentError
        If the two sides do not speak of the same images.
    NeedsError
        If a metric asked for by name needs what the data lack.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[10.0, 10.0], [20.0, 10.0]])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 1], xy=[[11.0, 10.0]], score=[0.9])
    >>> report = evaluate(found, truth)
    >>> report["nAP@0.5"], report["MAE"]
    (0.5, 1.0)
    """
    _check_types(predictions, annotations, protocol)
    progress("aligning")
    annotations = bounded(annotations, protocol.off_image)
    predictions, annotations = align(predictions, annotations, missing=protocol.missing, id_style=protocol.id_style)
    scene = Scene(predictions=predictions, annotations=annotations, options=protocol, per_image=per_image)
    found = Measured(notices=input_notices(predictions, annotations), columns=_own_columns(scene))
    for family, asked in _families(protocol, scene, found):
        progress(" ".join(str(metric) for metric in asked))
        found.update(family.measure(asked, scene))
    progress("fingerprints")
    return Report(
        values=_ordered(found.values, protocol),
        protocol=protocol,
        images=len(annotations.image_ids),
        predictions=Side(name=names[0], fingerprint=predictions.fingerprint, points=len(predictions.xy)),
        annotations=Side(name=names[1], fingerprint=annotations.fingerprint, points=len(annotations.xy)),
        warnings=(*found.notices, *(f"undefined: {text}" for text in dict.fromkeys(found.undefined))),
        per_image=found.columns if per_image else None,
        about=dict(about or {}),
        version=__version__,
    )


def _check_types(predictions: object, annotations: object, protocol: object) -> None:
    """Raise InputError where an argument is something else, saying how one gets what is expected."""
    for value, kind, reader in (
        (predictions, Predictions, "read_predictions"),
        (annotations, Annotations, "read_annotations"),
    ):
        if not isinstance(value, kind):
            raise InputError(
                f"expected {kind.__name__}, found {type(value).__name__}; {reader}(path) reads a file, "
                "nap(...) takes plain arrays"
            )
    if not isinstance(protocol, Protocol):
        raise InputError(
            f"expected a Protocol, found {type(protocol).__name__}; Protocol(preset=...) makes one, "
            "Protocol.parse(signature) reads one"
        )


def _own_columns(scene: Scene) -> dict[str, NDArray[Any]]:
    """Return the columns of the per-image table that no family brings; nothing where no table is wanted."""
    if not scene.per_image:
        return {}
    return {
        "image": np.array(scene.annotations.image_ids, dtype=object),
        "true_points": scene.annotations.counts,
        "predicted_points": scene.predictions.points.counts,
    }


def _families(protocol: Protocol, scene: Scene, found: Measured) -> list[tuple[Family, list[Metric]]]:
    """Gather the metrics by family; what the data lack is an error by name and a notice in a preset."""
    families: list[tuple[Family, list[Metric]]] = []
    left_out: dict[str, list[str]] = {}
    for text in protocol.all_metrics:
        metric = Metric.parse(text)
        family = family_of(metric)
        lack = family.lacking(metric, scene)
        if lack is None:
            asked = next((metrics for known, metrics in families if known is family), None)
            if asked is None:
                families.append((family, [metric]))
            else:
                asked.append(metric)
        elif text in protocol.metrics:
            raise NeedsError(f"{text} needs {lack}")
        else:
            left_out.setdefault(lack, []).append(text)
    notices = [f"left-out: {', '.join(names)}: needs {lack}" for lack, names in left_out.items()]
    if not families:
        raise NeedsError("\n".join(["nothing can be measured", *notices]))
    found.notices += notices
    return families


def _ordered(values: dict[str, float], protocol: Protocol) -> dict[str, float]:
    """Return the values in the order asked for, each metric followed by what it brought along."""
    order: dict[str, None] = {}
    for text in protocol.all_metrics:
        order |= dict.fromkeys([text, *(name for name in values if name.startswith((f"{text}@", f"{text}=")))])
    return {name: values[name] for name in [*order, *values] if name in values}
