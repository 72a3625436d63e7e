import json

import pytest
from click.testing import CliRunner

from crowdeval.cli.datasets import datasets
from crowdeval.datasets import DATASETS
from crowdeval.errors import MissingFileError
from crowdeval.formats import read_annotations


def run(*arguments):
    return CliRunner().invoke(datasets, [str(argument) for argument in arguments])


def test_without_a_command_all_datasets_are_listed_with_counts_licence_and_source():
    result = run()
    assert result.exit_code == 0
    for name in DATASETS:
        about = DATASETS[name].about
        assert name in result.stdout
        assert about.counts in result.stdout
        assert about.licence in result.stdout
        assert about.source in result.stdout


def test_check_prints_a_table_and_has_exit_code_3_where_counts_differ(layouts):
    result = run("check", "shanghaitech-a", "--root", layouts.shanghaitech())
    assert result.exit_code == 3
    assert "test: 3 images, published 182" in result.stdout
    assert "expected" in result.stdout
    assert "train_data/images/IMG_1.jpg" in result.stdout


def test_check_has_exit_code_4_where_there_is_no_dataset(tmp_path):
    result = run("check", "nwpu", "--root", tmp_path)
    assert result.exit_code == 4
    assert "crowdbenchmark.com" in result.stdout


def test_check_gives_json(layouts):
    result = run("check", "ucf-qnrf", "--root", layouts.ucf_qnrf(), "--format", "json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["splits"][0]["images"] == 2


def test_export_writes_the_annotations_and_reports_it_on_stderr(layouts, tmp_path):
    target = tmp_path / "gt.json"
    result = run("export", "shanghaitech-a:test", "-o", target, "--root", layouts.shanghaitech())
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "3 images, 3 points" in result.stderr
    assert "test: 3 images, published 182" in result.stderr
    written = read_annotations(target)
    assert written.image_ids == ("IMG_1", "IMG_2", "IMG_10")
    assert written.xy.tolist() == [[5, 6], [7, 8], [9, 10]]
    assert written.sizes.tolist() == [[64, 48]] * 3


def test_export_writes_the_format_of_the_option(layouts, tmp_path):
    target = tmp_path / "gt.out"
    result = run("export", "nwpu:val", "-o", target, "--root", layouts.nwpu(), "--format", "nwpu", "--no-cache")
    assert result.exit_code == 0
    assert target.read_text().splitlines()[1] == "3111 0"


def test_export_of_a_missing_dataset_raises_the_error_that_the_command_line_prints(tmp_path):
    result = run("export", "nwpu:val", "--root", tmp_path)
    assert isinstance(result.exception, MissingFileError)


@pytest.mark.parametrize("command", ["check", "export"])
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--root" in result.stdout
