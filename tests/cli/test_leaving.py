"""A command ends, with its exit code, also where a predictor leaves threads or child processes that do not."""

import multiprocessing
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image as Pillow

HEAD = """
import atexit, multiprocessing, os, queue, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

fork = multiprocessing.get_context("fork")

class Model:
    name, revision = "model", "1"

    def predict(self, images):
        self.one()
        return [[[1, 1]] for image in images]
"""


@pytest.fixture
def ended(tmp_path):
    """Return a function that runs a predictor; it returns exit code, text and seconds."""

    def ended(body, *words):
        (tmp_path / "model.py").write_text(HEAD + "".join(f"    {line}\n" for line in body.strip("\n").splitlines()))
        (tmp_path / "photos").mkdir()
        for name in "abc":
            Pillow.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{name}.png")
        (tmp_path / "photos" / "points.json").write_text('{"a": [[1, 1]], "b": [[1, 1]], "c": [[1, 1]]}')
        words = words or ("predict", "model.py:Model", "photos", "--no-cache")
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "crowdeval", *words], capture_output=True, text=True, timeout=60,
                              cwd=tmp_path, check=False)  # fmt: skip
        return done.returncode, done.stdout, done.stderr, time.monotonic() - start

    return ended


THREAD = """
def __init__(self):
    threading.Thread(target=threading.Event().wait, name="stuck").start()
    atexit.register(print, "goodbye")
def one(self):
    pass
"""


def test_a_thread_that_hangs_does_not_keep_the_process(ended):
    code, out, err, seconds = ended(THREAD)
    assert (code, "MAE" in out, seconds < 8) == (0, True, True), err
    assert err.count("the predictor left 1 thread ('stuck') running") == 1


def test_failures_keep_their_exit_code(ended):
    code, _, err, _ = ended(THREAD.replace("    pass", "    raise ValueError('no')"))
    assert (code, "left 1 thread" in err, "3 of 3 images failed" in err) == (5, True, True), err


def test_a_predictor_that_can_not_be_created_keeps_no_process(ended):
    code, _, err, _ = ended(THREAD.replace("def one", "    raise ValueError('no')\ndef one"))
    assert (code, "left 1 thread" in err, "can't be created" in err) == (5, True, True), err


def test_a_suite_ends_too(ended, tmp_path):
    (tmp_path / "suite.toml").write_text('datasets = ["folder:photos"]\n[[predictors]]\nadapter = "model.py:Model"\n')
    code, out, err, _ = ended(THREAD, "run", "suite.toml")
    assert (code, "MAE" in out or "nAP" in out, "left 1 thread" in err) == (0, True, True), err


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
@pytest.mark.parametrize("ignores", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_a_child_process_that_hangs_is_ended_and_exit_functions_run(ended, tmp_path, ignores):
    code, out, err, seconds = ended(f"""
def __init__(self):
    atexit.register(print, "goodbye")
def one(self):
    self.child = fork.Process(target=self.hang, name="stuck")
    self.child.start()
    with open("pids", "a") as file:
        print(self.child.pid, file=file)
def hang(self):
    {ignores}time.sleep(600)
""")
    assert (code, seconds < 10) == (0, True), err
    assert "goodbye" in out
    assert "the predictor left 3 child processes ('stuck', 'stuck', 'stuck') running" in err
    for pid in (tmp_path / "pids").read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_a_pool_whose_worker_hangs_is_ended(ended):
    code, _, err, seconds = ended("""
def __init__(self):
    self.pool = ProcessPoolExecutor(1, mp_context=fork)
def one(self):
    self.pool.submit(time.sleep, 600)
""")
    assert (code, seconds < 10, "Traceback" in err) == (0, True, False), err
    assert "1 child process" in err


@pytest.mark.parametrize("left", [
    "self.pool = ThreadPoolExecutor(2); self.pool.submit(int)",
    "threading.Thread(target=time.sleep, args=(0.5,)).start()",
    "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "fork.Process(target=time.sleep, args=(600,), daemon=True).start()",
    "pass",
])  # fmt: skip
def test_what_ends_by_itself_is_not_spoken_of(ended, left):
    code, out, err, seconds = ended(f"""
def __init__(self):
    atexit.register(print, "goodbye")
def one(self):
    {left}
""")
    assert (code, "left" in err, "goodbye" in out, seconds < 3) == (0, False, True, True), (err, seconds)
