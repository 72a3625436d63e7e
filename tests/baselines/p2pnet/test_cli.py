"""The command line: results and messages of each verb, and one error message for bad input."""

import json
import re
import signal
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from PIL import Image
from scipy.io import savemat

from baselines.p2pnet.checkpoints import load_checkpoint
from baselines.p2pnet.cli import main
from baselines.p2pnet.config import Config
from baselines.p2pnet.drawing import draw
from crowdeval import evaluate, read_annotations, read_predictions

from . import crowd

thin = crowd.thin

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")


@pytest.fixture
def run(capfd, monkeypatch):
    """Return a function that runs the command line in this process: (exit code, stdout, stderr)."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["p2pnet", *map(str, args)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with images and a list file in photos/."""
    crowd.write_photos(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint of a model that finds the heads."""
    home = tmp_path_factory.mktemp("checkpoint")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(crowd.TRUNKS, "thin", crowd.thin_trunk)
        values = {"steps": 80, "lr": 0.01, "lr_backbone": 0.01, "validate_every": 80}
        crowd.train(home / "run", crowd.write_photos(home / "photos"), **values)
    return home / "run" / "best.safetensors"


TRAIN = ("train", "--train", "photos/list.txt", "--device", "cpu")


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("train", ["Train a model.", "--resume", "--all-folds", "shanghaitech-a", "torchrun"]),
        ("evaluate", ["Score the model in FILE on IMAGES.", "--root", "--save", "shanghaitech-a:test"]),
        ("predict", ["Find the people in IMAGES", "--draw", "--every", "--confidence", "--tile"]),
        ("export", ["Write the model in FILE as ONNX", "--out"]),
        ("info", ["Print the model in FILE", "--toml", "--config"]),
    ],
)
def test_a_verbs_help_says_what_it_does_and_shows_a_command(run, verb, words):
    code, out, err = run(verb, "--help")
    assert (code, err) == (0, "")
    assert [word for word in (*words, f"crowdeval p2pnet {verb}") if word not in out] == []


def test_the_help_lists_the_verbs(run):
    code, out, _ = run("--help")
    assert code == 0
    assert [verb for verb in ("train", "evaluate", "predict", "export", "info") if f"\n  {verb} " not in out] == []


def test_the_module_is_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "baselines.p2pnet", "--help"], env=crowd.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "Song et al., ICCV" in done.stdout


def test_train_makes_the_run_it_says(run, here):
    code, out, err = run(*TRAIN, "--out", "run", *crowd.settings(steps=3))
    assert (code, out) == (0, "")
    assert "6 images of photos/list.txt, checkpoint selected on 2 of the 8 images of photos/list.txt, seed 0" in err
    assert "step 3  nAP" in err
    assert {path.name for path in (here / "run").iterdir()} == {
        *("best.json", "best.safetensors", "last.json", "last.safetensors", "log.jsonl", "state.pt")
    }


def test_quiet_training_says_nothing_and_logs_all_the_same(run, here):
    assert run(*TRAIN, "--out", "run", "--quiet", *crowd.settings(steps=2)) == (0, "", "")
    assert len(crowd.steps_in(here / "run")) == 2


def test_a_run_is_resumed_only_on_request(run, here):
    command = (*TRAIN, "--out", "run", *crowd.settings(steps=2))
    assert run(*command)[0] == 0
    code, _, err = run(*command)
    assert code == 2
    assert err == "error: run: the folder already has a run; resume it with --resume, or give another --out\n"
    code, _, err = run(*command, "--resume")
    assert code == 0
    assert "resumes after step 2" in err


def test_a_resumed_run_with_another_config_is_refused(run, here):
    run(*TRAIN, "--out", "run", *crowd.settings(steps=2))
    code, _, err = run(*TRAIN, "--out", "run", "--resume", *crowd.settings(steps=4))
    assert code == 3
    assert err.startswith("error: run: the run was trained with another config: steps (2 -> 4)")


@pytest.mark.parametrize(("seed", "said"), [("validation_seed=0", False), ("validation_seed=3", True)])
def test_a_start_that_may_have_learned_what_is_set_aside_is_reported(run, here, seed, said):
    run(*TRAIN, "--out", "first", *crowd.settings(steps=1))
    start = ("-s", "start=first/last.safetensors", "-s", "seed=2", "-s", seed)
    code, _, err = run(*TRAIN, "--out", "second", *crowd.settings(steps=2), *start)
    words = "warning: last.safetensors was trained on other images of photos/list.txt, perhaps on some that are set"
    assert (code, words in err) == (0, said)
    code, _, err = run(*TRAIN, "--out", "second", "--resume", *crowd.settings(steps=2), *start)
    assert (code, words in err) == (0, False)


def test_an_annotations_file_and_a_folder_are_trained_on(run, here):
    images = [{"id": f"img_{index}", "points": [[10.0, 20.0]], "width": 96, "height": 80} for index in range(8)]
    content = {"format": "crowdeval/annotations@1", "images": images}
    (here / "truth.json").write_text(json.dumps(content))
    args = ("train", "--train", "truth.json,photos", "--device", "cpu", "--out", "run", *crowd.settings(steps=1))
    code, _, err = run(*args)
    assert code == 0, err
    assert load_checkpoint(here / "run" / "last.safetensors")[1].trained_on["points"] == 6


def test_validation_images_may_be_named(run, here):
    crowd.write_photos(here / "held", 3, seed=5)
    run(*TRAIN, "--validation", "held/list.txt", "--out", "run", *crowd.settings(steps=1))
    record = load_checkpoint(here / "run" / "best.safetensors")[1]
    assert (record.selected_on, record.trained_on["images"]) == ("held/list.txt", 8)


def test_tensorboard_gets_the_log(run, here):
    pytest.importorskip("tensorboard")
    code, _, err = run(*TRAIN, "--out", "run", "--tensorboard", *crowd.settings(steps=1))
    assert code == 0, err
    [events] = (here / "run" / "tensorboard").iterdir()
    content = events.read_bytes()
    assert b"training/loss" in content
    assert b"validation/nAP" in content


@pytest.fixture
def ucf(here):
    """Options for fifty grey images in the layout of UCF_CC_50; image n has n % 3 + 1 heads."""
    random = np.random.default_rng(0)
    (here / "ucf").mkdir()
    for number in range(1, 51):
        points = random.uniform(5, 59, (number % 3 + 1, 2))
        Image.fromarray(crowd.picture(points, (64, 64), number)).convert("L").save(here / "ucf" / f"{number}.jpg")
        savemat(here / "ucf" / f"{number}_ann.mat", {"annPoints": points})
    return ("train", "--dataset", "ucf-cc-50", "--root", "ucf", "--device", "cpu", "--out", "run")


def test_a_fold_is_trained_on_the_other_forty_images(run, here, ucf):
    code, _, err = run(*ucf, "--fold", "2", *crowd.settings(steps=1, validation_share=0.1))
    assert code == 0, err
    record = load_checkpoint(here / "run" / "best.safetensors")[1]
    assert record.trained_on["images"] == 36
    assert record.selected_on == "4 of the 40 images of ucf-cc-50:fold2-train, seed 0"


def test_all_five_folds_are_trained_scored_on_their_own_images_and_averaged(run, here, ucf):
    code, out, err = run(*ucf, "--all-folds", "--quiet", *crowd.settings(steps=1, validation_share=0.1))
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines] == ["fold", "fold1", "fold2", "fold3", "fold4", "fold5", "mean"]
    column = lines[0].index("MAE")
    values = [float(line[column]) for line in lines[1:]]
    assert values[5] == pytest.approx(sum(values[:5]) / 5, abs=0.06)
    assert sorted(path.name for path in (here / "run").iterdir()) == ["fold1", "fold2", "fold3", "fold4", "fold5"]


def test_a_fold_of_another_dataset_is_refused(run, here):
    for folds in (["--fold", "1"], ["--all-folds"]):
        code, _, err = run("train", "--dataset", "shanghaitech-a", *folds, "--out", "run")
        assert (code, err) == (2, "error: --fold and --all-folds: expected --dataset ucf-cc-50, found shanghaitech-a\n")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--out", "run"], 2, "expected --dataset, --train, or a config with train = ..."),
        (
            ["--train", "photos/list.txt", "--dataset", "nwpu", "--out", "run"],
            2,
            "--dataset and --train exclude each other",
        ),
        (["--train", "nope.txt", "--out", "run"], 4, "nope.txt: no such file; expected a dataset"),
        (["--dataset", "ucf-cc-50", "--out", "run"], 2, "no official split: expected --fold 1 to 5, or --all-folds"),
        (["--train", "photos/list.txt", "--out", "run", "-s", "strid=4"], 2, "no value 'strid'; did you mean 'stride'"),
        (["--train", "photos/list.txt", "--out", "run", "-s", "stride=5"], 2, "stride: expected 4, 8 or 16, found 5"),
        (["--train", "photos/list.txt", "--out", "run", "-s", "stride"], 2, "expected NAME=VALUE"),
        (["--train", "photos/list.txt", "--out", "run", "--config", "shanghaitech-c"], 4, "did you mean 'shang"),
        (["--train", "photos/img_0.png", "--out", "run"], 3, "img_0.png: expected UTF-8 text, found the byte 0x89"),
        (["--train", "photos/img_0.txt", "--out", "run"], 4, "no such image"),
        (["--out"], 2, "requires an argument"),
        (["--train", "photos/list.txt", "--out", "run", "-s", "train=nwpu:train"], 2, "leave one out"),
        (["--train", "photos/list.txt", "--out", "run", "-s", "validation=no.txt"], 4, "no.txt: no such file"),
        (
            ["--dataset", "ucf-cc-50", "--fold", "2", "--all-folds", "--out", "run"],
            2,
            "--fold and --all-folds exclude each",
        ),
    ],
)
def test_what_can_not_be_trained_is_one_clear_message(run, here, args, code, words):
    found, out, err = run("train", "--device", "cpu", *args)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert not (here / "run").exists()


@NO_CUDA
def test_cuda_that_is_asked_for_and_absent_is_one_clear_message(run, here, checkpoint):
    said = "error: device: 'cuda' was requested, and torch finds 0 CUDA devices on this machine; use --device cpu\n"
    assert run("train", "--train", "photos/list.txt", "--out", "run", "--device", "cuda") == (2, "", said)
    assert run("evaluate", checkpoint, "photos/list.txt", "--device", "cuda") == (2, "", said)
    assert run("predict", checkpoint, "photos", "-o", "found.json", "--device", "cuda") == (2, "", said)


def test_evaluate_prints_crowdevals_report_on_the_predictions_it_saves(run, here, checkpoint):
    code, out, _ = run("evaluate", checkpoint, "photos/list.txt", "--save", "found.json", "--format", "json", "--quiet")
    assert code == 0
    images = [
        {"id": f"img_{index}", "points": np.loadtxt(here / "photos" / f"img_{index}.txt", ndmin=2).tolist()}
        for index in range(8)
    ]
    (here / "truth.json").write_text(json.dumps({"format": "crowdeval/annotations@1", "images": images}))
    expected = evaluate(read_predictions("found.json"), read_annotations("truth.json"))
    values = json.loads(out)["values"]
    assert values["MAE"] == pytest.approx(expected.values["MAE"])
    assert values["MAE"] < 5


def test_predict_finds_the_heads_of_a_folder(run, here, checkpoint):
    code, out, err = run("predict", checkpoint, "photos", "-o", "found.json")
    assert (code, out) == (0, "")
    found = read_predictions("found.json")
    assert found.image_ids == tuple(f"img_{index}" for index in range(8))
    assert err.splitlines()[0].startswith("img_0: ")
    heads = sum(int(line.rpartition(" ")[2]) for line in err.splitlines())
    assert heads == (found.score > 0.5).sum()
    assert 20 < heads < 60


def test_expected_counts_are_written_said_and_scored(run, here, checkpoint):
    code, _, err = run("predict", checkpoint, "photos", "-o", "found.json", "--counting", "expected")
    assert code == 0
    found = read_predictions("found.json")
    assert np.isfinite(found.counts).all()
    assert [int(line.rpartition(" ")[2]) for line in err.splitlines()] == found.counts.round().tolist()
    _, out, err = run("evaluate", checkpoint, "photos/list.txt", "--counting", "expected", "--format", "json")
    assert json.loads(out)["values"]["MAE"] == pytest.approx(np.abs(found.counts - 5).mean())
    assert "own-counts: every image has a count" in err
    _, out, err = run("evaluate", checkpoint, "photos/list.txt", "--format", "json")
    assert json.loads(out)["values"]["MAE"] != pytest.approx(np.abs(found.counts - 5).mean())
    assert "own-counts" not in err


def test_predict_takes_a_pattern_and_prints_on_standard_output(run, here, checkpoint):
    code, out, err = run("predict", checkpoint, "photos/img_[0-2].png", "-o", "-", "--quiet", "--confidence", "0.5")
    assert (code, err) == (0, "")
    images = json.loads(out)["images"]
    assert [image["id"] for image in images] == ["img_0", "img_1", "img_2"]
    assert min(score for image in images for score in image["scores"]) >= 0.5


def test_predict_draws_pictures_of_what_it_found(run, here, checkpoint):
    code, _, err = run("predict", checkpoint, "photos/img_0.png", "-o", "found.json", "--draw", "pictures/deep")
    assert code == 0, err
    [path] = (here / "pictures" / "deep").iterdir()
    with Image.open(path) as drawn, Image.open("photos/img_0.png") as image:
        assert (path.name, drawn.size) == ("img_0.jpg", image.size)
        pixels = np.asarray(drawn, dtype=int)
    assert (pixels[..., 0] - pixels[..., 1] > 60).sum() > 30  # red rings


def test_a_picture_says_the_count_also_where_few_points_are_kept(run, here, checkpoint):
    values = ("--counting", "expected", "--confidence", "1")
    code, _, err = run("predict", checkpoint, "photos/img_0.png", "-o", "found.json", "--draw", "pictures", *values)
    assert (code, read_predictions("found.json").xy.size) == (0, 0)
    with Image.open("photos/img_0.png") as image:
        draw(np.asarray(image), np.zeros((0, 2)), int(err.rpartition(" ")[2]), here / "expected.jpg")
        draw(np.asarray(image), np.zeros((0, 2)), 0, here / "other.jpg")
    assert (here / "pictures" / "img_0.jpg").read_bytes() == (here / "expected.jpg").read_bytes()
    assert (here / "expected.jpg").read_bytes() != (here / "other.jpg").read_bytes()


def test_what_a_format_does_not_keep_is_one_line(run, here, checkpoint):
    options = ("--counting", "expected")
    said = "warning: the format 'nwpu' does not keep 'scores', 'counts'"
    _, _, err = run("predict", checkpoint, "photos/img_0.png", "-o", "found.txt", *options)
    assert err.splitlines()[0] == said
    _, _, err = run("evaluate", checkpoint, "photos/list.txt", "--save", "other.txt", *options)
    assert said in err.splitlines()
    _, _, err = run("predict", checkpoint, "photos/img_0.png", "-o", "found.txt", "--quiet", *options)
    assert err == ""


def test_predict_takes_the_frames_of_a_video(run, here, checkpoint):
    av = pytest.importorskip("av")
    with av.open("crowd.mp4", "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 80, "yuv420p"
        for number in range(5):
            pixels = crowd.picture(np.array([[20.0 + 10 * number, 40.0]]), (96, 80))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    code, _, err = run("predict", checkpoint, "crowd.mp4", "--every", "2", "-o", "found.jsonl")
    assert code == 0, err
    assert read_predictions("found.jsonl").image_ids == ("crowd_000000", "crowd_000002", "crowd_000004")


def test_two_images_of_one_name_are_refused(run, here, checkpoint):
    crowd.write_photos(here / "other", 1)
    code, _, err = run("predict", checkpoint, "photos/img_0.png", "other/img_0.png", "-o", "found.json")
    assert code == 2
    assert err == "error: two images have the id 'img_0': predict them separately, each with its own --out\n"
    assert not (here / "found.json").exists()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["nope.png"], 4, "nope.png: no such file, folder or match"),
        (["photos/list.txt"], 3, "photos/list.txt is not an image that can be read"),
        (["photos", "--tile", "40"], 2, "tile: expected a multiple of 16, or 0 for the whole image at once, found 40"),
        (["photos", "--precision", "int8"], 2, "'float32', 'bf16', 'fp16'"),
        (["photos", "--confidence", "2"], 2, "0<=x<=1"),
        (["photos", "--rows", "2"], 2, "has its own layout of reference points"),
        ([], 2, "Missing argument 'IMAGES...'"),
    ],
)
def test_what_can_not_be_predicted_is_one_clear_message(run, here, checkpoint, args, code, words):
    found, out, err = run("predict", checkpoint, "-o", "found.json", *args)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert not (here / "found.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("nope.safetensors", None, 4, "nope.safetensors: no such checkpoint"),
        ("nope.onnx", None, 4, "nope.onnx: no such model"),
        ("nope.pth", None, 4, "nope.pth: no such weights file"),
        ("a.safetensors", b"text", 3, "a.safetensors is truncated or not a safetensors file"),
        ("a.onnx", b"text", 3, "a.onnx is not an ONNX model"),
        ("a.pth", b"", 3, "a.pth is not a weights file"),
    ],
)
@pytest.mark.parametrize("verb", ["predict", "evaluate", "info", "export"])
def test_a_file_that_is_no_model_is_one_clear_message(run, here, verb, name, content, code, words):
    if content is not None:
        (here / name).write_bytes(content)
    rest = {"predict": ["photos", "-o", "found.json"], "evaluate": ["photos/list.txt"]}.get(verb, [])
    found, out, err = run(verb, name, *rest)
    assert (found, out) == (code, "")
    assert words in err
    assert "Traceback" not in err


def test_export_writes_a_model_that_predicts_the_same(run, here, checkpoint):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    code, out, err = run("export", checkpoint, "--out", "model.onnx")
    assert code == 0, err
    assert out.startswith("model.onnx: ")
    counts = [run("predict", model, "photos", "-o", "found.json")[2] for model in (checkpoint, "model.onnx")]
    assert counts[0] == counts[1]
    code, _, err = run("export", "model.onnx")
    assert (code, err) == (2, "error: FILE: expected a checkpoint, found the ONNX export model.onnx\n")


def test_info_of_a_checkpoint_says_what_it_is_and_where_it_came_from(run, checkpoint):
    code, out, _ = run("info", checkpoint)
    assert code == 0
    for words in (
        "P2PNet, thin,",
        "4 in each 8 x 8 cell (2 rows x 2 lines, grid); 256 in a 64 x 64 crop",
        "196 pixels in the trunk, up to 260 for a proposal; the margin of a tile is 128",
        "80 steps on 6 images of",
        "2 of the 8 images of",
        "trunk from",
        "20.0  (paper: 100.0)",
        "80  (default: 500)",
    ):
        assert words in out


def test_info_of_nothing_is_the_papers_model(run):
    code, out, _ = run("info")
    assert code == 0
    assert "P2PNet, vgg16_bn, 17,973,072 parameters" in out
    assert "all values of the paper\n" in out
    assert "configs that ship: nwpu, shanghaitech-a, shanghaitech-b, ucf-cc-50, ucf-qnrf" in out


def test_info_prints_a_config_that_training_takes(run, here):
    code, out, _ = run("info", "--toml", "--config", "ucf-qnrf", *crowd.settings(stride=4, rows=3, lines=1, steps=1))
    assert code == 0
    values = tomllib.loads(out)
    assert (values["stride"], values["rows"], values["max_side"], values["backbone"]) == (4, 3, 1408, "thin")
    (here / "mine.toml").write_text(out)
    code, _, err = run(*TRAIN, "--out", "run", "--config", "mine.toml")
    assert code == 0, err
    assert load_checkpoint(here / "run" / "last.safetensors")[1].config.K == 3


def test_info_of_a_checkpoint_takes_no_config(run, checkpoint):
    code, _, err = run("info", checkpoint, "-s", "stride=4")
    assert (code, err) == (2, f"error: {checkpoint} has its own config: give FILE, or --config and --set, not both\n")


def test_more_heads_than_proposals_end_the_command_with_the_image(run, here):
    crowd.write_photos(here / "dense", size=(64, 64), heads=30)
    values = {"stride": 16, "rows": 1, "lines": 1, "scale_least": 1.0, "scale_most": 1.0, "steps": 1}
    args = ("train", "--train", "dense/list.txt", "--out", "run", "--device", "cpu", *crowd.settings(**values))
    code, _, err = run(*args)
    assert code == 3
    assert "30 heads and only 16 proposals (stride 16, K = 1)" in err
    assert "Traceback" not in err


def test_a_dataset_that_is_named_goes_before_the_one_of_a_config():
    from baselines.p2pnet.cli.train import _is_same_source

    assert _is_same_source("ShanghaiTech_A:train", "shanghaitech-a:train")
    assert not _is_same_source("shanghaitech-a:test", "shanghaitech-a:train")
    assert not _is_same_source("nwpu:train", "shanghaitech-a:train")


@pytest.mark.parametrize("name", ["UCF_QNRF", "UCF-QNRF", "ucfqnrf:train"])
def test_a_datasets_own_config_is_found_however_it_is_spelt(name):
    from baselines.p2pnet.cli.choices import choose_config

    assert (choose_config(name, [], needed=False).K, choose_config(name, [], needed=False).max_side) == (8, 1408)


def test_a_setting_may_have_its_quotes():
    from baselines.p2pnet.config import with_settings

    assert with_settings(Config(), ['schedule="cosine"', "backbone_weights='A b.pth'"]).backbone_weights == "A b.pth"


def test_a_run_folder_that_is_a_file_is_one_message(run, tmp_path):
    source = crowd.write_photos(tmp_path / "photos")
    (tmp_path / "taken").write_text("a file")
    code, _, said = run("train", "--train", source, "-o", tmp_path / "taken", "-s", "backbone_weights=none")
    assert code != 0
    assert "Traceback" not in said
    assert "taken" in said


@pytest.mark.parametrize(("out", "words"), [("p.xyz", "xyz"), ("nowhere/p.json", "there is no folder")])
def test_predictions_that_can_not_be_written_are_refused_before_the_work(run, tmp_path, out, words):
    code, _, said = run("predict", tmp_path / "no-model.safetensors", tmp_path, "-o", tmp_path / out)
    assert code != 0
    assert words in said
    assert "no-model" not in said


def test_folds_choose_the_split_themselves(run, tmp_path):
    code, _, said = run("train", "--dataset", "ucf-cc-50:all", "--all-folds", "-o", tmp_path / "run")
    assert code == 2
    assert "--fold and --all-folds set the split: expected --dataset ucf-cc-50, found ucf-cc-50:all" in said


def test_a_configs_validation_images_are_taken(run, here):
    crowd.write_photos(here / "held", 3, seed=5)
    (here / "mine.toml").write_text('validation = "held/list.txt"\n')
    for out, more in (("a", ["--config", "mine.toml"]), ("b", ["-s", "validation=held/list.txt"])):
        assert run(*TRAIN, "--out", out, *more, *crowd.settings(steps=1))[0] == 0
        assert load_checkpoint(here / out / "best.safetensors")[1].selected_on == "held/list.txt"


def test_a_run_to_go_on_with_that_is_not_there_is_reported(run, here):
    code, _, err = run(*TRAIN, "--out", "rum", "--resume", *crowd.settings(steps=1))
    assert code == 0
    assert "rum has no run to resume: a new run begins there" in err


def test_pictures_are_never_written_over_the_images(run, here, checkpoint):
    Image.open(here / "photos" / "img_0.png").save(here / "photos" / "a.jpg")
    before = (here / "photos" / "a.jpg").read_bytes()
    code, _, err = run("predict", checkpoint, "photos", "-o", "found.json", "--draw", "photos/../photos")
    assert code == 2
    assert "would replace the image photos/../photos/a.jpg; give another folder" in err
    assert (here / "photos" / "a.jpg").read_bytes() == before
    assert not (here / "found.json").exists()


def test_an_export_runs_in_its_own_precision(run, here, checkpoint):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    assert run("export", checkpoint, "--out", "model.onnx")[0] == 0
    for command in (("predict", "model.onnx", "photos", "-o", "p.json"), ("evaluate", "model.onnx", "photos/list.txt")):
        code, _, err = run(*command, "--precision", "bf16")
        assert (code, err) == (2, "error: precision: expected float32 for the ONNX export model.onnx, found bf16\n")


def test_without_torch_a_verb_says_what_to_install(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    environment = crowd.environment()
    environment["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "baselines.p2pnet", "info"], env=environment, capture_output=True, text=True
    )
    assert (
        done.stderr == "error: the baseline needs the package torch: pip install '.[p2pnet]' in a clone of crowdeval\n"
    )
    assert done.returncode == 2


def test_without_out_a_run_goes_where_its_dataset_says(run, here, ucf):
    command = [each for each in ucf if each not in ("--out", "run")]
    code, _, err = run(*command, "--fold", "2", *crowd.settings(steps=1, validation_share=0.1))
    assert code == 0, err
    assert (here / "runs" / "ucf-cc-50-fold2" / "best.safetensors").is_file()
    code, _, err = run(*TRAIN)
    assert (code, err) == (2, "error: no folder for the run: expected --out\n")


def test_the_last_word_of_a_training_is_its_best_checkpoint(run, here):
    _, _, err = run(*TRAIN, "--out", "run", *crowd.settings(steps=2))
    record = load_checkpoint(here / "run" / "best.safetensors")[1]
    value = f"{record.selected_by['nAP']:.3f}"
    assert err.splitlines()[-1] == f"run/best.safetensors: step 2, selected by nAP {value}"


def test_an_interrupted_training_names_the_step_it_goes_on_after(here):
    values = crowd.settings(steps=100_000, validate_every=20, save_every=10)
    training = crowd.start_program(*TRAIN, "--out", "run", *values)
    log = here / "run" / "log.jsonl"
    while not (log.exists() and log.read_text().count("loss") > 25) and training.poll() is None:
        time.sleep(0.01)
    training.send_signal(signal.SIGINT)
    _, err = training.communicate()
    assert training.returncode == 130, err
    said = re.search(r"error: stopped at step (\d+); .* with --resume continues after step (\d+), the last", err)
    assert said, err
    stopped, saved = map(int, said.groups())
    assert 20 <= saved <= stopped
    assert saved % 10 == 0
    assert load_checkpoint(here / "run" / "last.safetensors")[1].step == saved


def test_info_prints_every_value_of_the_config(run):
    _, out, _ = run("info", "-s", "stride=4", "-s", "compile=true")
    lines = dict(
        line.strip().split(maxsplit=1) for line in out.split("not the paper's\n")[1].split("\n\n")[0].splitlines()
    )
    assert lines.keys() == Config().as_dict().keys()
    assert (lines["stride"], lines["compile"]) == ("4  (paper: 8)", "true  (default: false)")
    assert (lines["gamma"], lines["train"], lines["crops"]) == ("100.0", '""', "4")


def test_an_export_is_never_written_over_its_checkpoint(run, here, checkpoint):
    before = checkpoint.read_bytes()
    code, _, err = run("export", checkpoint, "--out", checkpoint)
    assert (code, err) == (2, f"error: --out: expected a file name that ends in .onnx, found {checkpoint}\n")
    assert checkpoint.read_bytes() == before
