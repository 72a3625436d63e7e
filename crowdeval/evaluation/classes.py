"""The classes of points: one of them picked, and the notices where several are scored as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from crowdeval.errors import UsageError, did_you_mean
from crowdeval.points.columns import Labels
from crowdeval.points.ragged import Flags
from crowdeval.points.sets import Annotations, Predictions

_SHOWN = 5
"""Number of classes that a message names; the others are summed up."""


def pick_class(
    predictions: Predictions, annotations: Annotations, name: str
) -> tuple[Predictions, Annotations, dict[str, str], tuple[str, ...]]:
    """Return the points of one class on both sides.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides. A side without labels is of one class and stays whole.
    name : str
        The class, by its name or by its number in the file. The names of the annotations' classes hold for numbers in
        the predictions, too.

    Returns
    -------
    (Predictions, Annotations, dict of str to str, tuple of str)
        The two sides, what was done to them (``predictions:class``, ``annotations:class``), and notices.

    Raises
    ------
    UsageError
        If neither side has labels, or none of them has this class.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], labels=["cow", "dog"])
    >>> found = Predictions(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], labels=["cow", "cow"])
    >>> found, truth, changes, _ = pick_class(found, truth, "dog")
    >>> truth.xy.tolist(), len(found.xy), changes["annotations:class"]
    ([[3.0, 4.0]], 0, 'dog (1 of 2 points)')
    """
    labels = {"predictions": _named(predictions.labels, annotations.classes),
              "annotations": _named(annotations.labels, annotations.classes)}  # fmt: skip
    name = annotations.classes.get(name, name)
    known = {label: None for column in labels.values() if column is not None for label in sorted(set(column))}
    known.pop("", None)
    if not known:
        raise UsageError(f"class {name!r}: the points of neither side have classes")
    if name not in known:
        caseless = [label for label in known if label.casefold() == name.casefold()]
        name = caseless[0] if len(caseless) == 1 else name
    if name not in known:
        raise UsageError(
            f"no point is of the class {name!r}{did_you_mean(name, known)} (there are {tally(*labels.values())})"
        )
    changes, notices = {}, []
    kept: dict[str, Flags] = {}
    for side, column in labels.items():
        if column is None:
            notices.append(f"no-classes: the {side} have no classes, all their points are taken for {name!r}")
            continue
        kept[side] = np.fromiter((label == name for label in column), np.bool_, len(column))
        changes[f"{side}:class"] = f"{name} ({int(kept[side].sum()):,} of {len(column):,} points)"
        if not kept[side].any():
            notices.append(f"class-not-found: no point of the {side} is of the class {name!r} ({tally(column)})")
    if "predictions" in kept:
        predictions = predictions.where(kept["predictions"])
    if "annotations" in kept:
        annotations = annotations.where(kept["annotations"])
    return predictions, annotations, changes, tuple(notices)


def points_of_class(content: Predictions | Annotations, name: str) -> Predictions | Annotations:
    """Return the points of one class of one side.

    Parameters
    ----------
    content : Predictions or Annotations
        The points.
    name : str
        The class, by its name or its number.

    Returns
    -------
    Predictions or Annotations

    Raises
    ------
    UsageError
        If no point is of the class.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], labels=["cow", "dog"])
    >>> points_of_class(truth, "dog").xy.tolist()
    [[3.0, 4.0]]
    """
    classes = content.classes if isinstance(content, Annotations) else {}
    labels, name = _named(content.labels, classes), classes.get(name, name)
    if labels is None:
        raise UsageError(f"class {name!r}: the points have no classes")
    kept = np.fromiter((label == name for label in labels), np.bool_, len(labels))
    if not kept.any():
        raise UsageError(
            f"no point is of the class {name!r}{did_you_mean(name, set(labels))} (there are {tally(labels)})"
        )
    return content.where(kept)


def class_notices(predictions: Predictions, annotations: Annotations) -> tuple[str, ...]:
    """Return the notice that points of several classes are scored as one, or that the sides share no class.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides.

    Returns
    -------
    tuple of str
        One notice, or none.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 2], xy=[[1, 2], [3, 4]], labels=["cow", "dog"])
    >>> class_notices(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]), truth)
    ('several-classes: points are scored as one class: annotations cow 1, dog 1; --class NAME picks one',)
    """
    sides = {
        "predictions": _named(predictions.labels, annotations.classes),
        "annotations": _named(annotations.labels, annotations.classes),
    }
    found = {side: Counter(label for label in column if label) for side, column in sides.items() if column is not None}
    found = {side: count for side, count in found.items() if count}
    texts = " and ".join(f"{side} {_text(count)}" for side, count in found.items())
    # Classes that one file calls by numbers and the other by names can't be compared.
    alike = len(found) == 2 and len({_are_numbers(count) for count in found.values()}) == 1
    if alike and not found["predictions"].keys() & found["annotations"].keys():
        return (f"disjoint-classes: no class is on both sides, and all points are scored as one class: {texts}",)
    if any(len(count) > 1 for count in found.values()):
        return (f"several-classes: points are scored as one class: {texts}; --class NAME picks one",)
    return ()


def tally(*columns: Labels | None) -> str:
    """Return the classes of points with their numbers, the most frequent first.

    Parameters
    ----------
    *columns : array of str, or None
        Classes of points.

    Returns
    -------
    str

    Examples
    --------
    >>> tally(np.array(["cow", "dog", "dog"], dtype=object))
    'dog 2, cow 1'
    """
    return _text(Counter(label for column in columns if column is not None for label in column if label))


def _text(count: Counter[str]) -> str:
    most = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    rest = most[_SHOWN:] if len(most) > _SHOWN + 1 else []
    texts = [f"{label} {number:,}" for label, number in most[: len(most) - len(rest)]]
    if rest:
        texts.append(f"{len(rest)} more classes {sum(number for _, number in rest):,}")
    return ", ".join(texts) or "none"


def _named(labels: Labels | None, classes: Mapping[str, str]) -> Labels | None:
    """Return labels with the names of those that are numbers of classes."""
    if labels is None or not classes or not set(labels.tolist()) & classes.keys():
        return labels
    named = np.empty(len(labels), dtype=object)
    named[:] = [classes.get(label, label) for label in labels.tolist()]
    return named


def _are_numbers(count: Counter[str]) -> bool:
    """Return whether classes are called by numbers, which can't be compared with names."""
    return all(label.lstrip("-").replace(".", "", 1).isdigit() for label in count)
