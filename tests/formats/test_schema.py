"""The JSON Schema describes the files that the reader accepts."""

import pytest

from crowdeval.formats.image_objects import AnnotatedImage, PredictedImage
from crowdeval.formats.schema import schema


@pytest.mark.parametrize(("kind", "image"), [("predictions", PredictedImage), ("annotations", AnnotatedImage)])
def test_an_image_object_has_the_keys_that_are_read(kind, image):
    described = schema(kind)["$defs"]["image"]
    assert set(described["properties"]) == set(image.__struct_fields__)
    assert described["additionalProperties"] is False
    required = image.__struct_fields__[: len(image.__struct_fields__) - len(image.__struct_defaults__)]
    assert tuple(described["required"]) == required


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_it_names_its_draft_and_the_four_forms(kind):
    value = schema(kind)
    assert value["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert value["title"] == f"crowdeval/{kind}@1"
    assert len(value["anyOf"]) == 4


def test_the_schema_is_valid_and_accepts_written_files(truth, one_point):
    jsonschema = pytest.importorskip("jsonschema")
    import json

    from crowdeval.formats import FORMATS

    for kind, value in (("annotations", truth), ("predictions", one_point(score=[0.5]))):
        described = schema(kind)
        jsonschema.Draft202012Validator.check_schema(described)
        written = getattr(FORMATS["json"], f"write_{kind}")(value)
        jsonschema.validate(json.loads(written), described)
