"""Files written whole: on a full disk the old file is as it was, and nothing is left beside it."""

import os
import stat
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from baselines.p2pnet.files import WriteError, clear_leftovers, write_whole

from . import crowd

FULL = """
import pathlib, resource, signal, sys
from baselines.p2pnet.files import WriteError, write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_whole(pathlib.Path(sys.argv[1]), bytes(5000))
except WriteError as problem:
    print(problem)
"""


def limited(path):
    """Write 5,000 bytes where a file may have 1,000; return what is said."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, path], env=crowd.environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_file_is_written(tmp_path):
    write_whole(tmp_path / "a.bin", b"content")
    assert (tmp_path / "a.bin").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_is_replaced(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old and longer")
    write_whole(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_whoever_reads_the_old_file_goes_on_reading_it(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    with (tmp_path / "a.bin").open("rb") as stream:
        write_whole(tmp_path / "a.bin", b"new")
        assert stream.read() == b"old"


def test_where_there_is_no_space_the_old_file_survives(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    said = limited(tmp_path / "a.bin")
    assert said == f"{tmp_path / 'a.bin'} could not be written: File too large; what was there is as it was\n"
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_where_there_is_no_space_for_a_new_file_there_is_none(tmp_path):
    assert "File too large" in limited(tmp_path / "a.bin")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_on_a_full_disk_the_old_file_survives(small_disk):
    (small_disk / "a.bin").write_bytes(b"old")
    with pytest.raises(WriteError, match="No space left on device; what was there is as it was"):
        write_whole(small_disk / "a.bin", bytes(100_000))
    assert (small_disk / "a.bin").read_bytes() == b"old"
    assert os.listdir(small_disk) == ["a.bin"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WriteError, match="No such file or directory"):
        write_whole(tmp_path / "nowhere" / "a.bin", b"content")


def test_a_folder_in_the_files_place_is_said_and_stays(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(WriteError, match="Is a directory"):
        write_whole(tmp_path / "a.bin", b"content")
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="to root, every folder is writable")
def test_a_folder_one_may_not_write_to_is_said(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(WriteError, match="Permission denied"):
            write_whole(tmp_path / "a.bin", b"content")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_nothing_is_left_aside_when_the_writing_is_interrupted(tmp_path, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.bin", b"new")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    (tmp_path / ".state.pt.123.tmp").write_bytes(b"half")
    (tmp_path / "state.pt").write_bytes(b"whole")
    (tmp_path / ".other.tmp").write_bytes(b"a user's")
    clear_leftovers(tmp_path / "state.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "state.pt"]
