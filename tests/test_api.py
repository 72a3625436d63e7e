"""evaluate(): paths, dicts, lists, data frames, tensors and columns of one crowd give one number, in a few lines."""

import json
import subprocess
import sys

import numpy as np
import pytest

import crowdeval
from crowdeval import Annotations, Predictions, Protocol, Report, evaluate, evidence_of, write_evidence
from crowdeval.errors import CrowdevalError, InputError, UsageError

TRUE = {"a": [[10.0, 10.0], [40.0, 12.0], [80.0, 70.0]], "b": [], "c": [[5.0, 5.0]]}
FOUND = {"a": [[11.0, 10.0, 0.9], [70.0, 70.0, 0.3], [41.0, 12.0, 0.8]], "b": [[1.0, 1.0, 0.2]], "c": []}
PAIRS = {name: ([row[:2] for row in rows], [row[2] for row in rows]) for name, rows in FOUND.items()}


def number(predictions, annotations, **options):
    return evaluate(predictions, annotations, **options)["nAP"]


@pytest.fixture(scope="module")
def right():
    return number(
        Predictions(image_ids=["a", "b", "c"], offsets=[0, 3, 4, 4],
                    xy=[row[:2] for rows in FOUND.values() for row in rows],
                    score=[row[2] for rows in FOUND.values() for row in rows]),
        Annotations(image_ids=["a", "b", "c"], offsets=[0, 3, 3, 4], xy=[xy for rows in TRUE.values() for xy in rows]),
    )  # fmt: skip


def test_files_dicts_and_mixtures_of_them(tmp_path, right):
    (tmp_path / "p.json").write_text(json.dumps(FOUND))
    (tmp_path / "gt.json").write_text(json.dumps(TRUE))
    for found in (FOUND, PAIRS, tmp_path / "p.json", str(tmp_path / "p.json"), Predictions.from_images(FOUND)):
        for truth in (TRUE, tmp_path / "gt.json", Annotations.from_images(TRUE)):
            assert number(found, truth) == right
    report = evaluate(tmp_path / "p.json", tmp_path / "gt.json")
    assert report.predictions.name == str(tmp_path / "p.json")


def test_lists_are_images_without_names(right):
    arrays = [np.array(rows).reshape(-1, 3) for rows in FOUND.values()]
    assert number(arrays, list(TRUE.values())) == right
    dicts = [{"points": points, "scores": scores} for points, scores in PAIRS.values()]
    assert number(dicts, [{"points": rows} for rows in TRUE.values()]) == right
    with pytest.raises(CrowdevalError, match="not in the annotations"):
        evaluate(arrays, TRUE)


def test_boxes_as_torchmetrics_has_them(right):
    found = [
        {"boxes": [[x - 2, y - 2, x + 2, y + 2] for x, y in points], "scores": scores, "labels": [0] * len(scores)}
        for points, scores in PAIRS.values()
    ]
    truth = [
        {"boxes": [[x - 1, y - 1, x + 1, y + 1] for x, y in rows], "labels": [0] * len(rows)} for rows in TRUE.values()
    ]
    report = evaluate(found, truth)
    assert report["nAP"] == right
    assert evaluate(found, truth, protocol="F1@sigma_l")["F1@sigma_l"] > 0


def test_data_frames_with_the_spellings_of_tables(right):
    pd = pytest.importorskip("pandas")
    rows = [(name, y, x, s) for name, people in FOUND.items() for x, y, s in people] + [("c", None, None, None)]
    found = pd.DataFrame(rows, columns=["file_name", "y", "x", "conf"])
    rows = [(name, x, y) for name, people in TRUE.items() for x, y in people] + [("b", np.nan, np.nan)]
    truth = pd.DataFrame(rows, columns=["image", "x", "y"])
    assert number(found, truth) == right
    one_by_one = {name: pd.DataFrame(people, columns=["x", "y", "score"]) for name, people in FOUND.items()}
    assert number(one_by_one, TRUE) == right
    with pytest.raises(InputError, match="expected the columns 'image', 'x' and 'y', found 'x', 'y'"):
        evaluate(pd.DataFrame({"x": [1], "y": [2]}), truth)


def test_tensors_of_any_kind(right):
    torch = pytest.importorskip("torch")
    kinds = {
        "float32": lambda rows: torch.tensor(rows, dtype=torch.float32),
        "float64 with a gradient": lambda rows: torch.tensor(rows, dtype=torch.float64, requires_grad=True),
        "bfloat16": lambda rows: torch.tensor(rows).bfloat16(),
        "half": lambda rows: torch.tensor(rows).half(),
        "sparse": lambda rows: torch.tensor(rows).to_sparse(),
    }
    for kind, tensor in kinds.items():
        found = {
            name: (tensor(points) if points else torch.zeros(0, 2), tensor(scores))
            for name, (points, scores) in PAIRS.items()
        }
        truth = {name: torch.tensor(rows).reshape(-1, 2) for name, rows in TRUE.items()}
        assert number(found, truth) == pytest.approx(right), kind
    points, scores = (torch.tensor(column) for column in PAIRS["a"])
    assert crowdeval.nap((points, scores), torch.tensor(TRUE["a"])) > 0


def test_a_training_loop_takes_five_lines():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    loader = [[torch.rand(n, 2, generator=generator) * 500 for n in (30, 0, 12)] for _ in range(3)]

    def model(batch):
        return [{"points": xy + 1, "scores": torch.ones(len(xy), requires_grad=True)} for xy in batch]

    found, truth = [], []
    for batch in loader:
        found += model(batch)
        truth += batch
    report = evaluate(found, truth, protocol=["nAP", "MAE", "F1@8px"])
    assert (report["MAE"], report["F1@8px"]) == (0, 1)


class Cuda:
    """A tensor that NumPy can't read, as torch's on a GPU says it."""

    def __array__(self, *args, **options):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        (np.zeros((3, 2)), r"an array of shape \(3, 2\), which is one image: \{id: points\}"),
        ([[1, 2], [3, 4]], r"the points of one image: \{id: points\}"),
        ((np.zeros((3, 2)), np.zeros(3)), "the points of one image"),
        ({"points": [[1, 2]], "scores": [0.5]}, "a dict with the key 'points', which is one image"),
        ({"boxes": [[1, 2, 3, 4]]}, "a dict with the key 'boxes', which is one image"),
        ({"a": [[1, 2, 3, 4]]}, r"image 'a': expected points of shape \(N, 2\), or \(N, 3\) .*found \(1, 4\)"),
        ({"a": {"point": [[1, 2]]}}, "image 'a': expected the keys .*did you mean 'points'"),
        ({"a": {"points": [[1, 2]], "scores": [1, 2]}}, "image 'a': expected 1 scores"),
        ({"a": {"scores": [1]}}, "image 'a': expected points, boxes or a count"),
        ({"a": {"points": [[1, 2, 3]], "scores": [1]}}, "confidences once"),
        ({"a": {"points": [], "width": 3}}, "both width and height"),
        ({"a": [[1, 2], [3]]}, "image 'a', points: expected numbers in a rectangular array"),
        ({"a": "abc"}, "image 'a', points: expected numbers"),
        ({"a": Cuda()}, "image 'a', points: .*can't convert cuda:0"),
        ({"a": {1, 2}}, "image 'a': expected a list of points, found a set"),
        ({1.5: [[1, 2]]}, "found 1.5"),
        (7, "expected {id: points} or a list with one entry an image, found 7"),
        (None, "found null"),
        (object(), "found a object"),
    ],
)
def test_what_is_no_set_is_one_clear_error(predictions, words):
    with pytest.raises(InputError, match=words):
        evaluate(predictions, TRUE)


def test_a_third_column_of_truth_is_refused():
    with pytest.raises(InputError, match=r"annotations of image 'a': .*a third column is a confidence"):
        evaluate(FOUND, FOUND)


def test_counts_on_both_sides():
    assert evaluate({"a": 9.5, "b": 4}, {"a": 8, "b": 4}, protocol="MAE")["MAE"] == 0.75


@pytest.mark.parametrize(
    ("protocol", "metrics"),
    [("nwpu", "MAE"), ("MAE", "MAE"), (["MAE", "nAP@0.5"], "nAP@0.5"), (Protocol(metrics=["MAE"]).signature, "MAE")],
)
def test_a_protocol_by_its_name(protocol, metrics):
    assert metrics in evaluate(FOUND, TRUE, protocol=protocol)


def test_a_wrong_protocol_is_one_clear_error():
    with pytest.raises(UsageError):
        evaluate(FOUND, TRUE, protocol="nape")
    with pytest.raises(InputError, match="protocol: expected a Protocol, the name of a preset"):
        evaluate(FOUND, TRUE, protocol=3)


def test_evidence_needs_no_annotations(tmp_path, right):
    evidence = evidence_of(Predictions.from_images(FOUND), Annotations.from_images(TRUE))
    assert number(evidence, None) == right
    write_evidence(evidence, tmp_path / "e.arrow")
    assert number(tmp_path / "e.arrow", None) == right
    assert evaluate(tmp_path / "e.arrow", protocol="MAE").values.keys() == {"MAE"}
    with pytest.raises(UsageError, match="leave out the annotations"):
        evaluate(evidence, TRUE)
    with pytest.raises(UsageError, match="annotations are missing"):
        evaluate(FOUND)


def test_a_folder_and_a_list_of_images(tmp_path, right):
    for name, rows in FOUND.items():
        if rows:
            (tmp_path / f"{name}.txt").write_text("".join("{} {} {}\n".format(*row) for row in rows))
    images = tmp_path.parent / "images.txt"
    images.write_text("a.jpg\nb.jpg\nc.jpg\n")
    truth = {f"{name}.jpg": rows for name, rows in TRUE.items()}
    with pytest.warns(crowdeval.CrowdevalWarning, match="without folders and file extensions"):
        report = evaluate(tmp_path, truth, images=images)
    assert (report["nAP"], report.protocol.id_style) == (right, "stem")


def test_a_report_is_a_mapping_with_a_table(right):
    report = evaluate(FOUND, TRUE)
    assert dict(report) == report.values == dict(report.items())
    assert (len(report), list(report)) == (len(report.values), list(report.values))
    assert "nAP" in report
    assert "MSE" in report  # another spelling of RMSE
    assert 7 not in report
    assert (report.get("nAP"), report.get("F1@8px"), report.get("F1@8px", 0.0)) == (right, None, 0.0)
    assert "nAP@0.05" in str(report)
    assert "signature" in str(report)
    assert repr(report) == f"Report(nAP={right:.4f}, MAE=0.6667, RMSE=0.8165, NAE=0.6667; 3 images of annotations)"
    assert Report.from_json(report.to_json()).values == report.values


def test_the_html_of_a_notebook_shows_names_as_text():
    report = evaluate(FOUND, TRUE, names=("<b>p</b>", "gt & co"))
    page = report._repr_html_()
    assert "&lt;b&gt;p&lt;/b&gt; on gt &amp; co" in page
    assert "<b>" not in page
    assert page.count("<tr>") == len(report) + 1


def test_columns_dicts_and_tensors_import_no_files_datasets_or_frames():
    code = (
        "import sys, crowdeval\n"
        "crowdeval.evaluate({'a': [[1, 2, 0.5]]}, {'a': [[1, 2]]})\n"
        "heavy = ('pandas', 'pyarrow', 'torch', 'PIL', 'crowdeval.formats', 'crowdeval.datasets', 'crowdeval.runs')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"points": [[1, 2]], "labels": [1.5]}, "labels: expected whole numbers or names of classes, found 1.5"),
        ({"points": [[1, 2]], "labels": np.array([1.5])}, "expected whole numbers or names of classes, found 1.5"),
        ({"points": [[1, 2]], "labels": {"a"}}, "expected a list, one class for each point, found a set"),
        ({(1, 2), (3, 4)}, "expected a list of points, found a set, which has no order"),
        (frozenset(), "expected a list of points, found a frozenset"),
        ({"points": {(1, 2)}}, "points: expected numbers, found a set"),
        (True, "expected a count, found true"),
        (np.True_, "expected a count, found true"),
        ({"count": False}, "expected a count, found false"),
    ],
)
def test_an_entry_that_is_almost_one_is_one_clear_error(entry, words):
    for sides in (({"a": entry}, {"a": [[1, 2]]}), ({"a": [[1, 2]]}, {"a": entry})):
        with pytest.raises(InputError, match=f"s of image 'a'.*{words}"):
            evaluate(*sides)


def test_a_class_with_a_fraction_in_a_data_frame_is_refused():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"image": ["a"], "x": [1], "y": [2], "label": [0.5]})
    with pytest.raises(InputError, match=r"labels: expected whole numbers or names of classes, found 0\.5"):
        evaluate(frame, {"a": [[1, 2]]})


def test_ids_as_number_and_text_are_not_one_image():
    with pytest.raises(InputError, match="found the ids '1' as number and as text"):
        evaluate({1: [[1, 2]], "1": [[3, 4]]}, {"1": [[1, 2]]})
    assert number({np.int64(1): [[1, 2]]}, {"1": [[1, 2]]}, protocol="nAP") == 1


def test_boxes_of_width_and_height_are_refused():
    boxes = [{"boxes": [[10.0, 10, 2, 2]], "scores": [0.7]}]
    with pytest.raises(InputError, match="are they x, y, width, height"):
        evaluate(boxes, [{"boxes": [[10.0, 10, 12, 12]]}])


def test_a_frame_without_an_image_and_images_given_beside_objects(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": ["a", "a"], "x": [11.0, 40.0], "y": [10.0, 12.0], "score": [0.9, 0.8]})
    with pytest.raises(CrowdevalError, match="missing='empty'"):
        evaluate(frame, TRUE)
    empty = evaluate(frame, TRUE, missing="empty")
    assert empty["MAE"] == pytest.approx(2 / 3)
    assert "miss:empty" in empty.signature
    (tmp_path / "images.txt").write_text("a.jpg 100 90\nb.jpg 50 50\nc.jpg 20 20\n")
    assert evaluate(frame, TRUE, images=tmp_path / "images.txt")["MAE"] == empty["MAE"]
    with pytest.raises(CrowdevalError, match="none"):
        evaluate(FOUND, TRUE, images=tmp_path / "none.txt")
    twice = pandas.DataFrame([["a", 1, 2, 3]], columns=["image", "x", "x", "y"])
    with pytest.raises(InputError, match="expected one column 'x', found several"):
        evaluate(twice, TRUE)


def test_scalars_of_every_kind_are_counts_and_columns_of_scores_are_scores():
    torch = pytest.importorskip("torch")
    counts = {"a": np.float32(3), "b": np.int64(4), "c": np.array(2)}
    assert number_of(counts, {"a": 3, "b": torch.tensor(5), "c": 2}) == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="image 'a': expected one count, found nan"):
        evaluate({"a": {"count": float("nan")}}, {"a": 3}, protocol="MAE")
    column = {
        name: (np.array(xy).reshape(-1, 2), np.array(score).reshape(-1, 1)) for name, (xy, score) in PAIRS.items()
    }
    assert number(column, TRUE) == number(PAIRS, TRUE)
    with pytest.raises(CrowdevalError):
        evaluate(FOUND, TRUE, protocol=[])


def number_of(predictions, annotations):
    return evaluate(predictions, annotations, protocol="MAE")["MAE"]


def test_true_points_that_are_not_as_many_as_their_count_are_refused():
    same = Annotations.from_images({"a": {"points": [[1, 1]], "count": 1}, "b": {"points": [], "count": 0}})
    assert same.counts.tolist() == [1, 0]
    for entry in ({"points": [], "count": 5}, {"boxes": [[1, 1, 3, 3]], "count": 2}):
        with pytest.raises(InputError, match=r"image 'a': expected as many points as the count of [52], found [01]"):
            Annotations.from_images({"a": entry})
