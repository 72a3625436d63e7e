"""The public evaluate(): files, runs, datasets, evidence, dicts, data frames, tensors or columns in, a report out.

A room is imported only in the branch that needs it, so that columns are scored without files, datasets and pandas.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from crowdeval.errors import InputError, UsageError
from crowdeval.evaluation.evaluate import report_and_evidence, report_of
from crowdeval.evaluation.gathering import Stage
from crowdeval.evaluation.notices import warn_about
from crowdeval.evaluation.preparation import AS_GIVEN, Preparation
from crowdeval.evaluation.protocol import PAPER, Protocol
from crowdeval.evaluation.report import Report
from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.family import Scene
from crowdeval.options import PRESETS, Extra, IdStyle, IntervalMethod, Missing
from crowdeval.points.from_frames import is_frame
from crowdeval.points.sets import Annotations, Predictions

if TYPE_CHECKING:
    from crowdeval.formats.image_list import ImageList
    from crowdeval.sources import Input
    from crowdeval.statistics.certainty import Resampling


def evaluate(
    predictions: Any,
    annotations: Any = None,
    *,
    protocol: Protocol | str | Sequence[str] = PAPER,
    per_image: bool = False,
    names: tuple[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    missing: Missing | None = None,
    id_style: IdStyle | None = None,
    frame: str = "",
    label: str | int = "",
    id_map: Mapping[str, str] | None = None,
    extra: Extra = "error",
    only: Sequence[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    errors: bool = False,
    ci: float | None = None,
    progress: Stage = lambda stage: None,
    **resampling: Unpack[ResamplingOptions],
) -> Report:
    """Score predictions against annotations.

    Parameters
    ----------
    predictions : path, Evidence, mapping, sequence, data frame, or Predictions
        A file in a known format, a folder with one file for each image, or the folder of a run; evidence, or its file;
        ``{id: points}`` or ``{id: (points, scores)}``, a list with one entry an image, a data frame with one row a
        point (see ``Predictions.from_images`` and ``Predictions.from_frame``); or the columns themselves. Arrays may be
        tensors on any device.
    annotations : path, name of a dataset's split, mapping, sequence, data frame, or Annotations; optional
        The same for true points; also ``"shanghaitech-a:test"``. A run, evidence, and a table ``image,gt,pred`` need
        none.
    protocol : Protocol, str or sequence of str
        The metrics, and all options behind them: a Protocol, the name of a preset (``"nwpu"``), a signature, a metric
        (``"F1@8px"``) or several.
    per_image : bool
        Whether the report has a per-image table.
    names : (str, str), optional
        Names of the two inputs in the report; by default those of the files.
    about : mapping of str to str, optional
        Origin of the predictions: model, revision, dataset, ...
    missing : {"error", "empty"}, optional
        Annotated images without predictions: an error, or images with no predicted points; by default as the protocol.
    id_style : {"exact", "stem", "caseless", "number", "string-rank"}, optional
        How ids are compared; by default as the protocol.
    frame : str
        The frame that the predictions are in, if not that of the image in pixels: ``"yx"``, ``"normalized"``,
        ``"max-side:1024"``, or several steps, separated by commas (see ``crowdeval.points.frames``).
    label : str or int
        The class that is scored, where points have classes; by default all points are of one class.
    id_map : mapping of str to str, optional
        Id of an image in the predictions to its id in the annotations.
    extra : {"error", "ignore"}
        Predicted images that are not annotated: an error, or left out.
    only : sequence of str, optional
        Ids or stems of the annotated images that are scored; by default all.
    images : str or path, optional
        The images there are: their folder, or a file that lists them (see ``read_predictions``).
    root : str or path, optional
        The folder of a dataset, or a folder above it.
    errors : bool
        Whether each value gets its standard error: ``report.errors``.
    ci : float, optional
        The level of confidence intervals, such as 0.95: ``report.intervals``; errors come with them.
    progress : callable
        Called with the name of each stage before it begins.
    **resampling
        How intervals are made. ``resamples`` and ``seed``: the number of resamples and the seed of their random
        numbers. ``cluster``: an attribute of the images, of which images of equal value, such as those of one camera,
        are resampled together; ``cluster_id``: a regular expression that finds the cluster of an image in its id.
        ``method``: ``"bootstrap-t"``, ``"percentile"``, ``"bca"`` or ``"basic"``. ``exact``: ranked lists are resampled
        without bins, which takes some 20 times as long.

    Returns
    -------
    Report
        Values, warnings, fingerprints and the protocol. The important warnings are also Python warnings, each of its
        own subclass of NoticeWarning.

    Raises
    ------
    AlignmentError
        If predictions and annotations are not of the same images.
    FormatError, MissingFileError
        If a file is damaged or missing.
    InputError
        If an argument has a wrong type or shape.
    NeedsError
        If a metric that is requested by name needs something that the data lack.
    UsageError
        If an option has an unknown value.

    Examples
    --------
    >>> report = evaluate({"a": ([[11.0, 10.0]], [0.9])}, {"a": [[10.0, 10.0], [20.0, 10.0]]}, protocol="nAP@0.5")
    >>> report["nAP@0.5"]
    0.5
    """
    chosen = resampling_of(ci, resampling) if errors or ci is not None or resampling else None
    text = str(label) if isinstance(label, int) else label
    report, evidence = report_and_columns(
        predictions, annotations,
        protocol=protocol, missing=missing, id_style=id_style,
        preparation=Preparation(frame=frame, label=text, id_map=id_map or {}, extra=extra, only=only),
        per_image=per_image, names=names, about=about, images=images, root=root,
        groups=[resampling["cluster"]] if resampling.get("cluster") else (),
        progress=progress,
    )  # fmt: skip
    warn_about(report.warnings)
    return with_certainty(report, evidence, chosen)


def report_and_columns(
    predictions: Any,
    annotations: Any = None,
    *,
    protocol: Protocol | str | Sequence[str] = PAPER,
    missing: Missing | None = None,
    id_style: IdStyle | None = None,
    preparation: Preparation = AS_GIVEN,
    per_image: bool = False,
    names: tuple[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    images: str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    groups: Sequence[str] = (),
    inspect: Callable[[Scene], None] = lambda scene: None,
    progress: Stage = lambda stage: None,
) -> tuple[Report, Evidence]:
    """Return the report of ``evaluate``, without Python warnings, and the evidence behind it.

    Parameters
    ----------
    predictions, annotations, protocol, missing, id_style, per_image, names, about, images, root, progress
        As for ``evaluate``, whose errors are raised.
    preparation : Preparation
        What is done to the two sides before.
    groups : sequence of str
        Attributes of the images that evidence keeps, for clusters.
    inspect : callable
        Called with the aligned points of both sides; not for evidence, which has none.

    Returns
    -------
    (Report, Evidence)

    Examples
    --------
    >>> report, evidence = report_and_columns({"a": [[1, 1]]}, {"a": [[1, 1], [2, 2]]})
    >>> report["MAE"], evidence.image_ids
    (1.0, ('a',))
    """
    first = _source(predictions)
    if isinstance(predictions, Evidence) or (first is not None and first.kind == "evidence"):
        evidence = predictions if isinstance(predictions, Evidence) else first
        return _of_evidence(evidence, annotations, protocol, per_image)
    chosen = _with_images(protocol_of(protocol), missing, id_style)
    second = _second_source(first, annotations)
    listed = _listed(images, first, second)
    found, true = _predictions(predictions, first, listed), _annotations(annotations, second, listed, root)
    return report_and_evidence(
        found, true,
        protocol=_with_stems(chosen, first, second, found, true),
        per_image=per_image,
        names=names or _names_of(first, second),
        about=about if about is not None or first is None else first.about,
        preparation=preparation,
        groups=groups,
        inspect=inspect,
        progress=progress,
    )  # fmt: skip


def with_certainty(report: Report, evidence: Evidence, resampling: Resampling | None) -> Report:
    """Return a report with standard errors and, where a level is given, intervals.

    Parameters
    ----------
    report : Report
        The report.
    evidence : Evidence
        The evidence behind it.
    resampling : Resampling, optional
        How intervals are made; None for the report as it is.

    Returns
    -------
    Report

    Raises
    ------
    UsageError
        If an image is in no cluster.

    Examples
    --------
    >>> report = evaluate({"a": [[1, 1]], "b": [[1, 2], [3, 4]]}, {"a": [[1, 1]], "b": [[1, 2]]}, errors=True)
    >>> report["MAE"], report.errors["MAE"]
    (0.5, 0.5)
    """
    if resampling is None:
        return report
    from crowdeval.statistics.certainty import certainty_of

    found = certainty_of(evidence, report.values, report.protocol, resampling)
    return replace(report, certainty=found)


class ResamplingOptions(TypedDict, total=False):
    """The options of intervals, which ``evaluate`` documents."""

    resamples: int
    seed: int
    cluster: str
    cluster_id: str
    method: IntervalMethod
    exact: bool


def resampling_of(level: float | None, options: ResamplingOptions) -> Resampling:
    """Return how errors, intervals and tests are made.

    Parameters
    ----------
    level : float or None
        The level of confidence of intervals.
    options : dict
        The other options of ``evaluate``.

    Returns
    -------
    Resampling

    Raises
    ------
    UsageError
        If a value is out of its range.

    Examples
    --------
    >>> resampling_of(0.9, {"seed": 7}).seed
    7
    """
    unknown = options.keys() - ResamplingOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    from crowdeval.statistics.certainty import Resampling

    return Resampling(level=level, **options)


def protocol_of(protocol: Protocol | str | Sequence[str]) -> Protocol:
    """Return the protocol that a preset, a signature or metrics stand for.

    Parameters
    ----------
    protocol : Protocol, str or sequence of str
        A protocol, the name of a preset, a signature, a metric or several.

    Returns
    -------
    Protocol

    Raises
    ------
    UsageError
        If a metric or an option is unknown.
    InputError
        If it is nothing of this kind.

    Examples
    --------
    >>> protocol_of("nwpu").preset, protocol_of(["F1@8px", "MAE"]).metrics
    ('nwpu', ('F1@8px', 'MAE'))
    """
    if isinstance(protocol, Protocol):
        return protocol
    if isinstance(protocol, str):
        if protocol in PRESETS:
            return Protocol(preset=protocol)
        return Protocol.parse(protocol) if "|" in protocol else Protocol(metrics=(protocol,))
    if isinstance(protocol, Sequence) and protocol and all(isinstance(metric, str) for metric in protocol):
        return Protocol(metrics=tuple(protocol))
    raise InputError(
        f"protocol: expected a Protocol, the name of a preset, a signature or metrics, found {type(protocol).__name__}"
    )


def _with_images(protocol: Protocol, missing: Missing | None, id_style: IdStyle | None) -> Protocol:
    """Return the protocol with the given choices of how images meet."""
    protocol = protocol if missing is None else replace(protocol, missing=missing)
    return protocol if id_style is None else replace(protocol, id_style=id_style)


_NAMES = ("predictions", "annotations")


def _names_of(first: Input | None, second: Input | None) -> tuple[str, str]:
    """Return the names of the two sides: those of files, or what they are."""
    return _NAMES[0] if first is None else first.name, _NAMES[1] if second is None else second.name


def _source(value: Any) -> Input | None:
    """Return the input that a path or a name means; None for anything that is neither."""
    if not isinstance(value, str | os.PathLike):
        return None
    from crowdeval.sources import resolve_input

    return resolve_input(os.fspath(value))


def _second_source(first: Input | None, annotations: Any) -> Input | None:
    """Return the input that the annotations' path or name means; a run names its own annotations."""
    if annotations is not None:
        return _source(annotations)
    if first is None:
        raise UsageError(
            "annotations are missing: evaluate(predictions, annotations). Only a run, evidence and a table "
            "image,gt,pred need none"
        )
    from crowdeval.sources import resolve_annotations

    return resolve_annotations(first, None, None)


def _listed(images: str | os.PathLike[str] | None, *sources: Input | None) -> ImageList | None:
    """Return the list of the images there are, read once; None where neither side needs it."""
    if images is None or not any(each is None or each.reads_images for each in sources):
        return None
    from crowdeval.formats import read_image_list

    return read_image_list(images)


def _predictions(value: Any, source: Input | None, images: ImageList | None) -> Predictions:
    """Return the predictions of the first argument."""
    if source is not None:
        return source.predictions(images=images)
    if images is not None:
        from crowdeval.formats.image_list import with_listed_predictions

        return with_listed_predictions(_predictions(value, None, None), images)
    if isinstance(value, Predictions):
        return value
    if isinstance(value, Annotations):
        raise InputError("predictions: found annotations; predictions come first: evaluate(predictions, annotations)")
    return Predictions.from_frame(value) if is_frame(value) else Predictions.from_images(value)


def _annotations(
    value: Any, source: Input | None, images: ImageList | None, root: str | os.PathLike[str] | None
) -> Annotations:
    """Return the annotations of the second argument."""
    if source is not None:
        return source.annotations(root=None if root is None else os.fspath(root), images=images)
    if images is not None:
        from crowdeval.formats.image_list import with_listed_annotations

        return with_listed_annotations(_annotations(value, None, None, root), images, complete=False)
    if isinstance(value, Annotations):
        return value
    if isinstance(value, Predictions):
        raise InputError("annotations: found predictions; predictions come first: evaluate(predictions, annotations)")
    if hasattr(value, "annotations") and isinstance(value.annotations, Annotations):  # the split of a dataset
        return value.annotations
    return Annotations.from_frame(value) if is_frame(value) else Annotations.from_images(value)


def _with_stems(
    protocol: Protocol, first: Input | None, second: Input | None, predictions: Predictions, annotations: Annotations
) -> Protocol:
    """Return the protocol with ids by stem where those of one side are names of files and none meets as it is."""
    sources = [each for each in (first, second) if each is not None]
    if not any(each.is_folder for each in sources):
        return protocol
    from crowdeval.sources import folder_id_style

    pair = (sources[0], sources[-1])
    style: IdStyle = folder_id_style(protocol.id_style, pair, predictions, annotations)
    return replace(protocol, id_style=style)


def _of_evidence(
    evidence: Any,
    annotations: Any,
    protocol: Protocol | str | Sequence[str],
    per_image: bool,
) -> tuple[Report, Evidence]:
    """Return the report of evidence, by its own protocol unless another one is given, and the evidence."""
    if annotations is not None:
        raise UsageError("evidence holds both sides: leave out the annotations")
    if not isinstance(evidence, Evidence):
        evidence = evidence.evidence()
    chosen = None if protocol is PAPER else protocol_of(protocol)
    if chosen is not None and not isinstance(protocol, Protocol):
        own = Protocol.parse(evidence.signature)
        chosen = replace(own, preset=chosen.preset, metrics=chosen.metrics)
    return report_of(evidence, protocol=chosen, per_image=per_image), evidence
