import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.errors import MissingFileError, PredictorError, UsageError

try:
    import torch
    import torchvision
except Exception as problem:
    pytest.skip(f"torchvision can't be imported here: {problem}", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")

SMALL = "model=ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def image():
    return Image(id="a", pixels=np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of the small detector, of two classes."""
    torch.manual_seed(1)
    network = torchvision.models.get_model(
        "ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=2
    )
    path = tmp_path_factory.mktemp("weights") / "heads.pth"
    torch.save(network.state_dict(), path)
    return path


def of_file(weights, *options):
    return load_adapter("torchvision", [SMALL, f"weights={weights}", "classes=2", "label=1", "confidence=0", *options])


def test_the_points_are_the_centres_of_the_networks_boxes(weights, image):
    predictor = of_file(weights, "most=20")
    [answer] = answers(predictor, [image])
    with torch.inference_mode():
        tensor = torch.from_numpy(image.pixels.transpose(2, 0, 1).copy()).float() / 255
        [found] = predictor._network([tensor])
    boxes = found["boxes"][found["labels"] == 1].numpy()
    assert 0 < len(answer.xy) <= 20
    assert np.allclose(answer.xy, (boxes[:, :2] + boxes[:, 2:]) / 2, atol=1e-4)
    assert (np.diff(answer.score) <= 0).all()


def test_a_crowd_may_have_more_boxes_than_torchvisions_limit(weights, image):
    predictor = of_file(weights, "most=500")
    predictor.open()
    predictor._network.nms_thresh = 1.0
    assert len(answers(predictor, [image])[0].xy) == 500


def test_a_detector_of_two_stages_takes_the_options_too(image):
    options = ["model=fasterrcnn_mobilenet_v3_large_320_fpn", "weights=none", "classes=2", "label=1", "confidence=0"]
    assert len(answers(load_adapter("torchvision", [*options, "most=7"]), [image])[0].xy) == 7


def test_a_batch_is_answered_image_by_image(weights, image):
    other = Image(id="b", pixels=np.zeros((48, 80, 3), dtype=np.uint8))
    predictor = of_file(weights, "batch_size=2")
    together, alone = answers(predictor, [other, image])[1], answers(predictor, [image])[0]
    assert np.allclose(together.xy, alone.xy, atol=1e-3)


def test_the_revision_of_a_file_is_its_hash(weights):
    assert len(of_file(weights).revision) == 12


def test_the_revision_of_torchvisions_own_weights_is_their_name():
    assert load_adapter("torchvision", []).revision == "COCO_V1"
    assert load_adapter("torchvision", [SMALL, "weights=none"]).revision == "none"


def test_untrained_networks_are_the_same_every_time(image):
    first, second = (
        answers(load_adapter("torchvision", [SMALL, "weights=none", "confidence=0"]), [image])[0] for _ in "12"
    )
    assert first.xy.tolist() == second.xy.tolist()


def test_weights_that_can_not_be_downloaded_are_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refused(*_args, **_options):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refused)
    monkeypatch.setattr("torch.hub.urlopen", refused)
    with pytest.raises(PredictorError, match=r"can't be downloaded from https.*no network.*-o weights=FILE\.pth"):
        load_adapter("torchvision", [SMALL]).open()


def test_weights_of_another_network_are_reported(weights):
    with pytest.raises(PredictorError, match=r"heads\.pth does not fit ssd300_vgg16"):
        load_adapter("torchvision", ["model=ssd300_vgg16", f"weights={weights}"]).open()


def test_a_file_of_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    path = tmp_path / "evil.pth"
    torch.save(Evil(), path)
    with pytest.raises(PredictorError, match=r"evil\.pth can't be read as weights"):
        of_file(path).open()


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file"):
        of_file(tmp_path / "nope.pth")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("model=fasterrcnn_resnet50", "not a detector of torchvision; did you mean"),
        ("weights=BEST", "or one of 'COCO_V1'"),
        ("label=persn", "not a class of the weights; did you mean 'person'"),
        ("most=0", "at least 1"),
    ],
)
def test_options_that_are_not_valid_are_refused(option, words):
    with pytest.raises(UsageError, match=words):
        load_adapter("torchvision", [option])
