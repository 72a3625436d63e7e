import os

import pytest

from crowdeval.datasets import is_dataset_spec, open_dataset
from crowdeval.datasets.check import check_dataset
from crowdeval.errors import FormatError, MissingFileError, UsageError


def open_fresh(spec, root=None):
    return open_dataset(spec, root=root, cache=False)


def test_a_spec_is_a_known_name_a_colon_and_a_split():
    assert is_dataset_spec("shanghaitech-a:test")
    assert is_dataset_spec("folder:some/path")
    for text in ("gt.json", "C:/gt.json", "s3:bucket", "http://a/b", "file:x", "-", ""):
        assert not is_dataset_spec(text)


def test_a_name_without_split_or_similar_to_a_known_one_is_a_spec_so_that_the_error_is_about_datasets():
    for text in ("shanghaitech-a", "shanghaitech-a:", "shanghaitec-a:test", "shanghaitech:test"):
        assert is_dataset_spec(text)
        with pytest.raises(UsageError):
            open_fresh(text)


@pytest.mark.parametrize("name", ["ShanghaiTech-A", "SHANGHAITECH_A", "shanghaitecha"])
def test_case_and_hyphens_of_a_name_do_not_matter(layouts, name):
    home = layouts.shanghaitech()
    assert is_dataset_spec(f"{name}:test")
    assert open_fresh(f"{name}:test", home).name == "shanghaitech-a"
    assert check_dataset(name, root=home).name == "shanghaitech-a"


def test_a_file_with_the_name_of_a_split_is_no_spec(layouts, monkeypatch):
    layouts.text(layouts.folder / "nwpu:val", "x")
    monkeypatch.chdir(layouts.folder)
    assert not is_dataset_spec("nwpu:val")


def test_the_environment_names_a_folder_above(layouts, monkeypatch):
    layouts.shanghaitech("ShanghaiTech/part_A")
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.folder))
    assert len(open_fresh("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_environment_names_the_folder_itself(layouts, monkeypatch):
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.shanghaitech("x")))
    assert len(open_fresh("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_settings_file_is_found_in_a_folder_above_and_its_paths_start_there(layouts, monkeypatch):
    layouts.shanghaitech("mine/special")
    layouts.text(layouts.folder / "crowdeval.toml", '[datasets]\nshanghaitech-a = "mine/special"\n')
    (layouts.folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(layouts.folder / "deep" / "er")
    assert len(open_fresh("shanghaitech-a:test").annotations.image_ids) == 3


def test_the_settings_file_names_a_root(layouts, monkeypatch):
    layouts.shanghaitech("mine/part_A")
    layouts.text(layouts.folder / "crowdeval.toml", '[datasets]\nroot = "mine"\n')
    monkeypatch.chdir(layouts.folder)
    assert len(open_fresh("shanghaitech-a:test").annotations.image_ids) == 3


@pytest.mark.parametrize("content", ["[datasets", "datasets = 3", "[datasets]\nroot = 3"])
def test_a_damaged_settings_file_is_named(layouts, monkeypatch, content):
    layouts.text(layouts.folder / "crowdeval.toml", content)
    monkeypatch.chdir(layouts.folder)
    with pytest.raises(FormatError, match=r"crowdeval\.toml"):
        open_fresh("shanghaitech-a:test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[datasets]\nroot = 5", "datasets.root: expected a folder as a string, found 5"),
        ("datasets = 3", "datasets: expected a table of folders by name, found 3"),
        ("[datasets]\nroot = " + "[" * 5000, "expected TOML"),
    ],
)
def test_an_error_in_the_settings_file_has_key_and_value(layouts, monkeypatch, content, words):
    layouts.text(layouts.folder / "crowdeval.toml", content)
    monkeypatch.chdir(layouts.folder)
    with pytest.raises(FormatError, match=words):
        open_fresh("shanghaitech-a:test")


@pytest.mark.parametrize("below", ["", "part_A"])
def test_the_message_of_a_folder_without_read_permission_says_so(tmp_path, monkeypatch, below):
    (tmp_path / "part_A").mkdir()
    closed, scandir = tmp_path / below, os.scandir

    def refuse(folder):
        if os.fspath(folder) == os.fspath(closed):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(MissingFileError, match=f"root {tmp_path}: permission denied"):
        open_fresh("shanghaitech-a:test", tmp_path)


def test_a_given_root_is_the_only_place(layouts, monkeypatch, tmp_path):
    monkeypatch.setenv("CROWDEVAL_DATA", str(layouts.shanghaitech()))
    with pytest.raises(MissingFileError):
        open_fresh("shanghaitech-a:test", tmp_path / "nowhere")


def test_the_message_of_a_missing_dataset_has_places_tree_and_source(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDEVAL_DATA", str(tmp_path))
    with pytest.raises(MissingFileError) as caught:
        open_fresh("jhu-crowd++:val")
    text = str(caught.value)
    assert caught.value.exit_code == 4
    assert f"CROWDEVAL_DATA {tmp_path}: the dataset is not in this folder" in text
    assert "there is no crowdeval.toml" in text
    assert "image_labels.txt" in text
    assert "http://www.crowd-counting.com" in text


def test_the_error_of_an_unknown_split_suggests_a_split():
    with pytest.raises(UsageError, match="no split 'tset'; did you mean 'test'"):
        open_fresh("shanghaitech-a:tset")


def test_the_error_of_an_unknown_dataset_suggests_a_dataset():
    with pytest.raises(UsageError, match="did you mean 'ucf-qnrf'"):
        open_fresh("ucf_qnfr:test")


@pytest.mark.parametrize("spec", ["nwpu", "nwpu:", "NWPU"])
def test_a_name_without_split_is_a_usage_error_that_names_the_splits(spec):
    with pytest.raises(UsageError, match=r"such as nwpu:train \(splits: 'train', 'val'"):
        open_fresh(spec)


def test_a_folder_without_path_is_a_usage_error():
    with pytest.raises(UsageError, match=r"such as folder:PATH$"):
        open_fresh("folder")


def test_a_split_without_folder_is_missing(layouts):
    home = layouts.shanghaitech(splits={"test": {1: [[1, 2]]}})
    with pytest.raises(MissingFileError, match="no folder train_data"):
        open_fresh("shanghaitech-a:train", home)


def test_nothing_is_written_into_the_folder(layouts):
    home = layouts.shanghaitech()
    before = sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*"))
    open_dataset("shanghaitech-a:test", root=home)
    assert sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*")) == before
