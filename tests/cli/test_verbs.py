"""The other commands: check, convert, metrics, signature, schema, completion, help."""

import json
import subprocess
import sys

import click
import numpy as np
import pytest
from conftest import ROOT

from crowdeval import PAPER, read_annotations, read_predictions
from crowdeval.cli import VERBS, cli

EXAMPLE = ROOT / "examples" / "crowd"
PREDS, GT = EXAMPLE / "preds.json", EXAMPLE / "gt.json"


def test_the_help_lists_every_verb(crowdeval):
    code, out, _ = crowdeval("--help")
    assert code == 0
    assert all(verb in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(crowdeval, verb):
    code, out, _ = crowdeval(verb, "--help")
    assert code == 0
    assert "Usage: crowdeval" in out
    assert VERBS[verb].rstrip(".").split(",")[0].split()[0].lower() in out.lower()


def commands():
    """Yield the words and the object of every command and subcommand, except those of the baseline."""
    root = click.Context(cli)
    for verb in VERBS:
        if verb != "p2pnet":
            command = cli.get_command(root, verb)
            yield [verb], command
            yield from (([verb, name], inner) for name, inner in getattr(command, "commands", {}).items())


@pytest.mark.parametrize(
    ("words", "command"), list(commands()), ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_the_help_has_examples_that_fit_80_columns_and_explains_every_option(crowdeval, monkeypatch, words, command):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = crowdeval(*words, "--help")
    assert code == 0
    assert "Example" in out
    assert max(map(len, out.splitlines())) <= 80
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS)])
def test_a_verb_without_arguments_lists_or_says_what_is_missing(crowdeval, words):
    code, out, err = crowdeval(*words)
    assert code in (0, 2)
    assert out if code == 0 else "Usage:" in err or "expected" in err


def test_an_unknown_verb_gets_the_near_one(crowdeval):
    code, _, err = crowdeval("scor")
    assert code == 2
    assert "did you mean 'score'" in err


def test_check_finds_nothing_in_the_example(crowdeval):
    code, out, _ = crowdeval("check", PREDS, GT)
    assert code == 0
    assert "no problems" in out


def test_check_reports_the_problems_of_both_files_and_scores_nothing(crowdeval, tmp_path):
    bad, worse = tmp_path / "bad.json", tmp_path / "worse.csv"
    bad.write_text('{"a": [[1, 2, "x"]], "b": [[1, 2, null]]}')
    worse.write_text('image,x,y\na,1,2\na,"12,5",3\n')
    code, out, err = crowdeval("check", bad, worse)
    assert code == 3
    assert "bad.json: 2 problems" in err
    assert "line 3" in err
    assert "nAP" not in out


def test_check_reports_ids_that_do_not_meet(crowdeval, tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"square_1": [[1, 2]]}')
    code, _, err = crowdeval("check", other, GT)
    assert code == 3
    assert "did you mean" in err


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".json.gz"])
def test_convert_goes_there_and_back(crowdeval, tmp_path, suffix):
    there, back = tmp_path / f"preds{suffix}", tmp_path / "back.json"
    assert crowdeval("convert", PREDS, "-o", there)[0] == 0
    assert crowdeval("convert", there, "-o", back)[0] == 0
    first, second = read_predictions(PREDS), read_predictions(back)
    assert first.image_ids == second.image_ids
    np.testing.assert_array_equal(first.xy, second.xy)
    np.testing.assert_array_equal(first.score, second.score)


def test_convert_tells_annotations_by_what_they_hold(crowdeval, tmp_path):
    there = tmp_path / "gt.parquet"
    code, _, err = crowdeval("convert", GT, "-o", there)
    assert code == 0
    assert "Annotations(12 images, 862 points)" in err
    np.testing.assert_array_equal(read_annotations(there).sizes, read_annotations(GT).sizes)


def test_convert_asks_what_bare_points_are(crowdeval, tmp_path):
    bare = tmp_path / "bare.csv"
    bare.write_text("image,x,y\na,1,2\n")
    code, _, err = crowdeval("convert", bare, "-o", tmp_path / "out.json")
    assert code == 2
    assert "--as" in err
    assert crowdeval("convert", bare, "-o", tmp_path / "out.json", "--as", "annotations")[0] == 0


def test_convert_passes_over_the_warnings_of_the_reading_it_rejects(crowdeval, tmp_path):
    table = tmp_path / "p.csv"
    assert crowdeval("convert", PREDS, "-o", table)[0] == 0
    code, _, err = crowdeval("convert", table, "-o", tmp_path / "p.json")
    assert code == 0
    assert "warning" not in err
    truth = tmp_path / "gt.csv"
    truth.write_text("image,x,y,width,height,mood\na,1,2,9,9,glad\n")
    assert "'mood'" in crowdeval("convert", truth, "-o", tmp_path / "gt.json")[2]


def test_convert_takes_the_split_of_a_dataset(crowdeval, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "gt.json").write_text(GT.read_text())
    there = tmp_path / "gt.json"
    code, _, err = crowdeval("convert", "folder:mine", "--root", tmp_path, "--no-cache", "-o", there)
    assert code == 0, err
    assert len(read_annotations(there).xy) == 862


def test_convert_takes_a_run_folder(crowdeval, tmp_path):
    from crowdeval.runs.folder import RunFolder

    run = RunFolder(tmp_path / "run")
    run.write_shard(0, read_predictions(PREDS))
    run.write_manifest({"dataset": "nwpu:val"})
    assert crowdeval("convert", run.path, "-o", tmp_path / "p.json")[0] == 0
    assert read_predictions(tmp_path / "p.json").image_ids == read_predictions(PREDS).image_ids


def test_convert_refuses_to_overwrite_its_input(crowdeval, tmp_path):
    table = tmp_path / "p.csv"
    assert crowdeval("convert", PREDS, "-o", table)[0] == 0
    assert crowdeval("convert", table, "-o", table)[0] == 2


def test_datasets_list_is_datasets_alone(crowdeval):
    code, out, _ = crowdeval("datasets", "list")
    assert code == 0
    assert out == crowdeval("datasets")[1]
    assert "shanghaitech-a" in out


def test_metrics_fits_the_terminal(crowdeval, monkeypatch):
    monkeypatch.setattr("crowdeval.cli.metrics._width", lambda: 80)
    code, out, _ = crowdeval("metrics")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "F1@sigma_l" in out


def test_metrics_lists_every_metric_with_its_direction(crowdeval):
    code, out, _ = crowdeval("metrics")
    assert code == 0
    for words in ("nAP@0.5", "down", "people", "ICCV 2021", "F1@sigma_l", "GAME(1)", "shanghaitech"):
        assert words in out


def test_metrics_prints_the_specification_of_one(crowdeval):
    code, out, _ = crowdeval("metrics", "F1@8px")
    assert code == 0
    assert "maximum-cardinality" in out
    assert crowdeval("metrics", "F2")[0] == 2


def test_signature_explains_every_field(crowdeval, tmp_path):
    code, out, _ = crowdeval("signature")
    assert code == 0
    assert all(part in out for part in PAPER.signature.split("|"))
    assert crowdeval("signature", PAPER.signature)[1] == out
    report = tmp_path / "report.json"
    crowdeval("score", PREDS, GT, "--format", "json", "-o", report)
    assert crowdeval("signature", report)[1] == out


def test_signature_of_a_file_that_cannot_be_read_ends_with_4(crowdeval, tmp_path, monkeypatch):
    report = tmp_path / "report.json"
    report.write_text("{}")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    code, _, err = crowdeval("signature", report)
    assert code == 4
    assert "permission denied" in err


def test_signature_of_a_file_that_is_not_a_report_names_the_file(crowdeval, tmp_path):
    binary = tmp_path / "report.bin"
    binary.write_bytes(bytes(range(256)))
    code, _, err = crowdeval("signature", binary)
    assert code == 3
    assert str(binary) in err
    assert crowdeval("signature", tmp_path)[0] == 4
    assert crowdeval("signature", tmp_path / "absent.json")[0] == 4


def test_signature_refuses_a_text_that_is_not_a_signature(crowdeval):
    assert crowdeval("signature", "k:3|lone:inf")[0] == 2


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_schema_prints_json(crowdeval, kind):
    code, out, _ = crowdeval("schema", kind)
    assert code == 0
    assert json.loads(out)["$schema"].startswith("https://json-schema.org")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_names_the_program(crowdeval, shell):
    code, out, _ = crowdeval("completion", shell)
    assert code == 0
    assert "_CROWDEVAL_COMPLETE" in out


def test_ctrl_c_ends_with_130(monkeypatch, crowdeval):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("crowdeval.evaluation.evaluate.report_and_evidence", interrupt)
    assert crowdeval("score", PREDS, GT)[0] == 130


def test_a_closed_pipe_is_quiet():
    command = f"{sys.executable} -P -m crowdeval metrics | head -1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr
