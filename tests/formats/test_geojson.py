"""GeoJSON: points in pixels, the image they belong to, and the coordinates of maps, which are refused."""

import json

import pytest
from formats.foreign_json import contents, read_both, refused, said
from formats.test_fuzzing import quick
from hypothesis import given

from crowdeval.formats import Source, detect, read_annotations
from crowdeval.formats.geojson import GEOJSON


def feature(coordinates, kind="Point", name="zebra", **properties):
    properties = {"objectType": "annotation", "classification": {"name": name, "color": [255, 0, 0]}} | properties
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "id": "0000", "geometry": geometry, "properties": properties}


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


def source(value):
    return Source("folder/IMG_1.geojson", json.dumps(value).encode(), ".geojson")


TWO = (feature([[100, 50], [140.5, 60]], "MultiPoint", "elephant"), feature([300, 200]))


@pytest.mark.parametrize("value", [collection(*TWO), list(TWO)])
@pytest.mark.parametrize("kind", ["annotations", "predictions"])
def test_points_and_groups_of_points_are_read_with_their_class(value, kind):
    read, texts = said(GEOJSON, source(value), kind)
    assert read.image_ids == ("IMG_1",)
    assert read.xy.tolist() == [[100.0, 50.0], [140.5, 60.0], [300.0, 200.0]]
    assert read.labels.tolist() == ["elephant", "elephant", "zebra"]
    assert texts == []


def test_a_single_feature_is_read():
    assert GEOJSON.read_annotations(source(feature([3, 4]))).xy.tolist() == [[3.0, 4.0]]


def test_a_file_without_features_is_an_empty_image():
    for value in (collection(), []):
        read = GEOJSON.read_annotations(source(value))
        assert (read.image_ids, read.counts.tolist()) == (("IMG_1",), [0])


def test_features_can_name_their_images():
    named = [feature([1, 2], image_path="a.jpg"), feature([3, 4], image_path="b.jpg"), feature([5, 6])]
    named += [feature([7, 8], image_path="a.jpg")]
    read = GEOJSON.read_annotations(source(collection(*named)))
    assert read.image_ids == ("a.jpg", "b.jpg", "IMG_1")
    assert read.xy.tolist() == [[1.0, 2.0], [7.0, 8.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize("word", ["score", "confidence", "probability"])
def test_predictions_have_the_confidences_of_the_properties(word):
    values = [feature([1, 2], **{word: 0.75}), feature([3, 4], **{word: 0.5})]
    assert GEOJSON.read_predictions(source(collection(*values))).score.tolist() == [0.75, 0.5]


@pytest.mark.parametrize(
    ("properties", "label"),
    [
        ({"classification": {"name": "Tumor"}}, "Tumor"),
        ({"classification": {"names": ["Tumor", "Positive"]}}, "Tumor: Positive"),
        ({"classification": "Tumor"}, "Tumor"),
        ({"classification": None, "label": "bird"}, "bird"),
        ({"classification": {"name": None}}, None),
        ({"classification": None}, None),
    ],
)
def test_the_class_of_a_feature(properties, label):
    read = GEOJSON.read_annotations(source([feature([1, 2], **properties)]))
    assert (None if read.labels is None else read.labels.tolist()) == (None if label is None else [label])


def test_a_feature_without_properties_is_a_point():
    assert GEOJSON.read_annotations(source([feature([1, 2]) | {"properties": None}])).counts.tolist() == [1]


def test_other_geometries_are_counted_and_not_read():
    ring = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    others = [feature(ring, "Polygon"), feature(ring, "Polygon"), feature([ring], "MultiPolygon")]
    others.append({"type": "Feature", "geometry": None, "properties": {}})
    read, texts = said(GEOJSON, source(collection(*TWO, *others)))
    assert read.counts.tolist() == [3]
    assert texts == ["2 polygons are not read", "1 multipolygon is not read", "1 empty feature is not read"]


def test_a_file_of_polygons_is_an_image_without_points():
    read, texts = said(GEOJSON, source([feature([[[0, 0], [1, 0], [0, 0]]], "Polygon")]))
    assert (read.image_ids, read.counts.tolist()) == (("IMG_1",), [0])
    assert texts == ["1 polygon is not read"]


MAP = "(map coordinates: bring them to pixels first)"


def test_a_coordinate_reference_system_is_refused():
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32733"}}
    assert refused(GEOJSON, source(collection(*TWO, crs=crs))) == (
        f"folder/IMG_1.geojson: crs: expected coordinates in pixels, found a coordinate reference system {MAP}"
    )
    assert GEOJSON.read_annotations(source(collection(*TWO, crs=None))).counts.tolist() == [3]


def test_coordinates_far_beyond_any_image_are_refused_once():
    far = [feature([[500_000.5, 7_500_000], [500_001, 7_500_001]], "MultiPoint"), feature([1, -2e6])]
    assert refused(GEOJSON, source(collection(TWO[1], *far))) == (
        "folder/IMG_1.geojson: features[1].geometry.coordinates[0]: "
        f"expected coordinates in pixels, found 3 beyond 1,000,000 {MAP}"
    )


def test_every_problem_has_its_place():
    message = refused(
        GEOJSON,
        source(
            collection(
                feature([1, 2, 0]),
                feature([1, None]),
                feature(7, "MultiPoint"),
                feature([1, 2], "Dot"),
                feature([1, 2], classification={"name": {}}),
                feature([1, 2], image_path=["a.jpg"]),
                feature([1, 2], score="high"),
                feature([1, 2]) | {"type": "Element"},
                feature([1, 2]) | {"properties": []},
                feature([1, 2]) | {"geometry": []},
                "feature",
            )
        ),
    )
    for line in [
        "features[0].geometry.coordinates, image 'IMG_1': expected a point [x, y], found [1, 2, 0]",
        "features[1].geometry.coordinates, image 'IMG_1': expected a coordinate, a finite number, found null",
        "features[2].geometry.coordinates: expected a list of points [x, y], found 7",
        "features[3].geometry.type: expected the type of a geometry, found 'Dot'",
        "features[4].properties.classification.name: expected the name of a class, found {}",
        "features[5].properties.image_path: expected a path, found ['a.jpg']",
        "features[6].geometry.coordinates, image 'IMG_1': expected a confidence, a finite number, found 'high'",
        "features[7].type: expected 'Feature', found 'Element'",
        "features[8].properties: expected an object, found []",
        "features[9].geometry: expected a geometry, an object, found []",
        "features[10]: expected an object, found 'feature'",
    ]:
        assert line in message


def test_a_file_without_a_list_of_features_is_refused():
    value = {"type": "FeatureCollection"}
    assert refused(GEOJSON, source(value)) == "folder/IMG_1.geojson: features: expected a list, found nothing"
    assert "a FeatureCollection, or a list of features, found 3" in refused(GEOJSON, source(3))


@pytest.mark.parametrize("value", [collection(*TWO), list(TWO), TWO[1]])
def test_the_format_is_found_also_with_the_suffix_json(value, tmp_path):
    (tmp_path / "IMG_1.json").write_text(json.dumps(value, indent=1))
    assert detect(tmp_path / "IMG_1.json") == "geojson"


def test_a_folder_has_one_image_a_file(tmp_path):
    for name in ("IMG_1", "IMG_2"):
        (tmp_path / f"{name}.geojson").write_text(json.dumps(collection(TWO[1])))
    assert read_annotations(tmp_path).image_ids == ("IMG_1", "IMG_2")


@quick
@given(content=contents(collection(*TWO, feature([5, 6], image_path="a", score=0.5, classification={"names": ["a"]}))))
def test_any_file_is_read_or_refused(content):
    read_both("geojson", content)
