"""A run that is stopped at any moment and resumed equals the uninterrupted run, bit for bit."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from baselines.p2pnet import load_checkpoint
from crowdeval.errors import InputError

from . import crowd

thin = crowd.thin
source = crowd.source

VALUES = {"steps": 8, "validate_every": 3, "save_every": 2, "schedule": "cosine", "ema": 0.9}


def assert_same_runs(one, other):
    assert crowd.steps_in(one) == crowd.steps_in(other)
    assert crowd.validations_in(one) == crowd.validations_in(other)
    for name in ("best", "last"):
        first, second = (crowd.weights_in(home / f"{name}.safetensors") for home in (one, other))
        assert first.keys() == second.keys()
        assert [key for key in first if not torch.equal(first[key], second[key])] == []
        assert (one / f"{name}.json").read_text() == (other / f"{name}.json").read_text()


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def stopping(monkeypatch):
    """Return a function that trains until a number of files is written; the next file stays a draft."""
    replace = os.replace

    def run(training, files):
        left = iter(range(files))

        def replace_or_end(source, target):
            if next(left, None) is None:
                raise Killed
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr("os.replace", replace_or_end)
            with pytest.raises(Killed):
                training.run()

    return run


SAVED_FIRST = 3
"""Number of files up to the first state: last.safetensors, last.json, state.pt."""


def test_a_run_stopped_between_any_two_files_is_the_run_that_was_not(tmp_path, source, stopping):
    crowd.train(tmp_path / "whole", source, **VALUES)
    for files in range(14):
        home = tmp_path / f"stopped{files}"
        stopping(crowd.trainer(home, source, **VALUES), files)
        crowd.train(home, source, **VALUES)
        assert_same_runs(home, tmp_path / "whole")


@pytest.mark.parametrize(
    "values",
    [
        {"precision": "bf16"},
        {"accumulate": 2, "batch_norm": "frozen"},
        {"warmup": 9, "weight_decay": 0.1, "channels_last": False},
        {"select": "MAE", "frozen_blocks": 3},
        {"recompute": 2},
    ],
    ids=str,
)
def test_whatever_the_config_the_resumed_run_is_the_same(tmp_path, source, stopping, values):
    crowd.train(tmp_path / "whole", source, **{**VALUES, **values})
    stopping(crowd.trainer(tmp_path / "stopped", source, **{**VALUES, **values}), SAVED_FIRST)
    crowd.train(tmp_path / "stopped", source, **{**VALUES, **values})
    assert_same_runs(tmp_path / "stopped", tmp_path / "whole")


def test_a_line_of_the_log_that_was_cut_off_is_written_again(tmp_path, source, stopping):
    crowd.train(tmp_path / "whole", source, **VALUES)
    home = tmp_path / "stopped"
    stopping(crowd.trainer(home, source, **VALUES), SAVED_FIRST)
    with (home / "log.jsonl").open("a") as stream:
        stream.write('{"step": 3, "los')
    crowd.train(home, source, **VALUES)
    assert_same_runs(home, tmp_path / "whole")


def test_a_finished_run_that_is_resumed_does_nothing(tmp_path, source):
    crowd.train(tmp_path / "run", source, **VALUES)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    crowd.train(tmp_path / "run", source, **VALUES)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_the_seconds_of_a_resumed_run_go_on(tmp_path, source, stopping):
    stopping(crowd.trainer(tmp_path / "run", source, **VALUES), SAVED_FIRST)
    stopped = crowd.trainer(tmp_path / "run", source, **VALUES)
    assert stopped.step == 2
    assert stopped.seconds > 0
    stopped.seconds = 1000.0
    stopped.run()
    assert stopped.seconds > 1000


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lr": 0.001}, r"another config: lr \(0\.005 -> 0\.001\); give its values, or another --out$"),
        (
            {"seed": 4, "flip": 0.0},
            r"another config: flip \(0\.5 -> 0\.0\), seed \(0 -> 4\); give its values, or another --out$",
        ),
        ({"width": 16}, r"another config: width \(8 -> 16\); give its values, or another --out$"),
    ],
)
def test_another_config_is_refused_with_what_changed(tmp_path, source, values, words):
    crowd.train(tmp_path / "run", source, **VALUES)
    with pytest.raises(InputError, match=words):
        crowd.trainer(tmp_path / "run", source, **{**VALUES, **values})


def test_a_run_from_before_a_value_was_known_goes_on_with_its_default(tmp_path, source):
    crowd.train(tmp_path / "run", source, **VALUES)
    path = tmp_path / "run" / "state.pt"
    state = torch.load(path, weights_only=True)
    values = json.loads(state["config"])
    assert values.pop("counting") == "threshold"
    torch.save({**state, "config": json.dumps(values)}, path)
    assert crowd.trainer(tmp_path / "run", source, **VALUES).step == VALUES["steps"]
    with pytest.raises(
        InputError, match=r"another config: counting \(threshold -> expected\); give its values, or another --out$"
    ):
        crowd.trainer(tmp_path / "run", source, **VALUES, counting="expected")


def test_a_run_that_too_many_heads_ended_goes_on_where_it_may_leave_some_out(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", size=(64, 64))
    (tmp_path / "photos" / "img_7.txt").write_text("".join(f"{4 + 3 * n} 30\n" for n in range(17)))
    values = {"stride": 16, "rows": 1, "lines": 1, "scale_least": 1.0, "scale_most": 1.0, "steps": 5, "save_every": 1}
    crowd.train(tmp_path / "whole", source, **values, surplus="truncate")
    with pytest.raises(InputError, match=r"step 3, image img_7: 17 heads .* or surplus=truncate$"):
        crowd.train(tmp_path / "run", source, **values)
    crowd.train(tmp_path / "run", source, **values, surplus="truncate")
    assert_same_runs(tmp_path / "run", tmp_path / "whole")


def test_other_points_are_refused(tmp_path, source):
    crowd.train(tmp_path / "run", source, **VALUES)
    for path in (tmp_path / "photos").glob("img_*.txt"):
        path.write_text("1 2\n")
    with pytest.raises(InputError, match=r"was trained on other images or points than .*list\.txt has now"):
        crowd.trainer(tmp_path / "run", source, **VALUES)


def test_fewer_images_are_refused(tmp_path, source):
    crowd.train(tmp_path / "run", source, **VALUES)
    path = tmp_path / "photos" / "list.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match="was trained on other images or points"):
        crowd.trainer(tmp_path / "run", source, **VALUES)


def test_images_that_were_moved_are_the_same_images(tmp_path, source):
    crowd.train(tmp_path / "run", source, **VALUES)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    assert crowd.trainer(tmp_path / "run", str(tmp_path / "elsewhere" / "list.txt"), **VALUES).step == 8


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_state_is_refused(tmp_path, source, share):
    home = tmp_path / "run"
    crowd.train(home, source, **VALUES)
    content = (home / "state.pt").read_bytes()
    (home / "state.pt").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"state\.pt is (truncated or damaged|not a weights file)"):
        crowd.trainer(home, source, **VALUES)


def test_a_file_of_weights_in_the_states_place_is_refused(tmp_path, source):
    home = tmp_path / "run"
    crowd.train(home, source, **VALUES)
    torch.save({"weight": torch.zeros(1)}, home / "state.pt")
    with pytest.raises(InputError, match=r"state\.pt is not a training state of this version"):
        crowd.trainer(home, source, **VALUES)


def lines_of(path):
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed with SIGKILL")
def test_a_program_killed_again_and_again_gives_the_run_that_was_not(tmp_path, source):
    values = {**VALUES, "steps": 60, "validate_every": 15}
    command = ("train", "--train", source, "--device", "cpu", *crowd.settings(**values), "--out")
    crowd.wait_for(crowd.start_program(*command, tmp_path / "whole"))
    draw = random.Random(6)
    home, options = tmp_path / "killed", []
    for lines in (10, 25, 45):
        one = crowd.start_program(*command, home, *options)
        while lines_of(home / "log.jsonl") < lines + draw.randrange(5) and one.poll() is None:
            time.sleep(0.002)
        time.sleep(draw.random() / 50)
        one.kill()
        _, said = one.communicate()
        assert one.returncode == -signal.SIGKILL, said
        assert load_checkpoint(home / "last.safetensors")[1].step > 0
        options = ["--resume"]
    crowd.wait_for(crowd.start_program(*command, home, "--resume"))
    assert_same_runs(home, tmp_path / "whole")


def test_images_in_another_order_are_refused(tmp_path, source):
    held = crowd.write_photos(tmp_path / "held", 2)
    crowd.train(tmp_path / "run", (source, held), steps=2)
    lines = Path(source).read_text().splitlines(keepends=True)
    Path(source).write_text("".join(reversed(lines)))
    with pytest.raises(
        InputError, match=r"run: the images of .*list\.txt are in another order than at the start of the run"
    ):
        crowd.trainer(tmp_path / "run", (source, held), steps=2)
