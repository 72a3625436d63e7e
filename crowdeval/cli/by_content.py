"""A file whose kind no one has named, read as predictions and as annotations; its content decides."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from crowdeval.errors import FormatError, UsageError
from crowdeval.sources import Input

if TYPE_CHECKING:
    from crowdeval.formats import Images
    from crowdeval.points.sets import Annotations, Predictions


@dataclass
class _Attempt:
    """The result of reading a file as predictions or as annotations: content or error, and the warnings."""

    content: Predictions | Annotations | None = None
    failure: FormatError | None = None
    caught: list[warnings.WarningMessage] = field(default_factory=list)


def read_by_content(
    source: Input,
    *,
    root: str | None = None,
    cache: bool = True,
    images: Images = None,
    undecided: Literal["", "predictions"] = "",
) -> Predictions | Annotations:
    """Read a file as predictions and as annotations, and return what fits its content, with only its warnings.

    Parameters
    ----------
    source : Input
        The file; a dataset is annotations.
    root, cache, images
        As for ``Input.annotations``.
    undecided : {"", "predictions"}
        What a file is that can be both; by default an error.

    Returns
    -------
    Predictions or Annotations

    Raises
    ------
    FormatError
        If it can't be read as either; the error is that of the kind whose columns the file has.
    UsageError
        If it can be both.
    """
    if source.kind == "dataset":
        return source.annotations(root=root, cache=cache)
    if images is not None:
        from crowdeval.formats import read_image_list

        images = read_image_list(images)
    attempts = [
        _attempt(lambda: source.predictions(images=images)),
        _attempt(lambda: source.annotations(root=root, cache=cache, images=images)),
    ]
    valid = [attempt for attempt in attempts if attempt.content is not None]
    if not valid:
        failed = max(attempts, key=_fits).failure
        assert failed is not None, "an attempt without content has an error"
        raise failed
    as_predictions = attempts[0].failure
    if undecided and as_predictions is not None and _fits(attempts[0])[0] and attempts[1].caught:
        raise as_predictions  # it has a column that annotations have not, and as predictions it has problems
    chosen = valid[0] if len(valid) == 1 else next((each for each in valid if _has_own_columns(each.content)), None)
    if chosen is None and undecided:
        chosen = valid[0]
    if chosen is None or chosen.content is None:
        raise UsageError(
            f"{source.name} can be read as predictions and as annotations: add --as predictions or --as annotations"
        )
    for warning in chosen.caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return chosen.content


def _attempt(read: Callable[[], Predictions | Annotations]) -> _Attempt:
    with warnings.catch_warnings(record=True) as caught:
        try:
            return _Attempt(content=read(), caught=caught)
        except FormatError as failure:
            return _Attempt(failure=failure, caught=caught)


def _fits(attempt: _Attempt) -> tuple[bool, int]:
    """Return how well a failed attempt fits the file: none of its columns is foreign, and it read the most of it."""
    assert attempt.failure is not None, "only failed attempts are compared"
    problems = attempt.failure.problems
    foreign = any("belong" in problem.found for problem in problems) or bool(attempt.caught)
    placed = any(problem.line is not None or problem.key for problem in problems)
    return not foreign and placed, attempt.failure.total


def _has_own_columns(content: object) -> bool:
    """Return whether a set has a column that only predictions, or only annotations, can have."""
    from crowdeval.points.sets import Annotations, Predictions

    if isinstance(content, Predictions):
        return content.score is not None or (content.counts is not None and content.located)
    assert isinstance(content, Annotations), "there is no third kind"
    columns = (content.boxes, content.radii, content.level, content.sizes)
    return not content.located or any(column is not None for column in columns) or bool(content.attributes)
