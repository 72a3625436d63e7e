import os

import pytest

from crowdeval.datasets import is_dataset_spec, open_dataset
from crowdeval.datasets.check import check_dataset
from crowdeval.errors import FormatError, MissingFileError, UsageError


def opened(spec, root=None):
    return open_dataset(spec, root=root, cache=False)


def test_a_spec_is_a_known_name_a_colon_and_a_split():
    assert is_dataset_spec("shanghaitech-a:test")
    assert is_dataset_spec("folder:some/path")
    for text in ("gt.json", "C:/gt.json", "s3:bucket", "http://a/b", "file:x", "-", ""):
        assert not is_dataset_spec(text)


def test_a_name_without_split_or_near_a_known_one_is_a_spec_so_that_the_error_is_about_datasets():
    for text in ("shanghaitech-a", "shanghaitech-a:", "shanghaitec-a:test", "shanghaitech:test"):
        assert is_dataset_spec(text)
        with pytest.raises(UsageError):
            opened(text)


@pytest.mark.parametrize("name", ["ShanghaiTech-A", "SHANGHAITECH_A", "shanghaitecha"])
def test_case_and_hyphens_of_a_name_do_not_matter(layouts, name):
    home = layouts.shanghaitech()
    assert is_dataset_spec(f"{name}:test")
    assert opened(f"{name}:test", home).name == "shanghaitech-a"
    assert check_dataset(name, root=home).name == "shanghaitech-a"


def test_a_file_of_that_name_goes_before(layouts, monkeypatch):
    layouts.text(layouts.folder / "nwpu:val", "x")
    monkeypatch.chdir(layouts.folder)
    assert not is_dataset_spec("nwpu:val")


def test_the_environment_names_a_folder_above(layouts, monkeypatch):
    layouts.shanghaitech("ShanghaiTech/part_A")
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.folder))
    assert len(opened("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_environment_names_the_folder_itself(layouts, monkeypatch):
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.shanghaitech("x")))
    assert len(opened("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_settings_file_is_found_upward_and_its_paths_start_at_it(layouts, monkeypatch):
    layouts.shanghaitech("mine/special")
    layouts.text(layouts.folder / "crowdeval.toml", '[datasets]\nshanghaitech-a = "mine/special"\n')
    (layouts.folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(layouts.folder / "deep" / "er")
    assert len(opened("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_settings_file_names_a_root(layouts, monkeypatch):
    layouts.shanghaitech("mine/part_A")
    layouts.text(layouts.folder / "crowdeval.toml", '[datasets]\nroot = "mine"\n')
    monkeypatch.chdir(layouts.folder)
    assert len(opened("shanghaitech-a:test").annotations.image_ids) == 3


@pytest.mark.parametrize("content", ["[datasets", "datasets = 3", "[datasets]\nroot = 3"])
def test_a_damaged_settings_file_is_named(layouts, monkeypatch, content):
    layouts.text(layouts.folder / "crowdeval.toml", content)
    monkeypatch.chdir(layouts.folder)
    with pytest.raises(FormatError, match=r"crowdeval\.toml"):
        opened("shanghaitech-a:test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[datasets]\nroot = 5", "datasets.root: expected a folder, as a string, found 5"),
        ("datasets = 3", "datasets: expected a table of folders by name, found 3"),
        ("[datasets]\nroot = " + "[" * 5000, "expected TOML"),
    ],
)
def test_what_is_wrong_in_the_settings_file_is_told_with_key_and_value(layouts, monkeypatch, content, words):
    layouts.text(layouts.folder / "crowdeval.toml", content)
    monkeypatch.chdir(layouts.folder)
    with pytest.raises(FormatError, match=words):
        opened("shanghaitech-a:test")


@pytest.mark.parametrize("below", ["", "part_A"])
def test_a_folder_that_may_not_be_read_is_no_empty_one(tmp_path, monkeypatch, below):
    (tmp_path / "part_A").mkdir()
    closed, scandir = tmp_path / below, os.scandir

    def refuse(folder):
        if os.fspath(folder) == os.fspath(closed):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(MissingFileError, match=f"root {tmp_path}: permission denied"):
        opened("shanghaitech-a:test", tmp_path)


def test_a_given_root_is_the_only_place(layouts, monkeypatch, tmp_path):
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.shanghaitech()))
    with pytest.raises(MissingFileError):
        opened("shanghaitech-a:test", tmp_path / "nowhere")


def test_what_is_not_found_is_told_with_places_tree_and_source(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDEVAL_DATA", str(tmp_path))
    with pytest.raises(MissingFileError) as caught:
        opened("jhu-crowd++:val")
    text = str(caught.value)
    assert caught.value.exit_code == 4
    assert f"CROWDEVAL_DATA {tmp_path}: it is not in there" in text
    assert "there is no crowdeval.toml" in text
    assert "image_labels.txt" in text
    assert "http://www.crowd-counting.com" in text


def test_an_unknown_split_names_those_there_are():
    with pytest.raises(UsageError, match="no split 'tset'; did you mean 'test'"):
        opened("shanghaitech-a:tset")


def test_an_unknown_dataset_names_the_near_ones():
    with pytest.raises(UsageError, match="did you mean 'ucf-qnrf'"):
        opened("ucf_qnfr:test")


@pytest.mark.parametrize("spec", ["nwpu", "nwpu:", "NWPU"])
def test_a_name_without_split_is_a_usage_error_that_names_the_splits(spec):
    with pytest.raises(UsageError, match=r"such as nwpu:train \(splits: 'train', 'val'"):
        opened(spec)


def test_a_folder_without_path_is_a_usage_error():
    with pytest.raises(UsageError, match=r"such as folder:PATH$"):
        opened("folder")


def test_a_split_that_is_not_there_is_missing(layouts):
    home = layouts.shanghaitech(splits={"test": {1: [[1, 2]]}})
    with pytest.raises(MissingFileError, match="no folder train_data"):
        opened("shanghaitech-a:train", home)


def test_nothing_is_written_into_the_folder(layouts):
    home = layouts.shanghaitech()
    before = sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*"))
    open_dataset("shanghaitech-a:test", root=home)
    assert sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*")) == before
