"""``-o key=value``: a predictor's options, checked against the parameters of its class."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdeval.errors import CrowdevalError, MissingFileError, PredictorError, UsageError, did_you_mean, listed, shown

TRUE, FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


def made(maker: Callable[..., Any], name: str, options: Sequence[str] | Mapping[str, Any]) -> Any:
    """Call ``maker`` with the options; parameters and errors are those of ``load_adapter``."""
    parameters = parameters_of(maker, name)
    given = dict(options) if isinstance(options, Mapping) else _read(options, name, parameters)
    unknown = [key for key in given if key not in parameters]
    if unknown:
        known = listed(parameters, most=40) or "none"
        raise OptionError(
            f"the adapter {name!r} has no option {unknown[0]!r}{did_you_mean(unknown[0], parameters)} (it has {known})"
        )
    absent = [key for key, p in parameters.items() if p.default is p.empty and key not in given]
    if absent:
        raise OptionError(f"the adapter {name!r} needs {' and '.join(f'-o {key}=...' for key in absent)}")
    try:
        return maker(**given)
    except MissingFileError as problem:
        raise ModelFileError(f"the adapter {name!r}: {problem}") from None
    except CrowdevalError:
        raise
    except (Exception, SystemExit) as problem:
        raise PredictorError(f"the adapter {name!r} can't be made: {type(problem).__name__}: {problem}") from problem


class OptionError(UsageError, PredictorError):
    """An option of an adapter is unknown, absent or not of its type."""

    exit_code = PredictorError.exit_code


class ModelFileError(MissingFileError, PredictorError):
    """A file that an adapter was given is not there."""

    exit_code = PredictorError.exit_code


def parameters_of(maker: Callable[..., Any], name: str = "") -> dict[str, inspect.Parameter]:
    """Return the named parameters that a predictor's class takes."""
    if not callable(maker):
        raise UsageError(f"the adapter {name!r} is no class: {shown(maker)}")
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {key: p for key, p in inspect.signature(maker, eval_str=True).parameters.items() if p.kind in kinds}


def _read(options: Sequence[str], name: str, parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key:
            raise UsageError(f"expected -o key=value, found {option!r}")
        if key in given:
            raise OptionError(f"the option {key!r} of the adapter {name!r} is given twice")
        given[key] = _value(key, text, parameters[key].annotation) if key in parameters else text
    return given


def _value(key: str, text: str, kind: Any) -> Any:
    """Read a text as the type that a parameter is annotated with; a text where it is not annotated."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    if type(None) in kinds and text.lower() == "none":
        return None
    for one in kinds:
        if typing.get_origin(one) is typing.Literal:
            if text in typing.get_args(one):
                return text
        elif one is bool:
            if text.lower() in TRUE + FALSE:
                return text.lower() in TRUE
        elif one in (int, float):
            try:
                return one(text)
            except ValueError:
                continue
        elif one is Path:
            return Path(text)
        elif one is not type(None):
            return text
    expected = " or ".join(_words(one) for one in kinds if one is not type(None))
    raise OptionError(f"-o {key}={text}: expected {expected}")


def _words(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(str(value) for value in typing.get_args(kind))}"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, str(kind))
