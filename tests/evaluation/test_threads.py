"""evaluate() in threads: each report is its own, and nothing of the process is left changed."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import value_sets

from crowdeval import Protocol, evaluate, evidence_of, report_of
from crowdeval.errors import CrowdevalWarning, NeedsError, NoticeWarning
from crowdeval.metrics import METRICS
from crowdeval.metrics.family import Entry, Measured

SETS = ("lone", "no_truth", "unscored", "ties", "no_predictions")
PROTOCOLS = (Protocol(), Protocol(preset="nwpu"), Protocol(preset="jhu"), Protocol(metrics=["F1@8px", "GAME(1)"]))


@pytest.fixture
def often(monkeypatch):
    """Threads change places as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def seen(report):
    return {name: repr(value) for name, value in report.values.items()}, report.warnings


def test_twenty_threads_get_the_reports_of_one(often):
    sets = {name: value_sets.GENERATED[name]() for name in SETS}
    work = [(name, protocol) for name in SETS for protocol in PROTOCOLS]
    expected = [seen(evaluate(*sets[name], protocol=protocol)) for name, protocol in work]
    filters, show = list(warnings.filters), warnings.showwarning
    with ThreadPoolExecutor(20) as pool:
        for _ in range(5):
            found = list(pool.map(lambda job: seen(evaluate(*sets[job[0]], protocol=job[1])), work))
            assert found == expected
    assert warnings.filters == filters
    assert warnings.showwarning is show


class Loud:
    """A third party's family that warns while it measures."""

    entries = (Entry(string="Loud", title="x", better="higher", unit="1", source="x"),)

    def canonical(self, metric):
        return metric.plain()

    def lacking(self, metric, scene):
        return None

    def measure(self, asked, scene):
        warnings.warn("half of the boxes were ignored", CrowdevalWarning, stacklevel=2)
        warnings.warn("overflow in my kernel", RuntimeWarning, stacklevel=2)
        return Measured(values={"Loud": 1.0})


def test_a_third_partys_own_warnings_reach_the_caller(monkeypatch):
    monkeypatch.setitem(sys.modules, "loud_plugin", type(sys)("loud_plugin"))
    sys.modules["loud_plugin"].LOUD = Loud()
    monkeypatch.setitem(METRICS.table, "Loud", "loud_plugin:LOUD")
    with pytest.warns(CrowdevalWarning, match="half of the boxes"), pytest.warns(RuntimeWarning, match="overflow"):
        report = evaluate(*value_sets.GENERATED["ties"](), protocol=Protocol(metrics=["Loud"]))
    assert report["Loud"] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CrowdevalWarning):
            evaluate(*value_sets.GENERATED["ties"](), protocol=Protocol(metrics=["Loud"]))


def test_undefined_values_are_notices_and_no_warnings_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", NoticeWarning)
        report = evaluate(*value_sets.GENERATED["no_truth"](), protocol=Protocol(metrics=["NAE", "F1@8px", "MLE"]))
    assert np.isnan(report["NAE"])
    assert "undefined: NAE is undefined: no image has true points" in report.warnings


class Quiet(Loud):
    """The least that a third party's family has: it measures, and keeps no evidence."""

    def measure(self, asked, scene):
        columns = {"mine": np.arange(len(scene.annotations.image_ids))} if scene.per_image else {}
        return Measured(values={"Loud": float(len(scene.predictions.xy))}, columns=columns)


def test_a_family_that_only_measures_goes_on_working_and_says_it_has_no_evidence(monkeypatch):
    monkeypatch.setitem(sys.modules, "quiet_plugin", type(sys)("quiet_plugin"))
    sys.modules["quiet_plugin"].QUIET = Quiet()
    monkeypatch.setitem(METRICS.table, "Loud", "quiet_plugin:QUIET")
    pair = value_sets.GENERATED["ties"]()
    report = evaluate(*pair, protocol=Protocol(metrics=["Loud", "MAE"]), per_image=True)
    assert report["Loud"] == len(pair[0].xy)
    assert report.per_image["mine"].tolist() == list(range(12))
    assert "mine" not in (evaluate(*pair, protocol=Protocol(metrics=["Loud"])).per_image or {})
    evidence = evidence_of(*pair, protocol=Protocol(metrics=["Loud", "MAE"]))
    with pytest.raises(NeedsError, match="Loud needs evidence, which its family does not keep"):
        report_of(evidence)
    assert report_of(evidence, part=True)["MAE"] == report["MAE"]
