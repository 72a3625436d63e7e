import numpy as np
import pytest

from crowdeval.adapters import Image, answers, load_adapter, model_id
from crowdeval.adapters.onnx_input import make_preparation
from crowdeval.adapters.onnx_output import confidences_of
from crowdeval.errors import MissingFileError, PredictorError, UsageError

onnx = pytest.importorskip("onnx", reason="the tests of the onnx adapter make their models with onnx")
pytest.importorskip("onnxruntime", reason="the onnx adapter needs onnxruntime")

FLOAT = onnx.TensorProto.FLOAT


def saved(path, nodes, outputs, constants=(), *, image=("N", 3, "H", "W"), kind=FLOAT):
    """Write a model of one input, ``image``, to a file."""
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("image", kind, image)],
        [onnx.helper.make_tensor_value_info(name, of, None) for name, of in outputs.items()],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def constants_model(path, **values):
    """Write a model with constant outputs."""
    arrays = {f"{name}_": np.asarray(value, dtype=np.float32) for name, value in values.items()}
    nodes = [onnx.helper.make_node("Identity", [f"{name}_"], [name]) for name in values]
    return saved(path, nodes, dict.fromkeys(values, FLOAT), arrays)


def size_model(path):
    """Write a model that predicts one point, at the lower right corner of its input."""
    nodes = [
        onnx.helper.make_node("Shape", ["image"], ["shape"]),
        onnx.helper.make_node("Gather", ["shape", "order"], ["sides"]),
        onnx.helper.make_node("Cast", ["sides"], ["points"], to=FLOAT),
    ]
    return saved(path, nodes, {"points": FLOAT}, {"order": np.array([[3, 2]])})


def mean_model(path, **more):
    """Write a model whose density map is the mean of 2 x 2 pixels, over the channels."""
    nodes = [
        onnx.helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1),
        onnx.helper.make_node("AveragePool", ["grey"], ["density"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    return saved(path, nodes, {"density": FLOAT}, **more)


def answer(file, *options, width=40, height=20, pixels=None):
    pixels = np.zeros((height, width, 3), dtype=np.uint8) if pixels is None else pixels
    return answers(load_adapter("onnx", [f"file={file}", *options]), [Image(id="a", pixels=pixels)])[0]


@pytest.fixture
def model(tmp_path):
    return tmp_path / "tiny.onnx"


def test_named_outputs_are_points_and_confidences(model):
    constants_model(model, where=[[[1, 2], [3, 4]]], sure=[[0.25, 0.75]])
    found = answer(model, "output=where", "scores=sure")
    assert found.xy.tolist() == [[1, 2], [3, 4]]
    assert found.score.tolist() == [0.25, 0.75]


def test_outputs_of_the_usual_names_need_not_be_named(model):
    constants_model(model, scores=[0.25], points=[[1, 2]])
    found = answer(model)
    assert found.xy.tolist() == [[1, 2]]
    assert found.score.tolist() == [0.25]


def test_points_without_confidences_have_none(model):
    constants_model(model, points=[[1, 2]])
    assert answer(model).score is None


def test_a_column_after_the_coordinates_is_the_confidence(model):
    constants_model(model, points=[[1, 2, 0.5]])
    assert answer(model).score.tolist() == [0.5]


def test_confidences_of_several_classes_are_those_of_the_label_after_softmax(model):
    constants_model(model, points=[[[1, 2]]], scores=[[[0.0, np.log(3.0)]]])
    assert answer(model, "activation=softmax").score.tolist() == pytest.approx([0.75])
    assert answer(model, "activation=softmax", "label=0").score.tolist() == pytest.approx([0.25])


def test_points_below_the_lowest_confidence_are_dropped(model):
    constants_model(model, points=[[1, 2], [3, 4]], scores=[0.2, 0.5])
    assert answer(model, "confidence=0.5").xy.tolist() == [[3, 4]]


def test_a_model_may_predict_no_points(model):
    constants_model(model, points=np.zeros((0, 2)), scores=np.zeros(0))
    assert answer(model).xy.shape == (0, 2)


def test_coordinates_may_be_shares_of_the_image(model):
    constants_model(model, points=[[0.5, 0.25]])
    assert answer(model, "coordinates=unit").xy.tolist() == [[20, 5]]


def test_points_come_back_to_the_pixels_of_an_image_that_was_resized(model):
    size_model(model)
    assert answer(model, "size=80x10").xy.tolist() == [[40, 20]]


def test_padding_to_a_multiple_moves_no_point(model):
    size_model(model)
    assert answer(model, "multiple=32").xy.tolist() == [[64, 32]]


def test_boxes_become_points_after_suppression(model):
    constants_model(model, boxes=[[0, 0, 10, 20, 0.9], [0, 0, 10, 18, 0.8], [20, 0, 30, 20, 0.7]])
    found = answer(model, "kind=boxes", "nms=0.5", "point_at=0")
    assert found.xy.tolist() == [[5, 0], [25, 0]]
    assert found.score.tolist() == pytest.approx([0.9, 0.7])


def test_only_boxes_of_the_label_count(model):
    constants_model(model, boxes=[[0, 0, 10, 20], [20, 0, 30, 20]], labels=[2, 1], scores=[0.9, 0.8])
    assert answer(model, "kind=boxes", "labels=labels").xy.tolist() == [[25, 10]]


def test_a_density_map_is_a_count_and_its_maxima_are_points(model):
    mean_model(model)
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[4:6, 10:12] = 255
    found = answer(model, "kind=density", "threshold=0.5", pixels=pixels)
    assert found.count == pytest.approx(1.0)
    assert found.xy.tolist() == [[11.0, 5.0]]


def test_the_cells_of_a_padded_image_keep_their_place(model):
    mean_model(model)
    pixels = np.zeros((21, 39, 3), dtype=np.uint8)
    pixels[4:6, 10:12] = 255
    found = answer(model, "kind=density", "threshold=0.5", "multiple=16", pixels=pixels)
    assert found.xy.tolist() == [[11.0, 5.0]]


def test_a_model_of_fixed_size_gets_images_of_that_size(model):
    mean_model(model, image=(1, 3, 10, 20))
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[4:8, 20:24] = 255
    found = answer(model, "kind=density", "threshold=0.5", pixels=pixels)
    assert found.xy.tolist() == [[22.0, 6.0]]
    with pytest.raises(UsageError, match="fixed at 20x10"):
        load_adapter("onnx", [f"file={model}", "kind=density", "size=64"]).open()


def test_pixels_are_normalised_channel_by_channel_in_the_requested_order():
    options = {"scale": 1 / 255, "mean": "0,0.5,1", "std": "1,2,4", "layout": "nchw", "size": None, "multiple": 1}
    pixels = np.array([[[255, 0, 51]]], dtype=np.uint8)
    rgb = make_preparation(**options, channels="rgb").tensor(pixels, "tensor(float)", None).values
    assert rgb.shape == (1, 3, 1, 1)
    assert rgb.ravel().tolist() == pytest.approx([1.0, -0.25, -0.2])
    bgr = make_preparation(**options, channels="bgr").tensor(pixels, "tensor(float)", None).values
    assert bgr.ravel().tolist() == pytest.approx([0.2, -0.25, 0.0])


def test_a_channels_last_input_of_bytes_gets_the_pixels_as_they_are():
    options = {"scale": 1 / 255, "mean": "0", "std": "1", "channels": "rgb", "size": None, "multiple": 1}
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    shown = make_preparation(**options, layout="nhwc").tensor(pixels, "tensor(uint8)", None)
    assert shown.values.dtype == np.uint8
    assert (shown.values[0] == pixels).all()


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1), (1, 3, 1)])
def test_confidences_come_in_every_shape_that_exporters_write(shape):
    value = np.array([0.1, 0.2, 0.3]).reshape(shape)
    assert confidences_of("s", value, 3, "none", 1).tolist() == [0.1, 0.2, 0.3]


def test_one_point_of_two_classes_is_not_two_points_of_one():
    assert confidences_of("s", np.array([[0.1, 0.9]]), 1, "none", 1).tolist() == [0.9]


def test_the_revision_is_the_hash_of_the_file(model):
    constants_model(model, points=[[1, 2]])
    before = model_id(load_adapter("onnx", [f"file={model}"]))
    constants_model(model, points=[[1, 3]])
    assert before.startswith("tiny@")
    assert model_id(load_adapter("onnx", [f"file={model}"])) != before


def test_a_model_file_that_is_not_there_is_reported(model):
    with pytest.raises(MissingFileError, match=r"there is no file .*tiny\.onnx"):
        load_adapter("onnx", [f"file={model}"])


def test_a_file_that_is_no_onnx_model_is_reported(model):
    model.write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(PredictorError, match=r"tiny\.onnx is not a model that ONNX Runtime can load"):
        load_adapter("onnx", [f"file={model}"]).open()


def test_an_output_that_the_model_does_not_have_gets_suggestions(model):
    constants_model(model, points=[[1, 2]], confidence=[1])
    with pytest.raises(UsageError, match="no such output; did you mean 'confidence'"):
        load_adapter("onnx", [f"file={model}", "scores=confidences"]).open()


def test_an_output_of_the_wrong_shape_is_reported_with_the_image(model):
    constants_model(model, points=[1, 2, 3])
    with pytest.raises(PredictorError, match=r"image 'a': output 'points': expected shape \(N, 2\), found \(3,\)"):
        answer(model)


def test_too_few_confidences_are_reported(model):
    constants_model(model, points=[[1, 2], [3, 4]], scores=[1])
    with pytest.raises(PredictorError, match="output 'scores': expected 2 confidences"):
        answer(model)


def test_points_that_are_not_finite_are_reported(model):
    constants_model(model, points=[[1, np.nan]])
    with pytest.raises(PredictorError, match="image 'a': points: expected finite coordinates"):
        answer(model)


def test_a_model_of_two_inputs_is_refused(model):
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["a", "b"], ["points"])],
        "two",
        [onnx.helper.make_tensor_value_info(name, FLOAT, (1, 3, 4, 4)) for name in "ab"],
        [onnx.helper.make_tensor_value_info("points", FLOAT, None)],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), model)
    with pytest.raises(PredictorError, match="expected one input, an image of four dimensions, found 'a'"):
        load_adapter("onnx", [f"file={model}"]).open()


def test_an_input_that_the_network_can_not_take_is_reported_with_its_size(model):
    mean_model(model, image=(2, 3, "H", "W"))
    with pytest.raises(PredictorError, match="can't be run on an input of shape 1 x 3 x 20 x 40"):
        answer(model, "kind=density")


def test_a_provider_that_is_not_there_is_reported(model):
    constants_model(model, points=[[1, 2]])
    with pytest.raises(UsageError, match=r"-o provider=rocket: not in this ONNX Runtime.*CPUExecutionProvider"):
        load_adapter("onnx", [f"file={model}", "provider=rocket"]).open()


@pytest.mark.parametrize("option", ["mean=1,2", "std=0", "size=0", "size=10x", "multiple=0", "point_at=2", "nms=-1"])
def test_options_that_are_not_valid_are_refused(model, option):
    constants_model(model, points=[[1, 2]])
    with pytest.raises(UsageError, match=f"-o {option.partition('=')[0]}="):
        load_adapter("onnx", [f"file={model}", option])
