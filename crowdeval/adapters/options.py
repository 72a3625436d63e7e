"""The options of a predictor, ``-o key=value``: converted and checked by the parameters of its class."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdeval.errors import CrowdevalError, MissingFileError, PredictorError, UsageError, did_you_mean, listed, shown

TRUE, FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
"""Texts of an option that is a bool."""


def create_predictor(maker: Callable[..., Any], name: str, options: Sequence[str] | Mapping[str, Any]) -> Any:
    """Call a predictor's class with its options, after a check against its parameters.

    Parameters
    ----------
    maker : callable
        The class, or a function that returns a predictor.
    name : str
        The adapter's name, for messages.
    options : sequence of str or mapping
        ``"key=value"`` texts, converted by the annotations of the parameters, or the values themselves.

    Returns
    -------
    object
        The result of ``maker``.

    Raises
    ------
    UsageError
        If ``maker`` is not callable, or a text is not of the form ``key=value``.
    OptionError
        If an option is unknown, absent, given twice or not of its type.
    ModelFileError
        If a file that an option names does not exist.
    PredictorError
        If ``maker`` raises.

    Examples
    --------
    >>> def maker(*, side: int = 32) -> str:
    ...     return f"a predictor of side {side}"
    >>> create_predictor(maker, "example", ["side=24"])
    'a predictor of side 24'
    """
    parameters = parameters_of(maker, name)
    values = converted_options(maker, name, options)
    unknown = [key for key in values if key not in parameters]
    if unknown:
        known = listed(parameters, most=40) or "none"
        raise OptionError(
            f"the adapter {name!r} has no option {unknown[0]!r}{did_you_mean(unknown[0], parameters)} (it has {known})"
        )
    absent = [key for key, p in parameters.items() if p.default is p.empty and key not in values]
    if absent:
        raise OptionError(f"the adapter {name!r} needs {' and '.join(f'-o {key}=...' for key in absent)}")
    try:
        return maker(**values)
    except MissingFileError as problem:
        raise ModelFileError(f"the adapter {name!r}: {problem}") from None
    except CrowdevalError:
        raise
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"the adapter {name!r} can't be created: {type(problem).__name__}: {problem}") from problem


def converted_options(
    maker: Callable[..., Any], name: str, options: Sequence[str] | Mapping[str, Any]
) -> dict[str, Any]:
    """Return options as values, converted by the annotations of the parameters.

    Parameters
    ----------
    maker, name, options
        The same as for ``create_predictor``.

    Returns
    -------
    dict of str to object

    Raises
    ------
    UsageError
        If a text is not of the form ``key=value``.
    OptionError
        If an option is given twice or not of its type.

    Examples
    --------
    >>> converted_options(lambda images, side=3: [], "f", {"side": 5})
    {'side': 5}
    """
    return dict(options) if isinstance(options, Mapping) else _read_options(options, name, parameters_of(maker, name))


class OptionError(UsageError, PredictorError):
    """An option of an adapter is unknown, absent, given twice or not of its type."""

    exit_code = UsageError.exit_code


class ModelFileError(MissingFileError, PredictorError):
    """A file that an option of an adapter names does not exist."""

    exit_code = PredictorError.exit_code


def parameters_of(maker: Callable[..., Any], name: str = "") -> dict[str, inspect.Parameter]:
    """Return the parameters of a predictor's class that are options.

    Parameters
    ----------
    maker : callable
        The class, or a function that returns a predictor.
    name : str
        The adapter's name, for messages.

    Returns
    -------
    dict of str to inspect.Parameter
        The parameters that can be given by name, without ``*args`` and ``**kwargs``; annotations are types, not texts.

    Raises
    ------
    UsageError
        If ``maker`` is not callable.

    Examples
    --------
    >>> def maker(*, side: int = 32) -> None: ...
    >>> parameters_of(maker)["side"].default
    32
    """
    if not callable(maker):
        raise UsageError(f"the adapter {name!r} is not a class: found {shown(maker)}")
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {key: p for key, p in inspect.signature(maker, eval_str=True).parameters.items() if p.kind in kinds}


def _read_options(options: Sequence[str], name: str, parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key:
            raise UsageError(f"expected -o key=value, found {option!r}")
        if key in values:
            raise OptionError(f"the option {key!r} of the adapter {name!r} is given twice")
        values[key] = _convert(key, text, _type_of(parameters[key])) if key in parameters else text
    return values


def _type_of(parameter: inspect.Parameter) -> Any:
    """Return the annotation of a parameter; without one, the type of its default where that is a number or a path."""
    default = parameter.default
    bare = parameter.annotation is parameter.empty and isinstance(default, bool | int | float | Path)
    if not bare:
        return parameter.annotation
    if isinstance(default, Path):
        return Path
    return int | float if type(default) is int else type(default)


def _convert(key: str, text: str, annotation: Any) -> Any:
    """Return a text as the type that the parameter's annotation names; a text where it names no known type."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds = typing.get_args(annotation) if is_union else (annotation,)
    if type(None) in kinds and text.lower() == "none":
        return None
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            if text in typing.get_args(kind):
                return text
        elif kind is bool:
            if text.lower() in TRUE + FALSE:
                return text.lower() in TRUE
        elif kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        elif kind is Path:
            return Path(text)
        elif kind is not type(None):
            return text
    expected = " or ".join(_type_in_words(kind) for kind in kinds if kind is not type(None))
    raise OptionError(f"-o {key}={text}: expected {expected}")


def _type_in_words(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(str(value) for value in typing.get_args(kind))}"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, str(kind))
