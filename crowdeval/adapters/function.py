"""A function as a predictor: of a list of images, of one image, or of the pixels of one."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crowdeval.adapters.contract import Image
from crowdeval.adapters.options import OptionError
from crowdeval.errors import did_you_mean, listed

BATCH = ("images", "batch", "imgs", "frames")
"""Names of a first parameter that gets a list of images."""

ONE = ("image", "img", "frame")
"""Names of a first parameter that gets one image."""

PIXELS = ("pixels", "array", "rgb", "x")
"""Names of a first parameter that gets the pixels of one image, an array (H, W, 3)."""


def is_detector(value: Any) -> bool:
    """Return whether an object is a function that predicts, and not one that creates a predictor.

    Parameters
    ----------
    value : object
        The object that an adapter's name stands for.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_detector(lambda images: [[] for image in images]), is_detector(lambda file: None)
    (True, False)
    """
    if not callable(value) or isinstance(value, type) or callable(getattr(value, "predict", None)):
        return False
    first = next(iter(inspect.signature(value).parameters.values()), None)
    return first is not None and first.default is first.empty and first.name in (*BATCH, *ONE, *PIXELS)


class FunctionPredictor:
    """The predictor of a function.

    Parameters
    ----------
    function : callable
        Its first parameter is called ``images``, and it returns one answer for each; or ``image``, and it returns one
        answer; or ``pixels``, and it gets the array (H, W, 3) of RGB in uint8.
    options : mapping
        Values of its other parameters.

    Attributes
    ----------
    name, revision : str
        The name of the function, and the hash of its source.

    Examples
    --------
    >>> def corner(pixels):
    ...     return [[pixels.shape[1], pixels.shape[0]]]
    >>> FunctionPredictor(corner).name
    'corner'
    """

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any] | None = None) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        known = [each.name for each in parameters[1:] if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        options = dict(options or {})
        name = getattr(function, "__name__", type(function).__name__)
        for key in options:
            if key not in known:
                near = did_you_mean(key, known)
                raise OptionError(
                    f"the function {name!r} has no option {key!r}{near} (it has {listed(known) or 'none'})"
                )
        absent = [each.name for each in parameters[1:] if each.name in known and each.default is each.empty]
        absent = [each for each in absent if each not in options]
        if absent:
            raise OptionError(f"the function {name!r} needs {' and '.join(f'-o {each}=...' for each in absent)}")
        self.name = name
        self.revision = _hash(function)
        self._first = parameters[0].name
        self._function = functools.partial(function, **options)

    def predict(self, images: Sequence[Image]) -> Sequence[Any]:
        """Return the answers of the function."""
        if self._first in BATCH:
            answers: Sequence[Any] = self._function(images)
            return answers
        return [self._function(image.pixels if self._first in PIXELS else image) for image in images]


def _hash(function: Callable[..., Any]) -> str:
    """Return a hash of the source of a function; of its name where there is no source."""
    plain = function if hasattr(function, "__name__") else type(function)
    try:
        text = inspect.getsource(inspect.unwrap(plain))
    except (OSError, TypeError):
        text = getattr(plain, "__qualname__", "")
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
