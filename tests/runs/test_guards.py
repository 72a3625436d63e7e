"""Nothing a predictor does to its own process ends a run; a user's Ctrl-C, or ``kill``, does at once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image as Pillow

from crowdeval.errors import PredictorError
from crowdeval.runs.guards import Guard
from crowdeval.runs.own_signals import SignalError
from crowdeval.runs.watchdog import WATCHDOG

HEAD = """
import ctypes, multiprocessing, os, queue, signal, subprocess, sys, threading, time
from signal import raise_signal

class Model:
    name, revision = "model", "1"

    def predict(self, images):
        return [self.one(image.id) for image in images]

    def one(self, name):
        getattr(self, name, lambda: None)()
        return [[1, 1]]

    def open(self):
        pass
"""


def model(folder, body, images):
    """Write a predictor, whose methods are called for the images of their names, and the images; return its command."""
    (folder / "model.py").write_text(HEAD + "".join(f"    {line}\n" for line in body.strip("\n").splitlines()))
    photos = folder / "photos"
    photos.mkdir()
    for name in images:
        Pillow.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(photos / f"{name}.png")
    place, runs = f"{folder / 'model.py'}:Model", str(folder / "runs")
    return [sys.executable, "-m", "crowdeval", "predict", place, str(photos), "-o", runs, "--no-cache"]


def failures(folder):
    (errors,) = folder.glob("runs/*/*/*/errors.jsonl")
    rows = [json.loads(line) for line in errors.read_text().splitlines()]
    return {row["image"]: row["error"] for row in rows}


def ended(command, *options):
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)


SENT = {
    "kill": ("os.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"),
    "kill9": ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "stop": ("os.kill(os.getpid(), signal.SIGSTOP)", "SIGSTOP"),
    "interrupt": ("os.kill(os.getpid(), signal.SIGINT)", "SIGINT"),
    "hangup": ("os.kill(0, signal.SIGHUP)", "SIGHUP"),
    "everything": ("os.kill(-1, signal.SIGUSR1)", "SIGUSR1"),
    "minus_group": ("os.kill(-os.getpgrp(), signal.SIGTERM)", "SIGTERM"),
    "group": ("os.killpg(os.getpgrp(), signal.SIGTERM)", "SIGTERM"),
    "group0": ("os.killpg(0, signal.SIGINT)", "SIGINT"),
    "thread": ("signal.pthread_kill(threading.get_ident(), signal.SIGTERM)", "SIGTERM"),
    "raised": ("signal.raise_signal(signal.SIGTERM)", "SIGTERM"),
    "raised_imported": ("raise_signal(signal.SIGINT)", "SIGINT"),
    "real_time": ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", "signal 37"),
    "alarm": ("signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(30)", "SIGALRM"),
    "virtual": ("signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)\nwhile True: pass", "SIGVTALRM"),
    "profile": ("signal.setitimer(signal.ITIMER_PROF, 0.05)\nwhile True: pass", "SIGPROF"),
}


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN") or signal.SIGRTMIN + 3 != 37, reason="the numbers of Linux")
def test_each_signal_of_a_predictor_to_itself_is_one_failure_with_the_line_of_its_author(tmp_path):
    body = "\n".join(f"def {name}(self):\n    " + code.replace("\n", "\n    ") for name, (code, _) in SENT.items())
    command = model(tmp_path, body, [*SENT, "fine"])
    run = subprocess.run([*command, "--max-failures", "99"], capture_output=True, text=True, start_new_session=True,
                         timeout=60, check=False)  # fmt: skip
    assert run.returncode == 5, run.stderr
    found = failures(tmp_path)
    assert found.keys() == SENT.keys()
    for name, (code, number) in SENT.items():
        assert f"SignalError: {number} " in found[name]
        assert "would have ended the run (model.py, line " in found[name]
        assert code.split(";")[0].split("\n")[-1] in found[name]


def test_signals_that_end_nothing_are_sent(tmp_path):
    body = """
def open(self):
    self.seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: self.seen.append(number))
def handled(self):
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    assert len(self.seen) == 2
def asked(self):
    os.kill(os.getpid(), 0)
    os.killpg(os.getpgrp(), 0)
def harmless(self):
    os.kill(os.getpid(), signal.SIGCHLD)
def ignored(self):
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR2)
def child(self):
    process = subprocess.Popen(["sleep", "60"])
    process.terminate()
    assert process.wait(5) == -signal.SIGTERM
def child_of_its_own_group(self):
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM
"""
    names = ["handled", "asked", "harmless", "ignored", "child", "child_of_its_own_group"]
    run = ended(model(tmp_path, body, names))
    assert run.returncode == 0, run.stderr


def test_a_thread_of_the_predictor_can_not_end_the_run(tmp_path):
    body = """
def open(self):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
def a(self):
    time.sleep(0.3)
"""
    run = ended(model(tmp_path, body, "ab"))
    assert run.returncode == 0, run.stderr
    assert "SignalError: SIGTERM" in run.stderr


def test_a_predictor_forks_beside_the_threads_that_decode(tmp_path):
    body = """
def open(self):
    fork = multiprocessing.get_context("fork")
    self.pool = fork.Pool(2)
def close(self):
    self.pool.terminate()
def pool(self):
    pass
def pooled(self):
    assert self.pool.map(abs, [-1, -2]) == [1, 2]
def process(self):
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    child.terminate()
    child.join(5)
    assert child.exitcode == -signal.SIGTERM
def child_kills_itself(self):
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
def child_raises(self):
    pid = os.fork()
    if pid == 0:
        signal.raise_signal(signal.SIGTERM)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
def child_has_an_alarm(self):
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        time.sleep(30)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGALRM
def program(self):
    assert subprocess.run(["echo", "x"], capture_output=True, check=True).stdout == b"x\\n"
"""
    names = ["pooled", "process", "child_kills_itself", "child_raises", "child_has_an_alarm", "program", *"abcdefgh"]
    run = ended(model(tmp_path, body, names), "--timeout", "20")
    assert run.returncode == 0, run.stderr


HANGS = {
    "sleep": "time.sleep(60)",
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "waits": "queue.Queue().get()",
    "simple": "queue.SimpleQueue().get()",
    "event": "threading.Event().wait()",
    "join": "thread = threading.Thread(target=time.sleep, args=(60,), daemon=True); thread.start(); thread.join()",
    "child": "subprocess.run(['sleep', '60'])",
    "reads": "os.read(os.pipe()[0], 1)",
    "spins": "while True: pass",
    "suppresses": "while True:\n    try: time.sleep(60)\n    except BaseException: break\ntime.sleep(60)",
}


def test_each_way_to_hang_is_one_failure(tmp_path):
    body = "\n".join(f"def {name}(self):\n    " + code.replace("\n", "\n    ") for name, code in HANGS.items())
    run = ended(model(tmp_path, body, [*HANGS, "fine"]), "--timeout", "0.1", "--max-failures", "99")
    assert run.returncode == 5, run.stderr
    assert failures(tmp_path) == {name: f"model@1, image '{name}': no answer within 0.1 s" for name in HANGS}


def test_the_time_limit_and_the_alarms_of_the_predictor_do_not_meet(tmp_path):
    body = """
def open(self):
    signal.signal(signal.SIGALRM, self.late)
def late(self, number, frame):
    raise TimeoutError("its own limit")
def own_limit(self):
    signal.alarm(1)
    time.sleep(30)
def ours(self):
    signal.alarm(60)
    time.sleep(30)
def forgotten(self):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
def own_limit_again(self):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    time.sleep(30)
def takes_our_signal(self):
    signal.signal(signal.SIGURG, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG, signal.SIGINT})
def z_last(self):
    time.sleep(30)
"""
    names = ["forgotten", "own_limit", "ours", "own_limit_again", "takes_our_signal", "z_last"]
    run = ended(model(tmp_path, body, names), "--timeout", "1.3")
    assert run.returncode == 5, run.stderr
    found = failures(tmp_path)
    found.pop("forgotten", None)  # its alarm arrives in its own call, or is dropped between two calls
    assert found.keys() == {"own_limit", "ours", "own_limit_again", "z_last"}
    assert "no answer within 1.3 s" in found["ours"]
    assert "no answer within 1.3 s" in found["z_last"]
    assert "TimeoutError: its own limit" in found["own_limit"]
    assert "TimeoutError: its own limit" in found["own_limit_again"]


@pytest.mark.parametrize("opened", ["pass", "signal.signal(signal.SIGINT, signal.SIG_IGN)",
                                    "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})",
                                    "signal.signal(signal.SIGTERM, lambda *_: None)"])  # fmt: skip
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_of_the_user_ends_the_run_at_once(tmp_path, opened, sent, code):
    body = f"""
def open(self):
    {opened}
def b(self):
    open({str(tmp_path / "begun")!r}, "w").close()
    time.sleep(60)
"""
    command = [*model(tmp_path, body, "abc"), "--timeout", "50"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.05)
    sent_at = time.monotonic()
    process.send_signal(sent)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (code, False)
    assert time.monotonic() - sent_at < 2


@pytest.mark.parametrize("raised", ["GeneratorExit", "asyncio.CancelledError", "BaseException"])
def test_an_exception_of_any_class_is_one_failure(tmp_path, raised):
    run = ended(model(tmp_path, f"def a(self):\n    import asyncio\n    raise {raised}('gone')", "ab"))
    assert run.returncode == 5
    assert failures(tmp_path).keys() == {"a"}
    assert "gone (model.py, line " in failures(tmp_path)["a"]


def test_a_limit_that_is_reached_at_the_end_of_a_call_raises_nothing_later():
    chance = random.Random(3)
    late = done = 0
    with Guard(0.002) as guard:
        for _ in range(600):
            pause = chance.uniform(0.0015, 0.0025)
            try:
                done += guard.call(lambda: [time.sleep(pause)], "it") == [None]  # noqa: B023 - called at once
            except PredictorError as problem:
                late += "no answer within 0.002 s" in str(problem)
            sum(range(200))
    assert late + done == 600
    assert late > 50


@pytest.mark.parametrize("own_handler", [True, False])
def test_an_alarm_at_any_moment_is_a_failure_or_nothing(own_handler):
    def late(number, frame):
        raise TimeoutError("its own limit")

    def work():
        if own_handler and signal.getsignal(signal.SIGALRM) is not late:
            signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.00031)
        sum(range(chance.randrange(20_000)))

    chance, found, end = random.Random(1), set(), time.monotonic() + 2
    with Guard(0.0004) as guard:
        while time.monotonic() < end:
            try:
                guard.call(work, "it")
            except PredictorError as problem:
                found.add(str(problem).split(" (")[0])
            assert signal.getsignal(signal.SIGALRM) is not late
            sum(range(500))
    own = "it: TimeoutError: its own limit" if own_handler else "it: SignalError: " + ALARM
    assert own in found
    assert found <= {own, "it: no answer within 0.0004 s", "it: SignalError: " + ALARM}
    assert WATCHDOG.deadline is None


ALARM = "SIGALRM without a handler, which would have ended the run"


@pytest.mark.parametrize("seconds", [1e-9, 1e-5, 1e-4])
def test_a_limit_of_almost_nothing_is_a_failure_or_none(seconds):
    late = done = 0
    with Guard(seconds) as guard:
        for _ in range(300):
            try:
                done += guard.call(lambda: 1, "it")
            except PredictorError as problem:
                late += "no answer" in str(problem)
    assert late + done == 300


def test_our_signal_before_the_deadline_and_between_calls_does_nothing():
    with Guard(60.0) as guard:
        assert guard.call(lambda: signal.raise_signal(signal.SIGURG) or 3, "it") == 3
        signal.raise_signal(signal.SIGURG)
        with Guard(0.01) as inner, pytest.raises(PredictorError, match="no answer"):
            inner.call(lambda: time.sleep(60), "it")
        signal.raise_signal(signal.SIGURG)


THREADS = """
import os, signal, sys, threading, time
from crowdeval.runs.guards import Guard

def kill():
    go.wait()
    os.kill(os.getpid(), signal.SIGTERM)

go = threading.Event()
thread = threading.Thread(target=kill)
if sys.argv[1] == "ours":
    thread.start()
with Guard() as guard:
    if sys.argv[1] == "the predictor's":
        guard.call(thread.start, "it")
    go.set()
    thread.join()
"""


@pytest.mark.parametrize(("whose", "code"), [("ours", -signal.SIGTERM), ("the predictor's", 0)])
def test_threads_of_the_predictor_are_refused_between_calls_and_other_threads_never(whose, code):
    run = subprocess.run(
        [sys.executable, "-c", THREADS, whose], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, "SignalError: SIGTERM" in run.stderr) == (code, code == 0)


def test_a_call_inside_a_call_ends_with_the_outer_limit():
    def inner():
        with Guard(60.0) as guard:
            guard.call(lambda: time.sleep(60), "inner")

    with Guard(0.1) as guard, pytest.raises(PredictorError, match="inner: no answer"):
        guard.call(inner, "outer")
    with Guard(60.0) as guard:
        assert guard.call(lambda: 3, "outer") == 3


def test_one_thread_watches_all_calls_and_costs_little():
    with Guard(30.0) as guard:
        guard.call(int, "it")
        threads = threading.active_count()
        times = []
        for _ in range(20):
            start = time.perf_counter()
            for _ in range(100):
                guard.call(int, "it")
            times.append((time.perf_counter() - start) / 100)
        assert threading.active_count() == threads
    assert min(times) < 100e-6


def test_handlers_and_timers_are_as_before_after_a_run():
    numbers = [signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGINT, signal.SIGTERM, signal.SIGURG]
    before = [signal.getsignal(number) for number in numbers]
    raising = signal.raise_signal

    def work():
        for number in numbers:
            signal.signal(number, lambda *_: None)
        signal.alarm(60)
        assert signal.raise_signal is not raising

    with Guard(30.0) as guard:
        guard.call(work, "it")
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.raise_signal is raising


def test_an_alarm_outside_of_a_call_does_nothing():
    with Guard() as guard:
        guard.call(lambda: signal.setitimer(signal.ITIMER_REAL, 0.02), "it")
        time.sleep(0.05)
        with pytest.raises(PredictorError, match="SIGALRM without a handler"):
            guard.call(lambda: (signal.setitimer(signal.ITIMER_REAL, 0.02), time.sleep(1)), "it")


def test_in_another_thread_signals_are_left_alone():
    found = []

    def work():
        with Guard() as guard:
            found.append(guard.call(lambda: signal.getsignal(signal.SIGALRM), "it"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_a_refused_signal_can_be_handled_by_the_predictor():
    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except SignalError:
            return "handled"

    with Guard() as guard:
        assert guard.call(work, "it") == "handled"
