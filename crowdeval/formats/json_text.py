"""Strict JSON: lines of syntax errors, and repeated keys.

The fast readers decode with msgspec, which keeps one of several equal keys and has short error messages. The slow
reader of this module runs only where they fail, and finds the line and the key of every error.
"""

from __future__ import annotations

import json
import re
from typing import Any

from crowdeval.formats.source import Source

_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_DIGITS = 300


class NotJSON(Exception):
    """A text is not JSON.

    Attributes
    ----------
    found : str
        The text in the place of the error, in words.
    line : int
        The line of the text, counted from 1.
    hint : str or None
        A possible mend.
    """

    def __init__(self, found: str, line: int, hint: str | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.line = line
        self.hint = hint


class Object(dict[str, Any]):
    """A JSON object that also has its repeated keys.

    Parameters
    ----------
    pairs : list of (str, value)
        The entries of the object as the text has them; the last one of equal keys is kept.

    Attributes
    ----------
    repeated : dict of str to list of int
        The keys that stand more than once, with the positions of their entries.

    Examples
    --------
    >>> Object([("a", 1), ("b", 2), ("a", 3)]).repeated
    {'a': [0, 2]}
    """

    repeated: dict[str, list[int]]

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {}
        if len(self) != len(pairs):
            places: dict[str, list[int]] = {}
            for i, (key, _) in enumerate(pairs):
                places.setdefault(key, []).append(i)
            self.repeated = {key: at for key, at in places.items() if len(at) > 1}


def parse(text: str) -> Any:
    """Return the value of a JSON text.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    object
        Objects are ``Object``; the words NaN and Infinity are read as the numbers.

    Raises
    ------
    NotJSON
        If the text is not JSON or nested too deep.

    Examples
    --------
    >>> parse('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    """
    try:
        return json.loads(text, object_pairs_hook=Object, parse_int=_integer)
    except json.JSONDecodeError as problem:
        raise _syntax_error(problem) from None
    except RecursionError:
        raise NotJSON("lists or objects nested too deep", 1) from None


def parse_source(source: Source) -> Any:
    """Return the value of a JSON file, as ``parse`` does.

    Parameters
    ----------
    source : Source
        The file.

    Returns
    -------
    object

    Raises
    ------
    FormatError
        If the file is not UTF-8 text or not JSON.

    Examples
    --------
    >>> parse_source(Source("a.json", b'{"a": []}'))
    {'a': []}
    """
    try:
        return parse(source.text())
    except NotJSON as problem:
        raise source.error("JSON", problem.found, line=problem.line, hint=problem.hint) from None


def child_key(key: str, name: str) -> str:
    """Return the key path of an entry of an object.

    Parameters
    ----------
    key : str
        The key path of the object; empty at the top of a file.
    name : str
        The key of the entry.

    Returns
    -------
    str

    Examples
    --------
    >>> child_key("points", "IMG_4"), child_key("", "IMG_4"), child_key("points", "a b")
    ('points.IMG_4', 'IMG_4', 'points["a b"]')
    """
    if not re.fullmatch(r"[\w-]+", name):
        return f"{key}[{json.dumps(name)}]"
    return f"{key}.{name}" if key else name


def is_encodable(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which UTF-8 can't store.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_encodable("é"), is_encodable(chr(0xD800))
    (True, False)
    """
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _integer(digits: str) -> int | float:
    """Return an integer, or the nearest float where it is too long for any column (and slow to convert)."""
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _syntax_error(problem: json.JSONDecodeError) -> NotJSON:
    """Return the error of the json module in the words of this package, with a hint for frequent causes."""
    rest = problem.doc[problem.pos :].strip()
    line = problem.lineno
    cut = any(literal.startswith(rest) for literal in _LITERALS) or rest == "-"
    if cut or problem.msg.startswith("Unterminated string"):
        return NotJSON("text that ends in the middle", line, "the file may be truncated")
    found = f"{rest[:20]!r} ({problem.msg[0].lower()}{problem.msg[1:]}, column {problem.colno})"
    if problem.msg.startswith("Extra data"):
        return NotJSON(found, line, "several JSON values: for one image in every line, name the format 'jsonl'")
    if rest[0] == "'":
        return NotJSON(found, line, "write strings in double quotes")
    if rest[0] in "]}":
        return NotJSON(found, line, "is there a comma before a closing bracket?")
    if rest.startswith(("True", "False", "None", "nan", "inf", "-inf")):
        return NotJSON(found, line, "this is Python's spelling: write true, false or null")
    return NotJSON(found, line)
