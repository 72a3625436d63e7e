"""The JSON Schema (draft 2020-12) of native JSON files."""

from __future__ import annotations

from typing import Any

from crowdeval.formats.contract import Kind
from crowdeval.formats.image_objects import LARGEST_COUNT, LARGEST_LEVEL, format_mark
from crowdeval.points.ragged import LARGEST

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of native predictions or annotations.

    The readers check three rules that a schema can't express: every image stands once, an image has as many scores as
    points, and all images with points have scores or none has.

    Parameters
    ----------
    kind : {"predictions", "annotations"}
        The kind of file.

    Returns
    -------
    dict
        The schema, ready for ``json.dumps``.

    Examples
    --------
    >>> schema("predictions")["title"]
    'crowdeval/predictions@1'
    """
    width = {"minItems": 2, "maxItems": 3} if kind == "predictions" else {"minItems": 2, "maxItems": 2}
    short = {
        "description": "Points by image id; a third number is the score, on every row or on none.",
        "type": "object",
        "additionalProperties": _list_of({"type": "array", "items": {"type": "number"}, **width}),
    }
    images = {"type": "array", "items": {"$ref": "#/$defs/image"}}
    mark = {"const": format_mark(kind)}
    return {
        "$schema": _DIALECT,
        "title": format_mark(kind),
        "description": f"{kind.capitalize()} of points in images; continuous pixels, origin top left.",
        "anyOf": [
            _object({"format": mark, "images": images}, required=["images"]),
            _object({"format": mark, "points": short}, required=["points"]),
            images,
            short,
        ],
        "$defs": {"image": _predicted_image() if kind == "predictions" else _annotated_image()},
    }


def _predicted_image() -> dict[str, Any]:
    count = {
        "description": "Estimated count of people, beside the points or instead of them.",
        "type": "number",
        "minimum": 0,
        "maximum": LARGEST_COUNT,
    }
    scores = {"description": "Confidence of every point.", **_list_of({"type": "number"})}
    sides = _sides("frame that the points are in, where it may not be that of the image,")
    properties = {"id": _id(), "points": _points(), "scores": scores, "count": count, "labels": _labels(), **sides}
    return {**_object(properties, required=["id"]), **_POINTS_OR_COUNT, **_BOTH_SIDES}


def _annotated_image() -> dict[str, Any]:
    count = {
        "description": "True count of people, instead of the points.",
        "type": "integer",
        "minimum": 0,
        "maximum": LARGEST_COUNT,
    }
    scalar = {"type": ["string", "number", "boolean", "null"]}
    image = _object(
        {
            "id": _id(),
            "points": _points(),
            "count": count,
            "labels": _labels(),
            **_sides("image"),
            "boxes": {"description": "Head box x1, y1, x2, y2 of every point.", **_list_of(_row(4))},
            "radii": {"description": "sigma_s, sigma_l of every point, in pixels.", **_list_of(_row(2))},
            "levels": {
                "description": "Head-area level of every point.",
                **_list_of({"type": "integer", "minimum": 0, "maximum": LARGEST_LEVEL}),
            },
            "attributes": {
                "description": "Other values of the image.",
                "type": "object",
                "additionalProperties": scalar,
            },
            "point_attributes": {
                "description": "Other values, one for every point.",
                "type": "object",
                "additionalProperties": _list_of(scalar),
            },
        },
        required=["id"],
    )
    return {**image, **_POINTS_OR_COUNT, **_BOTH_SIDES}


_POINTS_OR_COUNT = {"anyOf": [{"required": ["points"]}, {"required": ["count"]}]}
_BOTH_SIDES = {"dependentRequired": {"width": ["height"], "height": ["width"]}}


def _sides(of: str) -> dict[str, Any]:
    side = {"type": "number", "exclusiveMinimum": 0}
    words = {"width": "Width", "height": "Height"}
    return {name: {"description": f"{word} of the {of} in pixels.", **side} for name, word in words.items()}


def _labels() -> dict[str, Any]:
    return {"description": "Class of every point; an empty text is none.", **_list_of({"type": "string"})}


def _id() -> dict[str, Any]:
    return {"description": "The image's name, unique in the file.", "type": "string", "minLength": 1}


def _points() -> dict[str, Any]:
    row = _row(2)
    row["items"] |= {"minimum": -LARGEST, "maximum": LARGEST}
    return {"description": "Points x, y in pixels.", **_list_of(row)}


def _row(width: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "number"}, "minItems": width, "maxItems": width}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
