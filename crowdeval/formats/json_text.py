"""JSON read strictly: the line of a syntax error, keys given twice, and which of the JSON formats a file is.

The fast readers decode with msgspec, which collapses repeated keys and says little about an error; what is
here is the slow and careful way that follows when they fail.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from crowdeval.formats.source import Source

Dialect = Literal["json", "jsonl", "coco"]

_LINE = re.compile(rb"[^\n]*\S[^\n]*")
_ONE_IMAGE = re.compile(rb'\s*\{\s*"id"\s*:\s*"')
_COCO_DATASET = re.compile(rb'"annotations"\s*:\s*\[\s*[{\]]')
_COCO_RESULTS = re.compile(rb'\s*\[\s*\{[^{}]{0,100000}"image_id"\s*:')
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_DIGITS = 300


class NotJSON(Exception):
    """Text that is not JSON: what was found, in which line, and a hint."""

    def __init__(self, found: str, line: int, hint: str | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.line = line
        self.hint = hint


class Object(dict[str, Any]):
    """A JSON object that remembers the keys that were given more than once, and at which entries."""

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
    """Return the value of JSON text, objects as ``Object``; NaN and infinite numbers come through as such.

    Raises
    ------
    NotJSON
        If the text is not JSON or nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=Object, parse_int=_integer)
    except json.JSONDecodeError as problem:
        raise _syntax(problem) from None
    except RecursionError:
        raise NotJSON("lists or objects nested too deep", 1) from None


def parse_source(source: Source) -> Any:
    """Return the value of a JSON file; raise FormatError where it is not JSON."""
    try:
        return parse(source.text())
    except NotJSON as problem:
        raise source.error("JSON", problem.found, line=problem.line, hint=problem.hint) from None


def dialect(source: Source) -> Dialect | None:
    """Return which of the JSON formats a file is, from a look at its text; None for anything else."""
    data = source.data.removeprefix(b"\xef\xbb\xbf")
    first = _LINE.search(data)
    if first is None or first.group().lstrip()[:1] not in (b"{", b"["):
        return None
    if first.group().lstrip().startswith(b"["):
        return "coco" if _COCO_RESULTS.match(data) else "json"
    if first.group().rstrip().endswith(b"}"):
        second = _LINE.search(data, first.end())
        if second is not None and second.group().lstrip().startswith(b"{"):
            return "jsonl"
        if second is None and (source.suffix in (".jsonl", ".ndjson") or _ONE_IMAGE.match(data)):
            return "jsonl"
    return "coco" if b'"images"' in data and _COCO_DATASET.search(data) else "json"


def child(key: str, name: str) -> str:
    """Return the key path of an entry of an object.

    >>> child("points", "IMG_4"), child("", "IMG_4"), child("points", "a b")
    ('points.IMG_4', 'IMG_4', 'points["a b"]')
    """
    if not re.fullmatch(r"[\w-]+", name):
        return f"{key}[{json.dumps(name)}]"
    return f"{key}.{name}" if key else name


def encodable(text: str) -> bool:
    """Return whether text is free of lone surrogates, which no UTF-8 file can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _integer(digits: str) -> int | float:
    """Return an integer; beyond what any column holds, the float nearest to it."""
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _syntax(problem: json.JSONDecodeError) -> NotJSON:
    rest = problem.doc[problem.pos :].strip()
    line = problem.lineno
    cut = any(literal.startswith(rest) for literal in _LITERALS) or rest == "-"
    if cut or problem.msg.startswith("Unterminated string"):
        return NotJSON("text that ends in the middle", line, "the file may be truncated")
    found = f"{rest[:20]!r} ({problem.msg[0].lower()}{problem.msg[1:]}, column {problem.colno})"
    if problem.msg.startswith("Extra data"):
        return NotJSON(found, line, "several JSON values after one another: one image a line is the format 'jsonl'")
    if rest[0] == "'":
        return NotJSON(found, line, "JSON strings stand in double quotes")
    if rest[0] in "]}":
        return NotJSON(found, line, "a comma before a closing bracket?")
    if rest.startswith(("True", "False", "None", "nan", "inf", "-inf")):
        return NotJSON(found, line, "Python's spelling; JSON has true, false and null")
    return NotJSON(found, line)
