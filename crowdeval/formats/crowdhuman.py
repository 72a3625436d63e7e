"""CrowdHuman (``.odgt``): one JSON object a line, with the boxes of the people of one image.

    {"ID": "273271", "gtboxes": [{"tag": "person", "hbox": [x, y, width, height], ...}, ...]}
    {"ID": "273271", "dtboxes": [{"box": [x, y, width, height], "score": 0.9}, ...]}

True points are the centres of head boxes (``hbox``). Boxes that CrowdHuman tells to ignore, and masks, which stand for
groups of people, are not read. Results are the centres of ``dtboxes``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crowdeval.errors import shown
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import NotJSON, Object, parse, parse_source
from crowdeval.formats.json_values import numbers_at, object_at, objects_at, text_at
from crowdeval.formats.reading import FileImage, Reading

_BOX = "a box [x, y, width, height]"
_WORDS = {"gtboxes": "the annotations of CrowdHuman (gtboxes)", "dtboxes": "results (dtboxes)"}


def _read(reading: Reading) -> None:
    """Read one file."""
    wanted, other = ("dtboxes", "gtboxes") if reading.kind == "predictions" else ("gtboxes", "dtboxes")
    for key, entry in _entries(reading):
        if wanted not in entry and other in entry:
            reading.problem(_WORDS[wanted], _WORDS[other], key=key)
            return
        name = text_at(reading, entry.get("ID"), f"{key} ID", "the name of an image")
        image = reading.image(name, size=(entry.get("width"), entry.get("height")), key=key)
        for place, box in objects_at(reading, entry.get(wanted), f"{key} {wanted}"):
            if wanted == "dtboxes":
                _add(reading, image, box.get("box"), f"{place}.box", score=box.get("score"))
            elif not _is_passed_over(reading, box, place):
                _add(reading, image, box.get("hbox"), f"{place}.hbox")
    if reading.kind == "predictions":
        reading.note("the boxes of the results are taken for boxes of heads")


def _entries(reading: Reading) -> Iterator[tuple[str, Object]]:
    """Yield the objects of a file with their places: one a line, or those of a JSON list."""
    lines = reading.source.text().split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if not first.endswith("}"):
        value = parse_source(reading.source)
        yield from objects_at(reading, value if isinstance(value, list) else [value], "")
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = object_at(reading, parse(line), f"line {number}", "an object with ID and boxes")
        except NotJSON as problem:
            reading.problem("JSON", problem.found, line=number, hint=problem.hint)
            continue
        if entry is not None:
            yield f"line {number}", entry


def _is_passed_over(reading: Reading, box: Object, key: str) -> bool:
    """Return whether a true box is no head to find, and count it then."""
    tag = box.get("tag", "person")
    if not isinstance(tag, str):
        reading.problem("'person' or 'mask'", shown(tag), key=f"{key}.tag")
        return True
    marks = [_ignored(reading, box.get(name), f"{key}.{name}") for name in ("head_attr", "extra")]
    if tag != "person":
        reading.pass_over("mask" if tag == "mask" else f"{tag[:40]} box")
    elif any(marks):
        reading.pass_over("ignored box")
    return tag != "person" or any(marks)


def _ignored(reading: Reading, attributes: Any, key: str) -> bool:
    """Return whether attributes of a box have the mark to ignore it."""
    marks = Object([]) if attributes is None else object_at(reading, attributes, key)
    ignore = None if marks is None else marks.get("ignore")
    if ignore not in (0, 1, None):
        reading.problem("0 or 1", shown(ignore), key=f"{key}.ignore")
    return ignore == 1


def _add(reading: Reading, image: FileImage, value: Any, key: str, *, score: Any = None) -> None:
    """Add the centre of a box."""
    sides = numbers_at(reading, value, key, _BOX, image=image.name)
    if sides is not None:
        x, y, width, height = sides
        reading.box(image, (x, y, x + width, y + height), score=score, key=key)


CROWDHUMAN = ForeignFormat(
    "crowdhuman", (".odgt",), "CrowdHuman: head boxes of people, and results", is_kind("crowdhuman"), _read
)
