"""Where the tests run: against the installed wheel, with or without the real data."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=int(os.environ.get("CROWDEVAL_EXAMPLES", "200")))
settings.load_profile("default")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; programs under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data; skips, saying so, where it is absent."""
    folder = Path(os.environ.get("CROWDEVAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "nwpu_val").is_dir():
        pytest.skip(f"real data not found in {folder} (set CROWDEVAL_DATA)")
    return folder


@pytest.fixture
def crowdeval(capfd):
    """Run the command line in this process; returns (exit code, stdout, stderr)."""
    from crowdeval.cli import main

    def run(*args):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return end.value.code, out, err

    return run
