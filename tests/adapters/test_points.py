import json

import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter, model_id
from crowdeval.errors import FormatError, MissingFileError, PredictorError, UsageError

NOTHING = np.empty((0, 0, 3), dtype=np.uint8)


def image(name):
    return Image(id=name, pixels=NOTHING)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"points": {"a": [[1, 2, 0.9], [3, 4, 0.5]], "b": []}}))
    return path


def test_the_files_points_and_confidences_are_the_answers(file):
    first, second = answers(load_adapter("points", [f"file={file}"]), [image("a"), image("b")])
    assert first.xy.tolist() == [[1, 2], [3, 4]]
    assert first.score.tolist() == [0.9, 0.5]
    assert second.xy.shape == (0, 2)


def test_it_needs_no_pixels(file):
    assert load_adapter("points", [f"file={file}"]).needs_pixels is False


def test_the_name_is_the_files_and_the_revision_its_hash(file):
    before = model_id(load_adapter("points", [f"file={file}"]))
    file.write_text(json.dumps({"points": {"a": []}}))
    after = model_id(load_adapter("points", [f"file={file}"]))
    assert before.startswith("model@")
    assert before != after
    assert model_id(load_adapter("points", [f"file={file}", "name=P2P", "revision=1"])) == "P2P@1"


def test_counts_without_points_stay_counts(tmp_path):
    file = tmp_path / "counts.csv"
    file.write_text("image,count\na,12.5\n")
    [answer] = answers(load_adapter("points", [f"file={file}"]), [image("a")])
    assert answer.xy is None
    assert answer.count == 12.5


def test_an_image_that_the_file_lacks_is_named(file):
    with pytest.raises(PredictorError, match=r"model@\w+, image 'c': .*model.json has no image 'c'"):
        answers(load_adapter("points", [f"file={file}"]), [image("c")])


def test_a_file_that_is_not_there_is_reported_when_the_predictor_is_created(tmp_path):
    with pytest.raises(MissingFileError, match=r"there is no file .*nope\.json"):
        load_adapter("points", [f"file={tmp_path / 'nope.json'}"])


def test_a_file_of_something_else_is_a_format_error_when_it_is_opened(tmp_path):
    file = tmp_path / "x.json"
    file.write_text("{")
    with pytest.raises(FormatError, match=r"x\.json"):
        load_adapter("points", [f"file={file}"]).open()


def test_an_unknown_option_gets_suggestions(file):
    with pytest.raises(UsageError, match="did you mean 'format'"):
        load_adapter("points", [f"file={file}", "fromat=json"])
