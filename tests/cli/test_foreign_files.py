"""The same crowd in the files of other tools scores as it does in JSON: one folder or file a tool, end to end."""

import json

import numpy as np
import pytest

PEOPLE = {
    "IMG_1": [(100.0, 50.0, "cow"), (140.0, 60.0, "cow"), (300.0, 200.0, "dog"), (330.0, 220.0, "dog")],
    "IMG_2": [(50.0, 300.0, "cow"), (80.0, 310.0, "dog"), (600.0, 100.0, "dog")],
    "IMG_3": [],
}
WIDTH, HEIGHT, HALF = 640, 480, 5
SHIFT = np.random.default_rng(4).integers(-3, 4, (7, 2)).tolist()
CONFIDENCE = [0.95, 0.9, 0.8, 0.7, 0.93, 0.85, 0.6]


def predictions():
    """Every person, moved by a few pixels, with a confidence."""
    moves = iter(zip(SHIFT, CONFIDENCE, strict=True))
    return {
        name: [(x + dx, y + dy, score, kind) for (x, y, kind), ((dx, dy), score) in zip(people, moves, strict=False)]
        for name, people in PEOPLE.items()
    }


def box(x, y):
    return [x - HALF, y - HALF, x + HALF, y + HALF]


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def labelme(folder):
    for name, people in PEOPLE.items():
        shapes = [{"label": kind, "points": [[x, y]], "shape_type": "point"} for x, y, kind in people]
        document = {"version": "5", "shapes": shapes, "imagePath": f"..\\{name}.jpg", "imageData": None}
        write(folder / f"{name}.json", document | {"imageWidth": WIDTH, "imageHeight": HEIGHT})


def cvat(folder):
    images = "".join(
        f'<image id="0" name="{name}.jpg" width="{WIDTH}" height="{HEIGHT}">'
        + "".join(f'<points label="{kind}" points="{x},{y}"/>' for x, y, kind in people)
        + "</image>"
        for name, people in PEOPLE.items()
    )
    write(folder / "annotations.xml", f"<?xml version='1.0'?><annotations><version>1.1</version>{images}</annotations>")


def voc(folder):
    for name, people in PEOPLE.items():
        objects = "".join(
            "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
            "</object>".format(kind, *box(x, y))
            for x, y, kind in people
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        write(folder / f"{name}.xml", f"<annotation><filename>{name}.jpg</filename>{size}{objects}</annotation>")


def label_studio(folder):
    tasks = []
    for i, (name, people) in enumerate(PEOPLE.items()):
        result = [
            {
                "type": "keypointlabels", "to_name": "img", "original_width": WIDTH, "original_height": HEIGHT,
                "value": {"x": 100 * x / WIDTH, "y": 100 * y / HEIGHT, "width": 0.5, "keypointlabels": [kind]},
            }
            for x, y, kind in people
        ]  # fmt: skip
        image = f"/data/upload/1/0000000{i}-{name}.jpg"
        tasks.append({"id": i, "data": {"image": image}, "annotations": [{"result": result}], "predictions": []})
    write(folder / "export.json", tasks)


def geojson(folder):
    for name, people in PEOPLE.items():
        features = [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]},
             "properties": {"objectType": "annotation", "classification": {"name": kind}}}
            for x, y, kind in people
        ]  # fmt: skip
        write(folder / f"{name}.geojson", {"type": "FeatureCollection", "features": features})


def dotdotgoose(folder):
    points = {}
    for name, people in PEOPLE.items():
        kinds = {kind: [{"x": x, "y": y} for x, y, own in people if own == kind] for kind in ("cow", "dog")}
        points[f"{name}.jpg"] = {kind: rows for kind, rows in kinds.items() if rows}
    document = {"classes": ["cow", "dog"], "points": points, "colors": {}, "metadata": {}}
    write(folder / "survey.pnt", document)


def crowdhuman(folder):
    lines = [
        {"ID": name, "gtboxes": [{"tag": "person", "hbox": [x - HALF, y - HALF, 2 * HALF, 2 * HALF],
                                  "head_attr": {"ignore": 0}, "extra": {}} for x, y, _ in people]}
        for name, people in PEOPLE.items()
    ]  # fmt: skip
    write(folder / "val.odgt", "".join(json.dumps(line) + "\n" for line in lines))


def nwpu_json(folder):
    for name, people in PEOPLE.items():
        points = [[x, y] for x, y, _ in people]
        boxes = [box(x, y) for x, y, _ in people]
        document = {"img_id": f"{name}.jpg", "human_num": len(people), "points": points, "boxes": boxes}
        write(folder / f"{name}.json", document)


def visdrone(folder):
    for name, people in PEOPLE.items():
        rows = [f"{int(x - HALF)},{int(y - HALF)},{2 * HALF},{2 * HALF},1,1,0,0\n" for x, y, _ in people]
        write(folder / f"{name}.txt", "".join(rows))


def cell_counter(folder):
    for name, people in PEOPLE.items():
        markers = "".join(
            f"<Marker><MarkerX>{x - 0.5}</MarkerX><MarkerY>{y - 0.5}</MarkerY><MarkerZ>1</MarkerZ></Marker>"
            for x, y, _ in people
        )
        head = f"<Image_Properties><Image_Filename>{name}.jpg</Image_Filename></Image_Properties>"
        data = f"<Marker_Data><Marker_Type><Type>1</Type>{markers}</Marker_Type></Marker_Data>"
        write(folder / f"{name}.xml", f"<CellCounter_Marker_File>{head}{data}</CellCounter_Marker_File>")


def napari(folder):
    for name, people in PEOPLE.items():
        rows = [f"{i},{y},{x}\n" for i, (x, y, _) in enumerate(people)]
        write(folder / f"{name}.csv", "index,axis-0,axis-1\n" + "".join(rows))


def coco_of_classes(folder):
    images = [{"id": i, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT} for i, name in enumerate(PEOPLE)]
    numbers = {"cow": 1, "dog": 2}
    annotations = [
        {"image_id": i, "category_id": numbers[kind], "bbox": [x - HALF, y - HALF, 2 * HALF, 2 * HALF]}
        for i, people in enumerate(PEOPLE.values())
        for x, y, kind in people
    ]
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    write(folder / "gt.json", {"images": images, "annotations": annotations, "categories": categories})


def dicts(folder):
    write(folder / "gt.json", {name: {"points": [[x, y] for x, y, _ in people]} for name, people in PEOPLE.items()})


def plain_text(folder):
    for name, people in PEOPLE.items():
        write(folder / f"{name}.txt", "".join(f"{x} {y}\n" for x, y, _ in people))


TRUTH = [labelme, cvat, voc, label_studio, geojson, dotdotgoose, crowdhuman, nwpu_json, visdrone, cell_counter, napari,
         coco_of_classes, dicts, plain_text]  # fmt: skip


def text_of_boxes(folder):
    for name, people in predictions().items():
        write(folder / f"{name}.txt", "".join("{} {} {} {} ".format(*box(x, y)) + f"{s}\n" for x, y, s, _ in people))


def yolo(folder):
    for name, people in predictions().items():
        rows = [f"0 {x / WIDTH} {y / HEIGHT} 0.01 0.01 {s}\n" for x, y, s, _ in people]
        write(folder / f"{name}.txt", "".join(rows))


def arrays(folder):
    folder.mkdir(parents=True)
    for name, people in predictions().items():
        np.save(folder / f"{name}.npy", np.array([[x, y, s] for x, y, s, _ in people]).reshape(-1, 3))


def spotiflow(folder):
    for name, people in predictions().items():
        write(folder / f"{name}.csv", "y,x,probability\n" + "".join(f"{y},{x},{s}\n" for x, y, s, _ in people))


def megadetector(folder):
    images = [
        {"file": f"{name}.jpg", "detections": [
            {"category": "1", "conf": s, "bbox": [(x - HALF) / WIDTH, (y - HALF) / HEIGHT, 10 / WIDTH, 10 / HEIGHT]}
            for x, y, s, _ in people]}
        for name, people in predictions().items()
    ]  # fmt: skip
    write(folder / "md.json", {"images": images, "detection_categories": {"1": "animal"}, "info": {}})


def crowdhuman_results(folder):
    lines = [
        {"ID": name, "dtboxes": [{"box": [x - HALF, y - HALF, 10, 10], "score": s} for x, y, s, _ in people]}
        for name, people in predictions().items()
    ]
    write(folder / "results.json", "".join(json.dumps(line) + "\n" for line in lines))


def wider(folder):
    for name, people in predictions().items():
        rows = "".join(f"{x - HALF} {y - HALF} 10 10 {s}\n" for x, y, s, _ in people)
        write(folder / "event" / f"{name}.txt", f"{name}\n{len(people)}\n{rows}")


def herdnet_boxes(folder):
    rows = [",".join(map(str, (f"{name}.jpg", *box(x, y), kind, s))) for name, people in predictions().items()
            for x, y, s, kind in people]  # fmt: skip
    write(folder / "p.csv", "images,x_min,y_min,x_max,y_max,labels,scores\n" + "\n".join([*rows, "IMG_3.jpg,,,,,,\n"]))


def own_size(folder):
    images = [
        {"image": name, "width": 320, "height": 960, "points": [[x / 2, y * 2] for x, y, _, _ in people],
         "scores": [s for _, _, s, _ in people]}
        for name, people in predictions().items()
    ]  # fmt: skip
    write(folder / "p.json", images)


FOUND = [text_of_boxes, yolo, arrays, spotiflow, megadetector, crowdhuman_results, wider, herdnet_boxes, own_size]


def source_of(folder):
    files = list(folder.iterdir())
    return files[0] if len(files) == 1 and files[0].is_file() else folder


@pytest.fixture
def score(crowdeval, tmp_path):
    images = [{"id": name, "width": WIDTH, "height": HEIGHT, "points": [[x, y] for x, y, _ in people]}
              for name, people in PEOPLE.items()]  # fmt: skip
    write(tmp_path / "gt.json", {"images": images})
    write(tmp_path / "p.json", {name: [[x, y, s] for x, y, s, _ in people] for name, people in predictions().items()})

    def run(found=tmp_path / "p.json", truth=tmp_path / "gt.json"):
        args = ("--id-style", "stem", "--delta", "0.05:0.05:0.5", "--format", "json")
        code, out, err = crowdeval("score", found, truth, *args)
        assert code == 0, err
        return json.loads(out)["values"], err

    return run


@pytest.mark.parametrize("tool", TRUTH, ids=lambda tool: tool.__name__)
def test_truth_of_other_tools_gives_the_number_of_json(score, tmp_path, tool):
    tool(tmp_path / "truth")
    values, _ = score(truth=source_of(tmp_path / "truth"))
    assert values == pytest.approx(score()[0])


@pytest.mark.parametrize("tool", FOUND, ids=lambda tool: tool.__name__)
def test_predictions_of_other_tools_give_the_number_of_json(score, tmp_path, tool):
    tool(tmp_path / "found")
    values, err = score(found=source_of(tmp_path / "found"))
    assert values == pytest.approx(score()[0])
    assert "frame-suspected" not in err


def test_classes_of_results_are_picked_by_the_names_of_the_truth(crowdeval, tmp_path):
    coco_of_classes(tmp_path / "truth")
    results = [
        {"image_id": i, "category_id": {"cow": 1, "dog": 2}[kind], "bbox": [x - 5, y - 5, 10, 10], "score": s}
        for i, people in enumerate(predictions().values())
        for x, y, s, kind in people
    ]
    write(tmp_path / "results.json", results)
    args = ("score", tmp_path / "results.json", tmp_path / "truth" / "gt.json", "-m", "MAE", "--missing", "empty")
    _, out, err = crowdeval(*args)
    assert "predictions dog 4, cow 3 and annotations dog 4, cow 3; --class NAME picks one" in " ".join(err.split())
    _, out, _ = crowdeval(*args, "--class", "cow")
    assert "MAE       0.00" in out
    assert out.count("class cow (3 of 7 points)") == 2
