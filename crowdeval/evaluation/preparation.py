"""What is done to the two sides before they are scored: ids, subset, alignment, class, frame; all of it is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from crowdeval.errors import AlignmentError, InputError, UsageError, listed
from crowdeval.evaluation.classes import pick_class
from crowdeval.evaluation.protocol import check_choice
from crowdeval.options import EXTRA, Extra, IdStyle, Missing
from crowdeval.points.alignment import Aligned, aligned, stem
from crowdeval.points.frames import UNITS, from_frame, from_own_frames, parse_frame
from crowdeval.points.labels import natural_key
from crowdeval.points.ragged import Integers
from crowdeval.points.sets import Annotations, Predictions, repeated_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The options that change a side before it is scored.

    Attributes
    ----------
    frame : str
        The frame that the predictions are in, as ``crowdeval.points.frames`` has it; empty for pixels of the image.
    label : str
        The class that is scored; empty for all points as one class.
    id_map : mapping of str to str
        Id of an image in the predictions to its id in the annotations.
    extra : {"error", "ignore"}
        Predicted images that are not annotated: an error, or left out.
    only : sequence of str, optional
        Ids or stems of the annotated images that are scored; None for all.

    Raises
    ------
    InputError
        If an option has a wrong type.
    UsageError
        If ``extra`` is neither "error" nor "ignore", or ``only`` names no image.

    Examples
    --------
    >>> Preparation(frame="yx", label="person").label
    'person'
    """

    frame: str = ""
    label: str = ""
    id_map: Mapping[str, str] = field(default_factory=dict)
    extra: Extra = "error"
    only: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_choice("extra", self.extra, EXTRA)
        if isinstance(self.only, str) or not isinstance(self.only, Sequence | None):
            raise InputError(f"only: expected a list of image ids, found {self.only!r}")
        if self.only is not None and not len(self.only):
            raise UsageError("only: the list names no image")
        if not isinstance(self.id_map, Mapping):
            raise InputError(f"id_map: expected a dict of ids by ids, found {self.id_map!r}")
        for name in ("frame", "label"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{name}: expected text, found {getattr(self, name)!r}")


AS_GIVEN = Preparation()
"""Nothing is changed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """The two sides as they are scored.

    Attributes
    ----------
    predictions, annotations : Predictions, Annotations
        The same images in the same order, in pixels.
    changes : mapping of str to str
        What was done, by side: ``predictions:frame``, ``annotations:only``, ...
    notices : tuple of str
        What is to be said of it.
    """

    predictions: Predictions
    annotations: Annotations
    changes: Mapping[str, str]
    notices: tuple[str, ...]


def prepare(
    predictions: Predictions,
    annotations: Annotations,
    preparation: Preparation = AS_GIVEN,
    *,
    missing: Missing = "error",
    id_style: IdStyle = "exact",
) -> Prepared:
    """Return the two sides aligned, of one class, and in the pixels of their images.

    Parameters
    ----------
    predictions, annotations : Predictions, Annotations
        The two sides as they were read.
    preparation : Preparation
        What is done to them.
    missing, id_style
        The options of the protocol, see ``align``.

    Returns
    -------
    Prepared

    Raises
    ------
    AlignmentError
        If the images of the two sides differ, an id map or a subset names images that are not there, or the sizes of
        an image are swapped.
    UsageError
        If no point is of the class, or the frame can't be parsed.
    NeedsError
        If a frame needs the sizes of images and they are unknown.

    Examples
    --------
    >>> truth = Annotations(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[1.0, 2.0], [3.0, 4.0]])
    >>> found = Predictions(image_ids=["a", "b"], offsets=[0, 1, 2], xy=[[2.0, 1.0], [4.0, 3.0]])
    >>> prepared = prepare(found, truth, Preparation(frame="yx", only=["b"]))
    >>> prepared.predictions.xy.tolist(), dict(prepared.changes)
    ([[3.0, 4.0]], {'annotations:only': '1 of 2 images', 'predictions:frame': 'yx'})
    """
    both, changes = _same_images(predictions, annotations, preparation, missing=missing, id_style=id_style)
    predictions, annotations, notices = both.predictions, both.annotations, [*both.notices]
    if preparation.label:
        predictions, annotations, picked, said = pick_class(predictions, annotations, preparation.label)
        changes |= picked
        notices += said
    if predictions.sizes is not None and preparation.frame:
        _refuse_second_unit(preparation.frame)
    predictions, said = from_own_frames(predictions, annotations)
    notices += said
    if preparation.frame:
        predictions = from_frame(predictions, annotations.sizes, preparation.frame)
        changes["predictions:frame"] = preparation.frame
    return Prepared(predictions=predictions, annotations=annotations, changes=changes, notices=tuple(notices))


def _refuse_second_unit(frame: str) -> None:
    """Raise UsageError for a step that brings points to pixels, where their file already says what they are."""
    twice = [str(step) for step in parse_frame(frame) if step.name in (*UNITS, "size", "max-side")]
    if twice:
        raise UsageError(
            "the predictions name the width and height that their points are parts of, and are brought to pixels by "
            f"them: leave {twice[0]} out of --frame"
        )


def _same_images(
    predictions: Predictions, annotations: Annotations, preparation: Preparation, *, missing: Missing, id_style: IdStyle
) -> tuple[Aligned, dict[str, str]]:
    """Return the two sides with the images that are scored, and what was done for it."""
    changes: dict[str, str] = {}
    if preparation.id_map:
        predictions = _renamed(predictions, preparation.id_map)
        changes["predictions:ids"] = "id map"
    chosen = _positions(annotations, preparation.only) if preparation.only is not None else None
    both = aligned(
        predictions,
        annotations,
        missing=missing if chosen is None else "empty",
        id_style=id_style,
        extra=preparation.extra,
    )
    notices = [*both.notices]
    if both.extra:
        numbers = f"{len(both.extra):,} of {len(predictions.image_ids):,}"
        changes["predictions:extra"] = f"{numbers} images ignored"
        notices.append(
            f"extra-images: {numbers} predicted images are not annotated and are ignored: {listed(both.extra)}"
        )
    predictions, annotations = both.predictions, both.annotations
    if chosen is not None:
        changes["annotations:only"] = f"{len(chosen):,} of {len(annotations.image_ids):,} images"
        predictions, annotations = predictions.take(chosen), annotations.take(chosen)
        absent = [name for name in annotations.image_ids if name in set(both.absent)]
        if absent and missing == "error":
            raise AlignmentError(
                f"{len(absent)} of {len(chosen)} images of the subset have no predictions: {listed(absent)}; "
                "missing='empty' (--missing empty) scores them as images with no predictions"
            )
    return Aligned(predictions=predictions, annotations=annotations, notices=tuple(notices)), changes


def _renamed(predictions: Predictions, id_map: Mapping[str, str]) -> Predictions:
    """Return predictions with the ids of an id map; raise AlignmentError where it names no predicted image."""
    if not id_map.keys() & set(predictions.image_ids):
        raise AlignmentError(
            f"the id map has none of the predicted images: it has {listed(id_map)}, the predictions have "
            f"{listed(predictions.image_ids)}"
        )
    ids = [id_map.get(name, name) for name in predictions.image_ids]
    twice = repeated_names(ids)
    if twice:
        raise AlignmentError(f"with the id map, several predicted images are called {listed(twice)}")
    return replace(predictions, image_ids=tuple(ids))


def _positions(annotations: Annotations, names: Sequence[str]) -> Integers:
    """Return the annotated images of a list of ids or stems; raise AlignmentError for names without an image."""
    positions = {name: i for i, name in enumerate(annotations.image_ids)}
    stems: dict[str, list[int]] = {}
    for name, i in positions.items():
        stems.setdefault(stem(name), []).append(i)
    chosen, unknown = set(), []
    for name in dict.fromkeys(names):
        found = [positions[name]] if name in positions else stems.get(stem(name), [])
        if len(found) > 1:
            raise AlignmentError(f"the name {name!r} of the subset means {len(found)} annotated images; use whole ids")
        chosen.update(found)
        unknown += [] if found else [name]
    if unknown:
        raise AlignmentError(
            f"{len(unknown)} of {len(set(names))} images of the subset are not annotated: {listed(unknown)}; the "
            f"annotations have {listed(sorted(annotations.image_ids, key=natural_key))}"
        )
    return np.array(sorted(chosen), dtype=np.int64)
