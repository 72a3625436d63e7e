"""Protocol and signature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdeval import PAPER, Annotations, Predictions, Protocol, evaluate
from crowdeval.errors import UsageError
from crowdeval.evaluation import protocol

protocols = st.builds(
    Protocol,
    preset=st.sampled_from(["paper", ""]),
    metrics=st.lists(st.sampled_from(["nAP", "nAP@0.3", "MAE", "MSE", "NAE", "bias", "nAP@1:1:3"]), max_size=4),
    delta=st.lists(st.floats(1e-3, 10), min_size=1, max_size=5, unique_by=lambda value: f"{value:.9g}"),
    k=st.integers(1, 50),
    lone=st.one_of(st.sampled_from(["inf", "diagonal"]), st.floats(1e-3, 1e5).map(str)),
    pool=st.sampled_from(["set", "image"]),
    ap=st.sampled_from(["area", "step", "coco101", "voc11"]),
    missing=st.sampled_from(["error", "empty"]),
    id_style=st.sampled_from(["exact", "stem"]),
    off_image=st.sampled_from(["keep", "drop", "clip"]),
    count_threshold=st.floats(-5, 5),
)


@given(protocols)
def test_a_signature_parses_back_to_an_equal_protocol(protocol):
    assert Protocol.parse(protocol.signature) == protocol
    assert "\n" not in protocol.signature


def test_the_papers_protocol_is_the_default():
    assert Protocol() == PAPER
    assert PAPER.all_metrics == ("nAP", "MAE", "RMSE", "NAE")
    assert PAPER.signature.startswith("crowdeval@2|preset:paper|metrics:none|delta:0.05:0.05:0.5|k:3|few:mean|lone:inf")


def test_equal_choices_in_other_spellings_are_equal():
    assert Protocol(delta="0.05:0.05:0.10", lone=3.0, metrics=["MSE"]) == Protocol(
        delta=[0.1, 0.05], lone="3", metrics="RMSE"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metrics": ["nap"]}, "did you mean 'nAP'"),
        ({"metrics": ["nAP[S]"]}, "takes no"),
        ({"metrics": ["nAP@x"]}, "number"),
        ({"metrics": ["??"]}, "metric string"),
        ({"preset": "papers"}, "did you mean 'paper'"),
        ({"k": 0}, "at least 1"),
        ({"k": 2.5}, "whole number"),
        ({"k": True}, "whole number"),
        ({"ap": "auc"}, "area, step"),
        ({"missing": "ignore"}, "error, empty"),
        ({"count_threshold": float("nan")}, "finite"),
    ],
)
def test_an_option_that_means_nothing_is_one_clear_error(options, words):
    with pytest.raises(UsageError, match=words):
        Protocol(**options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.replace("crowdeval@2", "crowdeval@9"), "crowdeval@9"),
        (lambda s: s + "|x:1", "unknown field"),
        (lambda s: s + "|k:3", "twice"),
        (lambda s: s.replace("|k:3", ""), "expected all fields, found none for the field k"),
        (lambda s: s.replace("cmp:lt", "cmp:le"), "cmp can only be 'lt'"),
        (lambda s: s.replace("k:3", "k:three"), "whole number"),
        (lambda s: s.replace("count:0.5", "count:half"), "number"),
        (lambda s: "", "starts with"),
    ],
)
def test_a_damaged_signature_is_one_clear_error(change, words):
    with pytest.raises(UsageError, match=words):
        Protocol.parse(change(PAPER.signature))


def test_signatures_of_revision_1_parse_back_to_themselves_and_measure_nothing_more():
    old = Protocol().signature.replace("crowdeval@2", "crowdeval@1")
    assert Protocol.parse(old).signature == old
    assert Protocol.parse(old).revision == 1
    truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[1.0, 2.0]])
    with pytest.raises(UsageError, match="expected the current revision 2 of the definitions, found revision 1"):
        evaluate(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]), truth, protocol=Protocol.parse(old))


def test_a_field_that_came_later_is_printed_only_where_it_is_not_the_default(monkeypatch):
    own = Protocol().signature
    monkeypatch.setitem(protocol.LATER, "cap", "none")
    assert Protocol().signature == own.replace("|cap:none", "")
    assert Protocol.parse(own.replace("|cap:none", "")) == Protocol.parse(own) == Protocol()


@pytest.mark.parametrize("wrong", ["", "inside", "KEEP"])
def test_off_image_is_checked(wrong):
    with pytest.raises(UsageError, match="off_image"):
        Protocol(off_image=wrong)
