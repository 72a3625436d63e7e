"""From the outputs of a network to columns: rows of points or boxes, and their confidences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from crowdeval.errors import InputError, PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats, as_floats

Activation = Literal["none", "sigmoid", "softmax"]
"""The function from a network's scores to confidences."""


def output_name(option: str, requested: str | None, usual: str, names: Sequence[str]) -> str | None:
    """Return the name of the output that an option names.

    Parameters
    ----------
    option : str
        The option, for the message.
    requested : str, optional
        The value of the option.
    usual : str
        The name of the output by default.
    names : sequence of str
        The outputs of the model.

    Returns
    -------
    str or None
        The requested output; without a request the usual one, or None where the model does not have it.

    Raises
    ------
    UsageError
        If the model has no output of the requested name.

    Examples
    --------
    >>> output_name("scores", None, "scores", ["points", "scores"])
    'scores'
    """
    if requested is None:
        return usual if usual in names else None
    if requested not in names:
        near, known = did_you_mean(requested, names), listed(names, most=40)
        raise UsageError(f"-o {option}={requested}: the model has no such output{near} (it has {known})")
    return requested


def rows_of(output: str, value: Any, least: int) -> Floats:
    """Return an output of points or boxes as rows.

    Parameters
    ----------
    output : str
        The output's name, for the message.
    value : array, (N, K) or (1, N, K)
        The output.
    least : int
        The smallest valid K.

    Returns
    -------
    array of float64, (N, K)
        An empty output of any shape gives (0, ``least``).

    Raises
    ------
    PredictorError
        If the output has another shape, fewer columns, or does not hold numbers.

    Examples
    --------
    >>> rows_of("points", [[[1.0, 2.0, 0.5]]], 2).tolist()
    [[1.0, 2.0, 0.5]]
    """
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.size == 0:
        return np.empty((0, least))
    if array.ndim != 2 or array.shape[1] < least:
        raise PredictorError(f"output {output!r}: expected shape (N, {least}), found {np.shape(value)}")
    return _output_floats(output, array)


def confidences_of(output: str, value: Any, length: int, activation: Activation, label: int) -> Floats:
    """Return the confidences of one class.

    Parameters
    ----------
    output : str
        The output's name, for the message.
    value : array, (N,), (N, 1) or (N, C), or one of these within (1, ...)
        The scores of N points or boxes, of one or of C classes.
    length : int
        N.
    activation : {"none", "sigmoid", "softmax"}
        The function from scores to confidences.
    label : int
        The class, where there are several.

    Returns
    -------
    array of float64, (N,)

    Raises
    ------
    PredictorError
        If the output has another shape, lacks the class, or does not hold numbers, or if softmax gets no dimension of
        classes.

    Examples
    --------
    >>> confidences_of("scores", [[0.0, 1.0], [1.0, 0.0]], 2, "none", 1).tolist()
    [1.0, 0.0]
    """
    array = np.asarray(value)
    # Remove a batch dimension: (1, 5) for 5 points, (1, 5, 2). A (1, 2) for 1 point stays: one point, two classes.
    if array.shape[:2] == (1, length) and (array.ndim == 3 or length != 1):
        array = array[0]
    if array.size == 0 and length == 0:
        return np.empty(0)
    if array.ndim not in (1, 2) or len(array) != length:
        raise PredictorError(f"output {output!r}: expected {length} confidences, found shape {np.shape(value)}")
    score = _output_floats(output, array)
    if activation == "softmax":
        if score.ndim != 2:
            raise PredictorError(f"output {output!r}: softmax needs several classes, found shape {np.shape(value)}")
        powers = np.exp(score - score.max(axis=1, keepdims=True))  # the largest power is 1: no overflow
        score = powers / powers.sum(axis=1, keepdims=True)
    elif activation == "sigmoid":
        score = 0.5 * (1 + np.tanh(score / 2))  # 1 / (1 + exp(-score)), without overflow
    if score.ndim == 1 or score.shape[1] == 1:
        return score.reshape(length)
    if not 0 <= label < score.shape[1]:
        raise PredictorError(
            f"output {output!r}: expected a class {label}, found the classes 0 to {score.shape[1] - 1} (-o label)"
        )
    return score[:, label]


def _output_floats(output: str, array: Any) -> Floats:
    try:
        return as_floats(f"output {output!r}", array)
    except InputError as problem:
        raise PredictorError(str(problem)) from None
