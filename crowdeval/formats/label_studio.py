"""JSON of Label Studio: keypoints and centres of rectangles, in its exports JSON and JSON-MIN.

True points are those of the one annotation of a task that is not cancelled, or of the one that is the ground truth.
Predictions are the last of the ``predictions`` of a task. A task without any is not annotated, or not predicted, and
is left out. JSON-MIN has one annotation an object and no predictions; it is read as it stands.

The id of an image is the last part of its path or URL, without the eight hexadecimal digits and the hyphen that Label
Studio puts before the names of uploaded files. Coordinates are percent of the sides of the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from crowdeval.errors import listed, shown
from crowdeval.formats.contract import counted
from crowdeval.formats.foreign import ForeignFormat
from crowdeval.formats.json_kinds import is_kind
from crowdeval.formats.json_text import Object, parse_source
from crowdeval.formats.json_values import file_name, numbers_at, object_at, objects_at, text_at
from crowdeval.formats.reading import FileImage, Reading, Size
from crowdeval.options import IMAGE_SUFFIXES

_POINTS = ("keypointlabels", "keypoint")
_BOXES = ("rectanglelabels", "rectangle")
_WORDS = {
    "polygonlabels": "polygon", "polygon": "polygon", "brushlabels": "mask", "brush": "mask",
    "ellipselabels": "ellipse", "ellipse": "ellipse",
}  # fmt: skip
"""Words for the types of results that are no points; others keep the name that they have."""

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
_PERCENT = (100.0, 100.0)


@dataclass(frozen=True, slots=True)
class _Region:
    """One result of a task: its type, the value with the coordinates, and the object with the size of the image."""

    key: str
    kind: str
    value: Object
    frame: Object
    score: Any = None


def _read(reading: Reading) -> None:
    """Read one file."""
    left_out: list[str] = []
    read = 0
    tasks = parse_source(reading.source)
    for key, task in objects_at(reading, tasks, ""):
        if isinstance(task.get("data", ""), str):  # a task of JSON-MIN, whose image can have this name
            name = _image_name(reading, task, key)
            regions = list(_small_regions(reading, task, key))
        else:
            data = object_at(reading, task["data"], f"{key}.data") or Object([])
            name = _image_name(reading, data, f"{key}.data")
            chosen = (_prediction if reading.kind == "predictions" else _annotation)(reading, task, key)
            if chosen is None:
                left_out.append(name)
                continue
            regions = list(_regions(reading, *chosen))
        read += 1
        _add(reading, name, regions, key)
    if left_out and not read and not reading.problems:
        _refuse_other_kind(reading, tasks)
    elif left_out:
        reading.note(f"{counted(len(left_out), 'task')} without {reading.kind} left out: {listed(left_out, most=3)}")


def _refuse_other_kind(reading: Reading, tasks: list[Object]) -> None:
    """Add the problem of a file in which no task has what is read."""
    other = "annotations" if reading.kind == "predictions" else "predictions"
    found = f"only {other}" if any(task.get(other) for task in tasks) else "none"
    reading.problem(f"tasks with {reading.kind}", found)


def _annotation(reading: Reading, task: Object, key: str) -> tuple[Object, str] | None:
    """Return the annotation that counts, with its place; None where a task has none."""
    place = f"{key}.annotations"
    found = [
        (entry, where)
        for where, entry in objects_at(reading, task.get("annotations", []), place)
        if not entry.get("was_cancelled")
    ]
    if len(found) > 1:
        true = [pair for pair in found if pair[0].get("ground_truth") is True]
        if len(true) != 1:
            hint = "mark one of them as ground truth in Label Studio"
            reading.problem("one annotation that is not cancelled", f"{len(found)}", key=place, hint=hint)
        found = true
    return found[0] if found else None


def _prediction(reading: Reading, task: Object, key: str) -> tuple[Object, str] | None:
    """Return the last prediction of a task, with its place; None where it has none."""
    place, found = f"{key}.predictions", task.get("predictions", [])
    if not isinstance(found, list):
        reading.problem("a list", shown(found), key=place)
        return None
    if not found:
        return None
    if len(found) > 1:
        reading.note("of several predictions of a task the last one is read")
    place = f"{place}[{len(found) - 1}]"
    entry = object_at(reading, found[-1], place, "a prediction with its result")
    return None if entry is None else (entry, place)


def _regions(reading: Reading, entry: Object, key: str) -> Iterator[_Region]:
    """Yield the results of an annotation or a prediction."""
    for place, result in objects_at(reading, entry.get("result"), f"{key}.result"):
        kind, value = result.get("type"), result.get("value")
        if not isinstance(kind, str):
            reading.problem("the type of a result", shown(kind), key=f"{place}.type")
        elif kind not in (*_POINTS, *_BOXES):
            reading.pass_over(_WORDS.get(kind, f"{kind[:40]} result"))
        else:
            found = object_at(reading, value, f"{place}.value", "an object with x and y")
            score = entry.get("score") if result.get("score") is None else result["score"]
            if found is not None:
                yield _Region(f"{place}.value", kind, found, result, score if reading.kind == "predictions" else None)


def _small_regions(reading: Reading, task: Object, key: str) -> Iterator[_Region]:
    """Yield the results of a task of JSON-MIN, in which the keys of a result say its type."""
    for name, results in task.items():
        for i, result in enumerate(results if isinstance(results, list) else ()):
            if not isinstance(result, Object):
                continue  # an entry of the user's own data
            kind = next((word for word in result if word.endswith("labels")), None)
            if kind is None and "x" in result and "y" in result:
                kind = "rectangle" if "height" in result else "keypoint"
            if kind in _POINTS or kind in _BOXES:
                place = f"{key}.{name}[{i}]"
                object_at(reading, result, place)
                yield _Region(place, kind, result, result)
            else:
                reading.pass_over(_WORDS.get(kind or "", f"{(kind or name)[:40]} result"))


def _add(reading: Reading, name: str, regions: list[_Region], key: str) -> None:
    """Add an image with its points."""
    image = reading.image(name, size=_size(reading, name, regions), unit=_PERCENT, key=key)
    controls = {name[:40] for name in (region.frame.get("to_name") for region in regions) if isinstance(name, str)}
    if len(controls) > 1:
        reading.problem("one image a task", f"results for {listed(sorted(controls))}", key=key, image=name)
    for region in regions:
        value, score = region.value, region.score
        label = _label(reading, region)
        turned = region.frame.get("image_rotation") or (region.kind in _BOXES and value.get("rotation"))
        if turned:
            found = f"a rotation of {shown(turned)} degrees"
            reading.problem("an image and rectangles that are not rotated", found, key=region.key, image=name)
        elif region.kind in _POINTS:
            reading.point(image, value.get("x"), value.get("y"), score=score, label=label, key=region.key)
        else:
            _add_box(reading, image, region, label)


def _add_box(reading: Reading, image: FileImage, region: _Region, label: str) -> None:
    """Add the centre of a rectangle."""
    values = [region.value.get(word) for word in ("x", "y", "width", "height")]
    sides = numbers_at(reading, values, region.key, "a rectangle [x, y, width, height]", image=image.name)
    if sides is not None:
        x, y, width, height = sides
        reading.box(image, (x, y, x + width, y + height), score=region.score, label=label, key=region.key)


def _size(reading: Reading, image: str, regions: list[_Region]) -> Size | None:
    """Return the size of the image, which every result repeats; a problem where they differ."""
    size: Size | None = None
    for region in regions:
        sides = [region.frame.get(word) for word in ("original_width", "original_height")]
        if sides == [None, None]:
            continue
        expected = "the size of the image [original_width, original_height]"
        numbers = numbers_at(reading, sides, region.key, expected, image=image)
        if numbers is None:
            return None
        if size is not None and numbers != size:
            found = f"{shown(list(size))} and {shown(list(numbers))}"
            reading.problem("results of one size of the image", found, key=region.key, image=image)
        size = (numbers[0], numbers[1])
    return size


def _label(reading: Reading, region: _Region) -> str:
    """Return the class of a result, which Label Studio writes as a list."""
    name = region.kind if region.kind.endswith("labels") else "labels"
    found, key = region.value.get(name), f"{region.key}.{name}"
    if isinstance(found, list) and len(found) < 2:
        return text_at(reading, found[0] if found else None, key)
    if found is None:
        return ""
    reading.problem("a list of one class", shown(found), key=key)
    return ""


def _image_name(reading: Reading, values: Object, key: str) -> str:
    """Return the id of the image of a task: of the one path of an image among its values, or of ``image``."""
    texts = {word: _path(value) for word, value in values.items() if isinstance(value, str)}
    pictures = [word for word, path in texts.items() if path.lower().endswith(IMAGE_SUFFIXES)]
    if len(pictures) == 1:
        word = pictures[0]
    elif "image" in texts:
        word = "image"
    elif len(texts) == 1:
        word = next(iter(texts))
    else:
        reading.problem("the path or URL of one image", listed(texts) or "none", key=key)
        return f"task {key}"
    if texts[word].startswith("data:"):
        reading.problem("the path or URL of an image", "the image itself", key=f"{key}.{word}")
        return f"task {key}"
    path = text_at(reading, texts[word], f"{key}.{word}", "the path of an image")
    folders = path.replace("\\", "/").split("/")[:-1]
    name = file_name(path)
    return _UPLOAD.sub("", name, count=1) if _UPLOAD.match(name) and (not folders or "upload" in folders) else name


def _path(value: str) -> str:
    """Return the path in a URL without its query; that of a local file is in the query."""
    if "?d=" in value:
        return unquote(value.partition("?d=")[2])
    if value.startswith(("http://", "https://")):
        return unquote(re.split(r"[?#]", value, maxsplit=1)[0])
    return value


LABEL_STUDIO = ForeignFormat(
    "label-studio", (".json",), "JSON and JSON-MIN of Label Studio: points, centres of rectangles",
    is_kind("label-studio"), _read,
)  # fmt: skip
