"""ONNX exports: the outputs of the model at every size, and errors for other files."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

import onnx
import torch
from onnx import TensorProto, helper

from baselines.p2pnet import P2PNet, predict_points
from baselines.p2pnet.checkpoints import Record
from baselines.p2pnet.export import Exported, ExportError, export_onnx
from baselines.p2pnet.models import load_model
from crowdeval.errors import InputError, MissingFileError, UsageError

from . import crowd

thin = crowd.thin


def astray(**values):
    """Return a model whose proposals are some pixels away from their reference points."""
    torch.manual_seed(3)
    model = P2PNet(crowd.config(**values))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.1 * torch.randn(parameter.shape)
        model.regression[-1].weight.normal_(std=0.05)
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The model and the path of its export."""
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(crowd.TRUNKS, "thin", crowd.thin_trunk)
        model = astray()
        difference = export_onnx(model, path, Record(config=model.config, step=7, selected_on="somewhere"))
    assert 0 <= difference < 1e-3
    return model, path


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 64), (48, 160), (208, 32), (256, 384)])
def test_the_export_gives_the_models_proposals_at_any_size(exported, height, width):
    model, path = exported
    images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    found = Exported(path)(images)
    with torch.no_grad():
        expected = model(images)
    assert found.points.shape == expected.points.shape == (1, height // 8 * width // 8 * 4, 2)
    assert (found.points - expected.points).abs().max() < 1e-3
    assert (found.logits - expected.logits).abs().max() < 1e-4
    assert (found.stride, found.K) == (8, 4)


def expecting(model, pixels, tile):
    """Return the prediction of a model with expected counts."""
    config = model.config
    model.config = config.with_values({"counting": "expected"})
    try:
        return predict_points(model, pixels, confidence=0.0, tile=tile)
    finally:
        model.config = config


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (150, 90)])
@pytest.mark.parametrize("tile", [0, 64])
def test_the_export_predicts_the_models_points(exported, size, tile):
    model, path = exported
    pixels = crowd.picture(np.array([[20.0, 20.0], [50.0, 40.0]]), size)
    found, expected = (expecting(each, pixels, tile) for each in (Exported(path), model))
    assert found.points == pytest.approx(expected.points, abs=1e-3)
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    assert found.count == pytest.approx(expected.count, rel=1e-3)


def test_the_export_carries_the_record(exported):
    loaded = load_model(exported[1])
    assert loaded.kind == "onnx"
    assert (loaded.record.step, loaded.record.selected_on) == (7, "somewhere")
    assert loaded.record.config == exported[0].config


def test_the_export_is_one_valid_file(exported):
    onnx.checker.check_model(str(exported[1]), full_check=True)
    assert [path.name for path in exported[1].parent.iterdir()] == ["model.onnx"]


def test_the_papers_other_layout_is_exported_too(tmp_path):
    model = astray(stride=4, rows=3, lines=1, layout="center")
    assert export_onnx(model, tmp_path / "model.onnx") < 1e-3
    assert Exported(tmp_path / "model.onnx").config == model.config


def test_an_export_that_differs_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("baselines.p2pnet.export.TOLERANCE", -1.0)
    with pytest.raises(
        ExportError, match=r"the export differs from the model by .*, expected at most -1; it was not written"
    ):
        export_onnx(astray(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match=r"model\.onnx: no such model"):
        Exported(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"no model", bytes(100)])
def test_what_is_no_onnx_is_refused(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.onnx is not an ONNX model that ONNX Runtime can load"):
        Exported(tmp_path / "model.onnx")


def test_a_truncated_export_is_refused(exported, tmp_path):
    content = exported[1].read_bytes()
    (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"model\.onnx is not an ONNX model that ONNX Runtime can load"):
        Exported(tmp_path / "model.onnx")


def test_the_onnx_of_another_model_is_refused(tmp_path):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("images", "logits")]
    graph = helper.make_graph([helper.make_node("Relu", ["images"], ["logits"])], "other", values[:1], values[1:])
    document = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(document, tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"model\.onnx is not an export of this baseline: it has no valid record"):
        Exported(tmp_path / "model.onnx")


def test_rows_and_lines_are_not_for_an_export(exported):
    with pytest.raises(UsageError, match="has its own layout of reference points"):
        load_model(exported[1], lines=2)
