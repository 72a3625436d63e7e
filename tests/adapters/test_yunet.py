import gzip
import json

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.spatial import cKDTree

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import MissingFileError, PredictorError, UsageError

pytest.importorskip("cv2", reason="the yunet adapter needs OpenCV")


@pytest.fixture
def not_a_model(tmp_path):
    path = tmp_path / "face.onnx"
    path.write_bytes(b"no model")
    return path


@pytest.mark.data
@pytest.mark.parametrize("name", ["IMG_3", "IMG_100"])
def test_the_faces_equal_those_of_an_independent_program_with_the_same_model(data_folder, name):
    with gzip.open(data_folder / "scored" / "yunet_SHA_test.json.gz") as stream:
        theirs = np.array(json.load(stream)["points"][name])
    path = data_folder / "ShanghaiTech" / "part_A" / "test_data" / "images" / f"{name}.jpg"
    predictor = load_adapter("yunet", [f"file={data_folder / 'models' / 'yunet_n_dynamic.onnx'}"])
    predictor.open()
    with Pillow.open(path) as opened:
        [answer] = answers(predictor, [Image(id=name, pixels=np.asarray(opened.convert("RGB")), path=path)])
    predictor.close()
    distance, nearest = cKDTree(answer.xy).query(theirs[:, :2])
    assert abs(len(answer.xy) - len(theirs)) <= 0.01 * len(theirs)
    assert (distance < 0.05).mean() > 0.99
    assert np.abs(answer.score[nearest] - theirs[:, 2])[distance < 0.05].max() < 1e-3


@pytest.mark.data
def test_an_image_without_faces_has_no_points(data_folder):
    predictor = load_adapter("yunet", [f"file={data_folder / 'models' / 'yunet_n_dynamic.onnx'}", "scales=1"])
    [answer] = answers(predictor, [Image(id="black", pixels=np.zeros((64, 96, 3), dtype=np.uint8))])
    assert answer.xy.shape == (0, 2)


def test_a_model_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file"):
        load_adapter("yunet", [f"file={tmp_path / 'nope.onnx'}"])


def test_a_file_that_is_no_model_is_reported(not_a_model):
    with pytest.raises(PredictorError, match=r"face\.onnx is not a face detector that OpenCV can load"):
        load_adapter("yunet", [f"file={not_a_model}"]).open()


@pytest.mark.parametrize("option", ["scales=0", "scales=one", "confidence=2", "nms=-1"])
def test_options_that_are_not_valid_are_refused(not_a_model, option):
    with pytest.raises(UsageError, match=f"-o {option}"):
        load_adapter("yunet", [f"file={not_a_model}", option])
