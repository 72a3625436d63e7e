"""Gates by interval and against a base: exit 10 where surely missed, 11 where not decided, 0 where met."""

import json

import numpy as np
import pytest


def crowd(seed, lost, images=40):
    random, other = np.random.default_rng(seed), np.random.default_rng(seed + round(1000 * lost))
    truth, found = {}, {}
    for n in range(images):
        points = random.uniform(0, 400, (30 + int(random.integers(30)), 2))
        truth[f"i{n:02}"] = points.round(2).tolist()
        kept = points[other.random(len(points)) > lost] + other.normal(0, 1.5, 2)
        found[f"i{n:02}"] = [[*xy, 0.6 + 0.4 * float(other.random())] for xy in kept.round(2).tolist()]
    return truth, found


@pytest.fixture
def files(tmp_path):
    truth, good = crowd(1, 0.1)
    _, near = crowd(1, 0.12)
    _, bad = crowd(1, 0.5)
    few = dict(list(truth.items())[:8])
    names = {"truth": truth, "good": good, "near": near, "bad": bad, "few": few,
             "fewgood": {name: good[name] for name in few}}  # fmt: skip
    for name, content in names.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return {name: tmp_path / f"{name}.json" for name in names}


@pytest.mark.parametrize(("bound", "code"), [(0.99, 10), (0.5, 0)])
def test_the_interval_decides(crowdeval, files, bound, code):
    args = ("score", files["good"], files["truth"], "-q", "-m", "F1@8px", "--gate-bound")
    assert crowdeval(*args, "--fail-under", f"F1@8px={bound}")[0] == code


def test_a_bound_inside_the_interval_is_undecided_and_surely_missed_wins(crowdeval, files, tmp_path):
    report = tmp_path / "r.json"
    args = ("score", files["good"], files["truth"], "-q", "-m", "F1@8px", "-m", "MAE", "-o", report)
    crowdeval(*args, "--ci", "0.95")
    low, high, *_ = json.loads(report.read_text())["intervals"]["F1@8px"]
    inside = ("--fail-under", f"F1@8px={(low + high) / 2}")
    code, _, err = crowdeval(*args, "--gate-bound", *inside)
    assert (code, "with the bound of" in err) == (11, True)
    assert crowdeval(*args, "--gate-bound", *inside, "--fail-over", "MAE=0.001")[0] == 10
    # By value alone, the same bound is met or missed.
    assert crowdeval(*args, *inside)[0] in (0, 10)


def test_an_interval_that_is_not_to_be_trusted_is_undecided(crowdeval, files):
    args = ("score", files["fewgood"], files["few"], "-q", "-m", "F1@8px", "--fail-under", "F1@8px=0.1")
    assert crowdeval(*args)[0] == 0
    code, _, err = crowdeval(*args, "--gate-bound")
    assert (code, "not to be trusted" in err) == (11, True)


def test_brief_and_gate_bound_go_together(crowdeval, files):
    args = ("score", files["good"], files["truth"], "-q", "-b", "-m", "F1@8px", "--fail-under", "F1@8px=0.99")
    code, out, _ = crowdeval(*args, "--gate-bound")
    assert code == 10
    assert 0 < float(out) < 1


@pytest.mark.parametrize(
    ("system", "base", "margin", "code"),
    [("near", "good", 0.2, 0), ("bad", "good", 0.05, 10), ("good", "bad", 0.01, 0)],
)
def test_no_worse_than_a_base_by_more_than_a_margin(crowdeval, files, system, base, margin, code):
    found = crowdeval("score", files[system], files["truth"], "-q", "-m", "F1@8px",
                      "--no-worse-than", files[base], "--margin", f"F1@8px={margin}")  # fmt: skip
    assert found[0] == code, found[2]


def test_a_difference_around_the_margin_is_undecided(crowdeval, files):
    made = json.loads(crowdeval("compare", files["near"], files["good"], "--truth", files["truth"], "-q",
                                "-m", "F1@8px", "--format", "json")[1])  # fmt: skip
    [pair] = made["metrics"]["F1@8px"]
    margin = -pair["difference"]
    assert margin > 0
    code, _, err = crowdeval("score", files["near"], files["truth"], "-q", "-m", "F1@8px",
                             "--no-worse-than", files["good"], "--margin", f"F1@8px={margin}")  # fmt: skip
    assert (code, "or not" in err) == (11, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--no-worse-than", "x.json"], "go together"),
        (["--margin", "MAE=3"], "go together"),
        (["--gate-bound"], "expected a bound"),
        (["--no-worse-than", "x.json", "--margin", "MAE"], "METRIC=NUMBER"),
    ],
)
def test_gates_that_make_no_sense_are_refused(crowdeval, files, options, words):
    code, _, err = crowdeval("score", files["good"], files["truth"], "-q", *options)
    assert code == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1
