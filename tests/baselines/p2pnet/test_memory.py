"""Huge pages: torch uses them for large maps if the variable was set early enough; the user's value has priority."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from . import crowd

CHOICES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ON_REQUEST = CHOICES.is_file() and "[madvise]" in CHOICES.read_text()

PROGRAM = """
from baselines.p2pnet.memory import ask_for_huge_pages
ask_for_huge_pages()
import torch, torchvision
held = torch.ones(64, 2**20)
[line] = [line for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")]
print(line.split()[1])
"""


@pytest.mark.skipif(not ON_REQUEST, reason="this kernel gives huge pages always, never, or is not Linux")
@pytest.mark.parametrize(("said", "expected"), [(None, True), ("0", False)])
def test_a_large_map_lies_in_huge_pages(said, expected):
    environment = {**crowd.environment(), **({} if said is None else {"THP_MEM_ALLOC_ENABLE": said})}
    if said is None:
        environment.pop("THP_MEM_ALLOC_ENABLE", None)
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 100_000) is expected  # of 262,144 KiB


def test_the_command_line_asks_for_them(monkeypatch):
    from baselines.p2pnet.cli import main

    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    monkeypatch.setattr(sys, "argv", ["p2pnet", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
