"""Weights files: other files and files with code are refused, and no code in them is run."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save, save_file

from baselines.p2pnet.weight_files import read_tensors, read_torch_file
from crowdeval.errors import InputError, MissingFileError

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([7])}


class Harmful:
    """An object whose pickle writes a file when it is loaded without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo ran > {self.path}",)


@pytest.fixture
def file(tmp_path):
    def write(content, name="weights.pth"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def in_torchs_format(content, **options):
    held = io.BytesIO()
    torch.save(content, held, **options)
    return held.getvalue()


def assert_tensors(found):
    assert {key: value.tolist() for key, value in found.items()} == {"a.weight": [[0, 1, 2], [3, 4, 5]], "b": [7]}


@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: {"model": held}, lambda held: {"state_dict": held}])
def test_a_state_dict_is_read_bare_or_wrapped(file, wrap):
    assert_tensors(read_tensors(file(in_torchs_format(wrap(TENSORS)))))


def test_torchs_older_format_is_read(file):
    assert_tensors(read_tensors(file(in_torchs_format(TENSORS, _use_new_zipfile_serialization=False))))


def test_safetensors_are_read(tmp_path):
    save_file(TENSORS, tmp_path / "weights.safetensors")
    assert_tensors(read_tensors(tmp_path / "weights.safetensors"))


@pytest.mark.parametrize("new", [True, False])
def test_a_pickle_with_code_in_it_is_refused_and_the_code_does_not_run(file, tmp_path, new):
    content = {"model": TENSORS, "extra": Harmful(tmp_path / "ran")}
    path = file(in_torchs_format(content, _use_new_zipfile_serialization=new))
    with pytest.raises(InputError, match=r"weights\.pth: expected weights only, found code that would be run"):
        read_tensors(path)
    assert not (tmp_path / "ran").exists()


def test_a_plain_pickle_with_code_in_it_is_refused_and_the_code_does_not_run(file, tmp_path):
    path = file(pickle.dumps(Harmful(tmp_path / "ran"), protocol=2))
    with pytest.raises(InputError, match=r"weights\.pth"):
        read_tensors(path)
    assert not (tmp_path / "ran").exists()


def test_the_code_would_run_where_pickles_are_trusted(tmp_path):
    pickle.loads(pickle.dumps(Harmful(tmp_path / "ran")))
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_whole_model_instead_of_its_weights_is_refused(file):
    with pytest.raises(InputError, match="expected weights only, found code that would be run"):
        read_tensors(file(in_torchs_format(torch.nn.Linear(2, 2))))


def zipped():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("readme.txt", "not weights")
    return held.getvalue()


def as_numpy():
    held = io.BytesIO()
    np.savez(held, a=np.arange(3))
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a weights file"),
        (b"these are no weights\n", "not a weights file"),
        (bytes(1000), "not a weights file"),
        (zipped(), "truncated or damaged"),
        (as_numpy(), "truncated or damaged"),
    ],
    ids=["empty", "text", "zeros", "zip", "numpy"],
)
def test_what_is_no_file_of_weights_is_reported(file, content, words):
    with pytest.raises(InputError, match=rf"weights\.pth is {words}"):
        read_tensors(file(content))


def test_a_file_cut_off_anywhere_is_refused(file):
    content = in_torchs_format(TENSORS)
    for length in range(0, len(content) - 1, 41):
        with pytest.raises(InputError, match=r"weights\.pth"):
            read_tensors(file(content[:length]))


def test_a_safetensors_file_cut_off_anywhere_is_refused(file):
    content = save(TENSORS)
    for length in range(len(content)):
        with pytest.raises(InputError, match=r"weights\.safetensors is not a complete safetensors file"):
            read_tensors(file(content[:length], "weights.safetensors"))


def test_a_file_of_torch_under_the_name_of_safetensors_is_refused(file):
    with pytest.raises(InputError, match=r"weights\.safetensors is not a complete safetensors file"):
        read_tensors(file(in_torchs_format(TENSORS), "weights.safetensors"))


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, TENSORS["b"], {"model": {"a": "text"}}, 3])
def test_values_that_are_no_tensors_by_name_are_refused(file, content):
    with pytest.raises(InputError, match=r"expected only tensors by name \(a state_dict\), found "):
        read_tensors(file(in_torchs_format(content)))


@pytest.mark.parametrize("name", ["nowhere.pth", "nowhere.safetensors"])
def test_a_file_that_is_not_there_is_reported(tmp_path, name):
    with pytest.raises(MissingFileError, match="no such weights file"):
        read_tensors(tmp_path / name)


def test_tensors_and_plain_values_are_read_as_they_are(file):
    content = {"step": 3, "best": {"nAP": 0.5}, "weights": TENSORS["b"]}
    assert read_torch_file(file(in_torchs_format(content))) == content


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "older format"])
def test_a_file_cut_off_anywhere_is_refused_in_either_format(tmp_path, new, share):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.arange(500.0)}, path, _use_new_zipfile_serialization=new)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"w\.pth is (truncated or damaged|not a weights file)"):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"image label\n", b"PK", b"\x89PNG\r\n\x1a\n" + bytes(40), b"unsupported global"])
def test_what_is_no_file_of_weights_is_not_called_dangerous(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_tensors(path)
    assert "weights only" not in str(caught.value)
