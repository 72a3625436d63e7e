"""From a network's outputs to columns: rows of points or boxes, one confidence each, one class each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from crowdeval.errors import InputError, PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats, floats

Activation = Literal["none", "sigmoid", "softmax"]


def output_name(option: str, asked: str | None, usual: str, names: Sequence[str]) -> str | None:
    """Return the output that is asked for, else the one of the usual name, else None."""
    if asked is None:
        return usual if usual in names else None
    if asked not in names:
        known = listed(names, most=40)
        raise UsageError(
            f"-o {option}={asked}: the model has no such output{did_you_mean(asked, names)} (it has {known})"
        )
    return asked


def rows_of(output: str, value: Any, least: int) -> Floats:
    """Return an output (N, K) or (1, N, K) as (N, K) with K at least ``least``."""
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.size == 0:
        return np.empty((0, least))
    if array.ndim != 2 or array.shape[1] < least:
        raise PredictorError(f"output {output!r}: expected shape (N, {least}), found {np.shape(value)}")
    return _numbers(output, array)


def confidences_of(output: str, value: Any, length: int, activation: Activation, label: int) -> Floats:
    """Return an output (N,), (N, 1) or, of several classes, (N, C), each perhaps within (1, ...), as (N,)."""
    array = np.asarray(value)
    if array.shape[:2] == (1, length) and (array.ndim == 3 or length != 1):
        array = array[0]
    if array.size == 0 and length == 0:
        return np.empty(0)
    if array.ndim not in (1, 2) or len(array) != length:
        raise PredictorError(f"output {output!r}: expected {length} confidences, found shape {np.shape(value)}")
    score = _numbers(output, array)
    if activation == "softmax":
        if score.ndim != 2:
            raise PredictorError(f"output {output!r}: softmax needs several classes, found shape {np.shape(value)}")
        powers = np.exp(score - score.max(axis=1, keepdims=True))
        score = powers / powers.sum(axis=1, keepdims=True)
    elif activation == "sigmoid":
        score = 0.5 * (1 + np.tanh(score / 2))
    if score.ndim == 1 or score.shape[1] == 1:
        return score.reshape(length)
    if not 0 <= label < score.shape[1]:
        raise PredictorError(f"output {output!r} has {score.shape[1]} classes, none of them {label}; see -o label=...")
    return score[:, label]


def _numbers(output: str, array: Any) -> Floats:
    try:
        return floats(f"output {output!r}", array)
    except InputError as problem:
        raise PredictorError(str(problem)) from None
