import json

import pytest
from click.testing import CliRunner

from crowdeval.cli.datasets import datasets
from crowdeval.datasets import DATASETS
from crowdeval.errors import MissingFileError
from crowdeval.formats import read_annotations


def run(*arguments):
    return CliRunner().invoke(datasets, [str(argument) for argument in arguments])


def test_without_a_verb_all_datasets_are_listed_with_counts_licence_and_source():
    done = run()
    assert done.exit_code == 0
    for name in DATASETS:
        about = DATASETS[name].about
        assert name in done.stdout
        assert about.counts in done.stdout
        assert about.licence in done.stdout
        assert about.source in done.stdout


def test_check_prints_a_table_and_ends_with_3_where_totals_differ(layouts):
    done = run("check", "shanghaitech-a", "--root", layouts.shanghaitech())
    assert done.exit_code == 3
    assert "test: 3 images, published 182" in done.stdout
    assert "expected" in done.stdout
    assert "train_data/images/IMG_1.jpg" in done.stdout


def test_check_ends_with_4_where_there_is_no_dataset(tmp_path):
    done = run("check", "nwpu", "--root", tmp_path)
    assert done.exit_code == 4
    assert "crowdbenchmark.com" in done.stdout


def test_check_gives_json(layouts):
    done = run("check", "ucf-qnrf", "--root", layouts.ucf_qnrf(), "--format", "json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["splits"][0]["images"] == 2


def test_export_writes_the_annotations_and_says_so_on_stderr(layouts, tmp_path):
    target = tmp_path / "gt.json"
    done = run("export", "shanghaitech-a:test", "-o", target, "--root", layouts.shanghaitech())
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "3 images, 3 points" in done.stderr
    assert "test: 3 images, published 182" in done.stderr
    written = read_annotations(target)
    assert written.image_ids == ("IMG_1", "IMG_2", "IMG_10")
    assert written.xy.tolist() == [[5, 6], [7, 8], [9, 10]]
    assert written.sizes.tolist() == [[64, 48]] * 3


def test_export_takes_a_format_by_name(layouts, tmp_path):
    target = tmp_path / "gt.out"
    done = run("export", "nwpu:val", "-o", target, "--root", layouts.nwpu(), "--format", "nwpu", "--no-cache")
    assert done.exit_code == 0
    assert target.read_text().splitlines()[1] == "3111 0"


def test_a_missing_dataset_is_an_error_for_the_command_line_to_print(tmp_path):
    done = run("export", "nwpu:val", "--root", tmp_path)
    assert isinstance(done.exception, MissingFileError)


@pytest.mark.parametrize("verb", ["check", "export"])
def test_every_verb_has_help(verb):
    done = run(verb, "--help")
    assert done.exit_code == 0
    assert "--root" in done.stdout
