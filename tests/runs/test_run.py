"""Runs can be resumed after any interruption and after any failure of the predictor."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image as Pillow
from toy_runs import ADAPTER

from crowdeval import report_of
from crowdeval.adapters import load_adapter
from crowdeval.adapters.frames import Frames
from crowdeval.datasets import open_dataset
from crowdeval.errors import (
    AlignmentError,
    CrowdevalWarning,
    FormatError,
    MissingFileError,
    PredictorError,
    UsageError,
)
from crowdeval.evaluation.parts import evidence_beside
from crowdeval.evaluation.protocol import Protocol
from crowdeval.runs.folder import RunFolder, is_run_folder, run_predictions
from crowdeval.runs.run import Plan, run
from crowdeval.runs.scoring import report_file, score_run, stored_report


def split_of(dataset):
    return open_dataset(f"folder:{dataset / 'crowd'}", cache=False)


def start_run(dataset, *options, shard=4, base="runs", **more):
    plan = Plan(adapter="spots", options=dict(o.split("=") for o in options), shard=shard)
    predictor = load_adapter(f"{dataset / 'spots.py'}:Spots", options)
    return run(plan, predictor, split_of(dataset), dataset / base, **more)


def files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder.path / "shards").glob("*"))}


def test_a_run_finds_every_spot_and_scores(dataset):
    outcome = start_run(dataset)
    assert (outcome.done, dict(outcome.failures)) == (23, {})
    report = score_run(outcome.folder, split_of(dataset), Protocol())
    assert report["nAP"] == 1
    assert report.about["model"] == "spots"
    assert report.per_image is not None
    assert stored_report(outcome.folder, split_of(dataset), Protocol()).values == report.values


def test_a_run_keeps_evidence_beside_its_report(dataset):
    folder = start_run(dataset).folder
    report = score_run(folder, split_of(dataset), Protocol())
    kept = stored_report(folder, split_of(dataset), Protocol())
    evidence = evidence_beside(kept.evidence, report_file(folder, Protocol()))
    assert report_of(evidence).values == report.values
    assert report_of(evidence).about == report.about


def test_a_second_run_predicts_nothing(dataset):
    first = start_run(dataset)
    manifest = first.folder.manifest()
    assert start_run(dataset).done == 23
    assert first.folder.manifest() == manifest


def test_the_manifest_says_how_it_was_made(dataset):
    manifest = start_run(dataset, "pause=0.0").folder.manifest()
    assert manifest["options"] == {"pause": "0.0"}
    assert manifest["batch_size"] == 2
    assert manifest["fingerprint"] == split_of(dataset).annotations.fingerprint
    assert manifest["finished"]
    assert set(manifest) >= {"command", "versions", "hardware", "seconds", "frames", "dataset", "images"}


def test_other_options_go_to_another_folder(dataset):
    assert start_run(dataset).folder != start_run(dataset, "pause=0.001").folder


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "RuntimeError: out of luck"),
        ("nan", "finite"),
        ("shape", r"shape \(N, 2\)"),
        ("none", "found nothing"),
        ("scores", "expected 1 scores, one for each point"),
        ("key", "did you mean 'points'"),
        ("exit", "SystemExit: 3"),
        ("ragged", "rectangular"),
    ],
)
def test_a_failing_image_is_a_row_and_costs_no_other(dataset, how, words):
    outcome = start_run(dataset, "bad=img_03,img_10", f"how={how}")
    assert set(outcome.failures) == {"img_03", "img_10"}
    rows = [json.loads(line) for line in outcome.folder.errors.read_text().splitlines()]
    assert [row["image"] for row in rows] == ["img_03", "img_10"]
    for row in rows:
        assert "spots@1" in row["error"]
        assert row["image"] in row["error"]
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(row["error"])
    found = run_predictions(outcome.folder)
    assert len(found.image_ids) == 21
    with pytest.raises(AlignmentError, match="2 of 23"):
        score_run(outcome.folder, split_of(dataset), Protocol())
    assert score_run(outcome.folder, split_of(dataset), Protocol(missing="empty"))["MAE"] > 0


def test_a_failed_image_is_tried_again_and_the_bytes_are_those_of_a_run_without_failure(dataset):
    whole = files(start_run(dataset, base="whole").folder)
    split, plan = split_of(dataset), Plan(adapter="spots", shard=4)
    path = f"{dataset / 'spots.py'}:Spots"
    unlucky = load_adapter(path, ["bad=img_03"])
    first = run(plan, unlucky, split, dataset / "runs")
    assert set(first.failures) == {"img_03"}
    again = run(plan, load_adapter(path), split, dataset / "runs")
    assert again.folder == first.folder
    assert files(again.folder) == whole
    assert again.folder.errors.read_text() == ""


@pytest.mark.parametrize("shard", [1, 4])
@pytest.mark.parametrize(("how", "words"), [("count", "count without points"), ("unscored", "no scores")])
def test_an_answer_of_another_kind_is_an_error_row(dataset, how, words, shard):
    outcome = start_run(dataset, "bad=img_03", f"how={how}", shard=shard)
    assert outcome.done == 22
    assert words in outcome.failures["img_03"]
    assert "spots@1, image 'img_03'" in outcome.failures["img_03"]
    assert run_predictions(outcome.folder).score is not None


def test_a_retry_keeps_the_previous_predictions(dataset):
    plan, path = Plan(adapter="spots", shard=4), f"{dataset / 'spots.py'}:Spots"
    first = run(plan, load_adapter(path, ["bad=img_03"]), split_of(dataset), dataset / "runs")
    with pytest.raises(PredictorError, match="--max-failures 0"):
        run(plan, load_adapter(path, ["bad=img_00"]), split_of(dataset), dataset / "runs", max_failures=0)
    assert len(run_predictions(first.folder).image_ids) == 22
    assert set(first.folder.failures()) == {"img_00", "img_03"}


def test_two_datasets_of_one_plain_name_are_two_runs(dataset):
    shutil.copytree(dataset / "crowd", dataset / "a" / "b")
    shutil.copytree(dataset / "crowd", dataset / "a_b")
    predictor = load_adapter(f"{dataset / 'spots.py'}:Spots")
    folders = {
        run(Plan(adapter="s"), predictor, open_dataset(f"folder:{dataset / name}"), dataset / "runs").folder
        for name in ("a/b", "a_b")
    }
    assert len(folders) == 2


def test_another_edition_of_a_dataset_is_another_run(dataset):
    first = start_run(dataset)
    Pillow.new("RGB", (60, 40)).save(dataset / "crowd" / "img_00.png")
    assert start_run(dataset).folder != first.folder


def test_other_code_in_the_adapters_file_is_another_run(dataset):
    path = dataset / "spots.py"
    plan = Plan(adapter=f"{path}:Spots")
    first = run(plan, load_adapter(f"{path}:Spots"), split_of(dataset), dataset / "runs")
    path.write_text(path.read_text() + "\n")
    assert run(plan, load_adapter(f"{path}:Spots"), split_of(dataset), dataset / "runs").folder != first.folder


def test_frames_for_a_predictor_without_pixels_are_refused(dataset):
    predictor = load_adapter("points", [f"file={dataset / 'crowd' / 'points.json'}"])
    with pytest.raises(UsageError, match="gets no pixels"):
        run(Plan(adapter="points", frames=Frames(flip=True)), predictor, split_of(dataset), dataset / "runs")


def test_a_predictor_that_cannot_be_closed_is_a_warning(dataset):
    path = dataset / "stuck.py"
    path.write_text(ADAPTER + "\n    def close(self):\n        raise RuntimeError('stuck')\n")
    with pytest.warns(CrowdevalWarning, match="can't be closed: RuntimeError: stuck"):
        outcome = run(Plan(adapter="x"), load_adapter(f"{path}:Spots"), split_of(dataset), dataset / "runs")
    assert outcome.done == 23


def test_too_many_failures_stop_the_run_and_keep_the_finished_predictions(dataset):
    with pytest.raises(PredictorError, match="4 images failed, more than --max-failures 2"):
        start_run(dataset, "bad=img_08,img_09,img_10,img_11", max_failures=2)
    (folder,) = (dataset / "runs").glob("*/*/*")
    assert len(run_predictions(RunFolder(folder)).image_ids) == 8


@pytest.mark.parametrize("how", ["hang", "swallow"])
def test_a_predictor_that_hangs_is_an_error_row(dataset, how):
    outcome = start_run(dataset, "bad=img_01", f"how={how}", timeout=0.3)
    assert "no answer within 0.3 s" in outcome.failures["img_01"]
    assert outcome.done == 22


def test_a_time_limit_off_the_main_thread_is_refused_before_anything_is_predicted(dataset):
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(UsageError, match=r"timeout: .* main thread"):
            pool.submit(start_run, dataset, timeout=5.0).result()
        assert not (dataset / "runs").exists()
        assert pool.submit(start_run, dataset).result().done == 23


def test_a_time_limit_leaves_the_alarm_and_its_handler_as_they_were(dataset):
    def handler(*_):
        raise AssertionError("an hour is not over")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        start_run(dataset, timeout=30.0)
        assert signal.getsignal(signal.SIGALRM) is handler
        assert 3500 < signal.getitimer(signal.ITIMER_REAL)[0] <= 3600
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_library_leaves_standard_output_to_its_caller(dataset, capfd):
    start_run(dataset)
    assert "chatter" in capfd.readouterr().out


def test_a_damaged_shard_is_predicted_again(dataset):
    outcome = start_run(dataset)
    whole = files(outcome.folder)
    outcome.folder.shard(2).write_bytes(b"PAR1 no more")
    outcome.folder.shard(3).unlink()
    assert files(start_run(dataset).folder) == whole


def test_an_image_that_cannot_be_read_is_an_error_row(dataset):
    (dataset / "crowd" / "img_02.png").write_bytes(b"\x89PNG\r\n\x1a\n truncated")
    outcome = start_run(dataset)
    assert set(outcome.failures) == {"img_02"}
    assert "img_02.png" in outcome.failures["img_02"]


def test_two_processes_do_not_work_on_one_run(dataset):
    fcntl = pytest.importorskip("fcntl")
    folder = start_run(dataset).folder
    with (folder.path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MissingFileError, match="another process"):
            start_run(dataset)


def test_a_run_of_another_edition_of_the_dataset_is_not_scored(dataset):
    outcome = start_run(dataset)
    (dataset / "crowd" / "points.json").write_text(json.dumps({f"img_{i:02d}": [[1, 1]] for i in range(23)}))
    with pytest.raises(AlignmentError, match="another edition"):
        score_run(outcome.folder, split_of(dataset), Protocol())


def test_a_damaged_manifest_is_named(dataset):
    outcome = start_run(dataset)
    (outcome.folder.path / "manifest.json").write_text("{")
    with pytest.raises(FormatError, match=r"manifest\.json"):
        outcome.folder.manifest()
    assert not is_run_folder(dataset)


def command(dataset, base, *options):
    return [
        sys.executable, "-m", "crowdeval", "predict", f"{dataset / 'spots.py'}:Spots", f"folder:{dataset / 'crowd'}",
        "-o", str(dataset / base), "--shard", "4", "--no-cache", "-q", *options,
    ]  # fmt: skip


def test_the_draft_of_a_killed_process_is_cleared_where_its_shard_is_written(dataset):
    outcome = start_run(dataset)
    shards = outcome.folder.path / "shards"
    last = max(shards.glob("*.parquet"))
    draft = shards / f".{last.name}.16878-140108910829120-d1580e42.part"
    draft.write_bytes(b"")
    last.unlink()
    start_run(dataset)
    assert last.exists()
    assert not draft.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_ten_random_moments_and_resumed_it_is_byte_equal(dataset, how):
    subprocess.run(command(dataset, "whole", "-o", "pause=0.0"), check=True, capture_output=True)
    (whole,) = (dataset / "whole").glob("*/*/*")
    rng = random.Random(11)
    slow = command(dataset, "runs", "-o", "pause=0.0")
    environment = {**os.environ, "SPOTS": "slow"}
    source = (dataset / "spots.py").read_text()
    (dataset / "spots.py").write_text(
        source.replace("time.sleep(self.pause)", "time.sleep(0.05 if 'SPOTS' in os.environ else 0)")
    )
    for _ in range(10):
        process = subprocess.Popen(slow, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0.3, 2.0))
        process.send_signal(how)
        _, err = process.communicate()
        assert process.returncode in (0, -how, 130), err
        assert b"Traceback" not in err
    subprocess.run(slow, check=True, capture_output=True)
    (folder,) = (dataset / "runs").glob("*/*/*")
    assert files(RunFolder(folder)) == files(RunFolder(whole))


def test_a_full_disk_is_one_clear_error_and_the_run_resumes(dataset, monkeypatch):
    from crowdeval import writing

    whole = files(start_run(dataset, base="whole").folder)
    place, calls = writing._replace, []

    def full(path, content, *, durable):
        calls.append(path)
        if path.suffix == ".parquet" and len([p for p in calls if p.suffix == ".parquet"]) > 3:
            path.with_name(f".{path.name}.part").write_bytes(content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        place(path, content, durable=durable)

    monkeypatch.setattr(writing, "_replace", full)
    with pytest.raises(MissingFileError, match="No space left"):
        start_run(dataset)
    monkeypatch.undo()
    assert files(start_run(dataset).folder).items() >= whole.items()
