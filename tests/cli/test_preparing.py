"""The options that say what is done to the two sides, on the command line: ids, images, subset, class, folders."""

import json

import pytest
from PIL import Image

POINTS = {"IMG_1": [[10, 10], [40, 40], [60, 12]], "IMG_2": [[20, 60]], "IMG_3": []}
SIZE = (100, 80)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.fixture
def truth(tmp_path):
    images = [{"id": name, "width": 100, "height": 80, "points": points} for name, points in POINTS.items()]
    return write(tmp_path / "gt.json", {"images": images})


@pytest.fixture
def numbers(crowdeval):
    def run(*args):
        code, out, err = crowdeval("score", *args, "-m", "nAP", "-m", "MAE", "--format", "json")
        assert code == 0, err
        report = json.loads(out)
        return report["values"]["nAP"], report["values"]["MAE"], report

    return run


def rows(points):
    return "".join(f"{x} {y} 0.9\n" for x, y in points)


def yolo(points):
    return "".join(f"0 {x / SIZE[0]:.6f} {y / SIZE[1]:.6f} 0.1 0.1\n" for x, y in points)


def test_a_folder_of_text_scores_as_the_same_points_in_json(numbers, tmp_path, truth):
    for name, points in POINTS.items():
        write(tmp_path / "preds" / f"{name}.txt", rows(points))
    preds = write(tmp_path / "preds.json", {name: [[x, y, 0.9] for x, y in points] for name, points in POINTS.items()})
    assert numbers(tmp_path / "preds", truth)[:2] == numbers(preds, truth)[:2] == (1.0, 0.0)


def test_ids_of_a_folder_are_compared_by_stem_and_it_is_said(crowdeval, numbers, tmp_path):
    for name, points in POINTS.items():
        write(tmp_path / "preds" / f"{name}.txt", rows(points))
    truth = write(tmp_path / "gt.json", {f"val/{name}.jpg": points for name, points in POINTS.items()})
    code, _, err = crowdeval("check", tmp_path / "preds", truth)
    assert (code, "compared without folders and file extensions" in err) == (0, True)
    nap, _, report = numbers(tmp_path / "preds", truth)
    assert (nap, "|ids:stem|" in report["signature"]) == (1.0, True)
    same = write(tmp_path / "same.json", POINTS)
    assert "|ids:exact|" in numbers(tmp_path / "preds", same)[2]["signature"]


def test_a_list_of_images_names_what_may_be_missing(crowdeval, numbers, tmp_path, truth):
    for name in ("IMG_1", "IMG_2"):
        write(tmp_path / "preds" / f"{name}.txt", rows(POINTS[name]))
    assert crowdeval("score", tmp_path / "preds", truth)[0] == 3
    images = write(tmp_path / "images.txt", "IMG_1.jpg\nIMG_2.jpg\nIMG_3.jpg\n")
    assert numbers(tmp_path / "preds", truth, "--images", images)[:2] == (1.0, 0.0)


def test_yolo_on_both_sides_with_the_folder_of_the_images(crowdeval, numbers, tmp_path):
    (tmp_path / "pictures").mkdir()
    for name, points in POINTS.items():
        Image.new("L", SIZE).save(tmp_path / "pictures" / f"{name}.png")
        write(tmp_path / "gt" / f"{name}.txt", yolo(points))
        if points:
            write(tmp_path / "preds" / f"{name}.txt", yolo(points).replace("\n", " 0.9\n"))
    code, _, err = crowdeval("score", tmp_path / "preds", tmp_path / "gt")
    assert (code, "--images DIR" in err) == (3, True)
    nap, mae, _ = numbers(tmp_path / "preds", tmp_path / "gt", "--images", tmp_path / "pictures")
    assert (nap, mae) == (pytest.approx(1.0), 0.0)


def test_only_id_map_extra_and_class_stand_beside_their_side(crowdeval, tmp_path, truth):
    preds = write(
        tmp_path / "preds.json",
        [
            {"id": "x1", "points": [[10, 10], [60, 12]], "scores": [0.9, 0.8], "labels": ["person", "car"]},
            {"id": "y", "points": [[1, 1]], "scores": [0.9], "labels": ["car"]},
        ],
    )
    id_map = write(tmp_path / "ids.csv", "predictions,annotations\nx1,IMG_1\n")
    only = write(tmp_path / "only.txt", "IMG_1\n")
    args = ["--id-map", id_map, "--only", only, "--extra", "ignore", "--class", "person"]
    code, out, err = crowdeval("score", preds, truth, *args, "-m", "MAE")
    assert code == 0, err
    assert "class person (1 of 2 points), extra 1 of 2 images ignored, ids id map" in out
    assert "only 1 of 3 images" in out
    assert "MAE       2.00" in out
    assert "extra-images" in err
    code, _, err = crowdeval("score", preds, truth, "--id-map", write(tmp_path / "bad.csv", "x1\n"))
    assert (code, "line 1: expected an id of PREDICTIONS and an id of ANNOTATIONS" in err) == (3, True)


@pytest.mark.parametrize("option", ["--frame", "--class", "--only", "--id-map", "--images"])
def test_evidence_holds_no_points_for_these_options(crowdeval, tmp_path, truth, option):
    preds = write(tmp_path / "preds.json", POINTS)
    assert crowdeval("score", preds, truth, "--evidence", tmp_path / "e.arrow")[0] == 0
    code, _, err = crowdeval("score", tmp_path / "e.arrow", option, "x")
    assert (code, f"leave out {option}" in err) == (2, True)


def test_true_counts_are_enough_for_counting_errors(crowdeval, numbers, tmp_path):
    truth = write(tmp_path / "gt.json", {"a": 8, "b": 4})
    preds = write(tmp_path / "preds.json", {"a": 9.5, "b": 4})
    code, out, err = crowdeval("score", preds, truth, "-m", "MAE")
    assert (code, "MAE       0.75" in out, "counts only" in out) == (0, True, True), err
    points = write(tmp_path / "points.json", {"a": [[1, 2]], "b": []})
    code, _, err = crowdeval("score", points, truth, "-m", "nAP")
    assert (code, "true points; these annotations give counts only" in err) == (3, True)
    other = write(tmp_path / "other.json", {"a": 8, "b": 5})
    sides = [
        json.loads(crowdeval("score", preds, t, "-m", "MAE", "--format", "json")[1])["annotations"]
        for t in (truth, other)
    ]
    assert sides[0]["fingerprint"] != sides[1]["fingerprint"]


def test_check_fails_without_any_person_and_takes_one_file(crowdeval, tmp_path, truth):
    empty = write(tmp_path / "empty.json", {"IMG_1": [], "IMG_2": []})
    preds = write(tmp_path / "preds.json", {"IMG_1": [[1, 2, 0.5], [1, 2, 0.5]], "IMG_2": []})
    code, _, err = crowdeval("check", preds, empty)
    assert (code, "expected true points, found none in 2 images" in err) == (3, True)
    assert crowdeval("check", preds, empty, "--missing", "empty")[0] == 3
    code, out, err = crowdeval("check", preds)
    assert (code, "copies-of-predictions: 1 prediction" in err) == (0, True)
    assert "Predictions(2 images, 2 points)" in out
    code, out, _ = crowdeval("check", truth)
    assert (code, "Annotations(3 images, 4 points)" in out) == (0, True)
    code, _, err = crowdeval("check", write(tmp_path / "bad.json", {"a": [[1]]}))
    assert (code, "bad.json: a[0]" in err) == (3, True)


def test_convert_takes_the_target_as_second_argument(crowdeval, tmp_path, truth):
    assert crowdeval("convert", truth, tmp_path / "gt.csv")[0] == 0
    assert (tmp_path / "gt.csv").read_text().startswith("image,x,y,width,height\n")
    for args in ([truth], [truth, tmp_path / "a.csv", "-o", tmp_path / "b.csv"]):
        code, _, err = crowdeval("convert", *args)
        assert (code, "expected one file to write" in err) == (2, True)


def test_convert_writes_odd_radii_and_says_so(crowdeval, tmp_path):
    gt = write(tmp_path / "gt.txt", "a 2 10 20 4 1 1 30 40 -3 5 1\n")
    code, _, err = crowdeval("convert", gt, tmp_path / "gt.csv")
    assert (code, "other radii are at point 1 of image 'a' (4 1), point 2" in " ".join(err.split())) == (0, True)
    code, _, err = crowdeval("check", gt)
    assert (code, "odd-radii" in err) == (0, True)


def test_convert_takes_one_class(crowdeval, tmp_path):
    gt = write(tmp_path / "gt.json", [{"id": "a", "points": [[1, 2], [3, 4]], "labels": ["cow", "dog"]}])
    assert crowdeval("convert", gt, tmp_path / "dog.csv", "--as", "annotations", "--class", "dog")[0] == 0
    assert (tmp_path / "dog.csv").read_text() == "image,x,y,label\na,3.0,4.0,dog\n"


def test_the_folder_of_a_benchmark_is_refused_with_its_name(crowdeval, tmp_path, truth):
    folder = tmp_path / "part_A" / "test_data" / "ground-truth"
    folder.mkdir(parents=True)
    (folder / "GT_IMG_1.mat").touch()
    for place in (folder, folder.parent.parent):
        code, _, err = crowdeval("score", truth, place)
        assert (code, "write shanghaitech-a:" in err) == (2, True)


def test_images_with_one_points_file_are_a_folder_of_your_own(crowdeval, tmp_path, truth):
    home = tmp_path / "home"
    (home / "images").mkdir(parents=True)
    for name in POINTS:
        Image.new("L", SIZE).save(home / "images" / f"{name}.png")
    write(home / "annotations.json", POINTS)
    code, out, err = crowdeval("score", truth, home, "-m", "MAE")
    assert (code, f"folder:{home}" in out) == (0, True), err
    (home / "annotations.json").rename(home / "IMG_1.json")
    code, _, err = crowdeval("score", truth, home, "-m", "MAE")
    assert (code, f"write folder:{home}" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("SHA", "shanghaitech-a"), ("part_A", "shanghaitech-a"), ("SHHB", "shanghaitech-b"), ("UCF50", "ucf-cc-50"),
     ("QNRF", "ucf-qnrf"), ("JHU", "jhu-crowd++"), ("NWPU-Crowd", "nwpu")],
)  # fmt: skip
def test_names_that_people_use(crowdeval, tmp_path, truth, name, dataset):
    code, _, err = crowdeval("score", truth, f"{name}:nosplit", "--root", tmp_path)
    assert (code, dataset in err) == (2, True)
