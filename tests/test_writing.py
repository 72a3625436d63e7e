"""Files written completely or not at all: on a full disk the old file is unchanged, and no draft is left beside it."""

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crowdeval.writing import WriteError, clear_drafts, make_folder, write_file

FULL = """
import pathlib, resource, signal, sys
from crowdeval.writing import WriteError, write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(pathlib.Path(sys.argv[1]), bytes(5000))
except WriteError as problem:
    print(problem)
"""


def limited(path):
    """Write 5,000 bytes where a file may have 1,000; return the message."""
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_file_is_written(tmp_path):
    write_file(tmp_path / "a.bin", b"content")
    assert (tmp_path / "a.bin").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_is_replaced(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old and longer")
    write_file(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_an_open_reader_of_the_old_file_goes_on_reading_it(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    with (tmp_path / "a.bin").open("rb") as stream:
        write_file(tmp_path / "a.bin", b"new")
        assert stream.read() == b"old"


def test_where_there_is_no_space_the_old_file_survives(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    message = limited(tmp_path / "a.bin")
    assert message == f"{tmp_path / 'a.bin'} can't be written: File too large; the previous file is unchanged\n"
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
    with pytest.raises(WriteError, match="No space left on device; the previous file is unchanged"):
        write_file(small_disk / "a.bin", bytes(100_000))
    assert (small_disk / "a.bin").read_bytes() == b"old"
    assert os.listdir(small_disk) == ["a.bin"]


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(WriteError, match="there is no folder"):
        write_file(tmp_path / "nowhere" / "a.bin", b"content")


def test_a_folder_in_the_files_place_is_reported_and_kept(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(WriteError, match="it is a folder"):
        write_file(tmp_path / "a.bin", b"content")
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="to root, every folder is writable")
def test_a_folder_one_may_not_write_to_is_reported(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(WriteError, match="Permission denied"):
            write_file(tmp_path / "a.bin", b"content")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_nothing_is_left_aside_when_the_writing_is_interrupted(tmp_path, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a.bin", b"new", durable=True)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    (tmp_path / ".state.pt.123-4-5.part").write_bytes(b"half")
    (tmp_path / "state.pt").write_bytes(b"whole")
    (tmp_path / ".other.tmp").write_bytes(b"a user's")
    clear_drafts(tmp_path / "state.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "state.pt"]


def test_threads_that_write_one_file_never_meet(tmp_path):
    def write(letter):
        for _ in range(200):
            write_file(tmp_path / "a.bin", letter * 5000)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, letter) for letter in (b"a", b"b", b"c", b"d")]:
            done.result()
    assert (tmp_path / "a.bin").read_bytes() in [letter * 5000 for letter in (b"a", b"b", b"c", b"d")]
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_link_that_was_planted_as_the_draft_is_not_written_through(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda _: "known")
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    draft = tmp_path / f".a.bin.{os.getpid()}-{threading.get_ident()}-known.part"
    draft.symlink_to(victim)
    with pytest.raises(WriteError, match="File exists"):
        write_file(tmp_path / "a.bin", b"content")
    assert victim.read_bytes() == b"precious"
    assert draft.is_symlink()


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_file(tmp_path / "a.bin", b"content")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_can_not_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match=r"the folder .*file/below can't be made: Not a directory"):
        make_folder(tmp_path / "file" / "below")
