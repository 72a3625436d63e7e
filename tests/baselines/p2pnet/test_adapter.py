"""The adapter: a prediction for each image of any size, from a checkpoint, a released checkpoint or an export."""

from importlib.metadata import entry_points

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from baselines.p2pnet import P2PNet, predict_points
from baselines.p2pnet.checkpoints import Record, save_checkpoint
from baselines.p2pnet.export import export_onnx
from baselines.p2pnet.models import load_model
from crowdeval.adapters import Image, answers, load_adapter, model_id
from crowdeval.errors import InputError, MissingFileError, PredictorError, UsageError

from . import crowd

thin = crowd.thin

PLACE = "baselines.p2pnet.adapter:P2PNetAdapter"


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = P2PNet(crowd.config())
    torch.nn.init.normal_(model.regression[-1].weight, std=0.05)
    return model.eval()


@pytest.fixture
def file(tmp_path, model):
    record = Record(config=model.config, selected_on="2 of the 8 images of list.txt, seed 0")
    save_checkpoint(tmp_path / "best.safetensors", model.state_dict(), record)
    return tmp_path / "best.safetensors"


def adapter(file, *options, place=PLACE):
    return load_adapter(place, [f"file={file}", "device=cpu", *options])


def image(name, size):
    return Image(id=name, pixels=crowd.picture(np.array([[20.0, 20.0], [50.0, 40.0]]), size))


def test_every_image_gets_its_answer(file, model):
    images = [image("a", (96, 80)), image("b", (64, 48)), image("c", (130, 70))]
    found = answers(adapter(file), images)
    assert len(found) == 3
    for each, answer in zip(images, found, strict=True):
        expected = predict_points(model, each.pixels)
        assert answer.xy == pytest.approx(expected.points)
        assert answer.score == pytest.approx(expected.scores)
        assert len(expected.points) > 0


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (300, 1), (15, 17)])
def test_the_smallest_images_are_answered_with_points_inside(file, size):
    [answer] = answers(adapter(file, "confidence=0.0"), [image("small", size)])
    assert ((answer.xy >= 0) & (answer.xy < size)).all()


def test_the_count_is_told_where_it_is_the_expected_one(file, model):
    images = [image("a", (96, 80)), image("b", (64, 48))]
    assert [each.count for each in answers(adapter(file), images)] == [None, None]
    found = [each.count for each in answers(adapter(file, "counting=expected"), images)]
    expecting = load_model(file, counting="expected").model
    assert found == pytest.approx([predict_points(expecting, each.pixels).count for each in images])
    assert min(found) > 0


def test_a_model_that_counts_by_expectation_does_so_unasked_and_is_called_so(tmp_path, model):
    expecting = tmp_path / "expecting.safetensors"
    save_checkpoint(expecting, model.state_dict(), Record(config=crowd.config(counting="expected")))
    assert adapter(expecting).name == "p2pnet-expected"
    assert adapter(expecting, "name=mine").name == "mine"
    assert adapter(expecting, "counting=threshold").name == "p2pnet"
    assert answers(adapter(expecting), [image("a", (96, 80))])[0].count > 0
    assert answers(adapter(expecting, "counting=threshold"), [image("a", (96, 80))])[0].count is None


def test_what_a_model_can_not_count_by_is_refused_before_the_images(tmp_path, file, model):
    with pytest.raises(UsageError, match="counting"):
        adapter(file, "counting=sum")
    with pytest.raises(UsageError, match="counting: expected 'threshold', 'expected', found 'sum'"):
        load_model(file, counting="sum")
    save_checkpoint(tmp_path / "no.safetensors", model.state_dict(), Record(config=crowd.config(lambda1=0.0)))
    with pytest.raises(UsageError, match="counting: expected 'threshold' with lambda1 = 0"):
        adapter(tmp_path / "no.safetensors", "counting=expected")
    expecting = load_model(file, counting="expected").model
    assert predict_points(expecting, image("a", (96, 80)).pixels).count > 0
    assert predict_points(load_model(file, counting="threshold").model, image("a", (96, 80)).pixels).count is None


def test_no_images_get_no_answers(file):
    assert answers(adapter(file), []) == []


def test_a_big_image_in_tiles_is_the_whole_image(file):
    pixels = np.tile(crowd.picture(np.array([[20.0, 20.0], [50.0, 40.0]]), (100, 100)), (20, 30, 1))
    big = Image(id="big", pixels=pixels)
    assert pixels.shape == (2000, 3000, 3)
    [tiled] = answers(adapter(file, "tile=512", "confidence=0.3"), [big])
    [whole] = answers(adapter(file, "tile=0", "confidence=0.3"), [big])
    tiled, whole = (np.column_stack([each.xy, each.score]) for each in (tiled, whole))
    order = [np.lexsort((each[:, 1].round(1), each[:, 0].round(1))) for each in (tiled, whole)]
    assert len(tiled) == len(whole) > 1000
    assert np.abs(np.sort(tiled[:, 2]) - np.sort(whole[:, 2])).max() < 1e-4
    assert np.median(np.abs(tiled[order[0]] - whole[order[1]])) < 1e-4


def test_confidence_is_the_least_that_is_kept(file):
    kept = []
    for least in (0.0, 0.5, 1.0):
        [answer] = answers(adapter(file, f"confidence={least}"), [image("a", (96, 80))])
        kept.append(len(answer.xy))
    assert kept[0] > kept[1] > kept[2] == 0


def test_it_says_what_the_checkpoint_was_selected_on_and_where_it_runs(file):
    predictor = adapter(file)
    assert predictor.selected_on == "2 of the 8 images of list.txt, seed 0"
    assert predictor.device == "cpu"


def test_its_revision_is_the_files(file, tmp_path, model):
    before = model_id(adapter(file))
    copied = tmp_path / "copied.safetensors"
    copied.write_bytes(file.read_bytes())
    assert model_id(adapter(copied)) == before
    with torch.no_grad():
        model.neck.top.bias[0] += 1
    save_checkpoint(file, model.state_dict(), Record(config=model.config))
    after = model_id(adapter(file))
    assert before != after
    assert {each.partition("@")[0] for each in (before, after)} == {"p2pnet"}


def test_its_name_in_tables_may_be_given(file):
    assert model_id(adapter(file, "name=mine")).startswith("mine@")


def test_it_is_opened_again_after_it_was_closed(file):
    predictor = adapter(file)
    predictor.close()
    predictor.open()
    assert len(answers(predictor, [image("a", (96, 80))])) == 1


@pytest.mark.skipif("p2pnet" not in entry_points(group="crowdeval.adapters").names, reason="runs from a checkout")
def test_installed_it_is_known_by_its_name(file):
    assert len(answers(adapter(file, place="p2pnet"), [image("a", (96, 80))])) == 1


def test_the_export_gives_the_checkpoints_points(file, tmp_path, model):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    export_onnx(model, tmp_path / "model.onnx", Record(config=model.config, selected_on="elsewhere"))
    images = [image("a", (96, 80)), image("b", (150, 33))]
    exported, whole = (adapter(each, "confidence=0.0") for each in (tmp_path / "model.onnx", file))
    for found, expected in zip(answers(exported, images), answers(whole, images), strict=True):
        assert found.xy == pytest.approx(expected.xy, abs=1e-3)
        assert found.score == pytest.approx(expected.score, abs=1e-4)
    assert exported.selected_on == "elsewhere"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("confidence=1.5", "-o confidence: expected a number from 0 to 1, found 1.5"),
        ("tile=100", "-o tile: expected a multiple of 16, or 0 for the whole image at once, found 100"),
        ("tile=-16", "-o tile: expected a multiple of 16"),
        ("precision=float8", "precision"),
        ("tiles=64", "no option 'tiles'; did you mean 'tile'"),
        ("rows=2", "has its own layout of reference points"),
    ],
)
def test_options_that_mean_nothing_are_refused(file, option, words):
    with pytest.raises(UsageError, match=words):
        adapter(file, option)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_cuda_that_is_asked_for_and_absent_is_reported(file):
    with pytest.raises(UsageError, match="'cuda' was requested"):
        load_adapter(PLACE, [f"file={file}", "device=cuda"])


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises((MissingFileError, PredictorError), match="there is no file"):
        adapter(tmp_path / "nope.safetensors")


def test_a_file_that_is_no_model_is_reported(tmp_path):
    (tmp_path / "notes.safetensors").write_text("no weights")
    with pytest.raises(
        (InputError, PredictorError), match=r"notes\.safetensors is truncated or not a safetensors file"
    ):
        adapter(tmp_path / "notes.safetensors")
