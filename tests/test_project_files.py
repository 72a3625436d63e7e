"""The files beside the package: what they repeat is equal to its source."""

import re

import pytest
from conftest import ROOT

from crowdeval.citations import SONG
from crowdeval.version import __version__

CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_citation_file_has_the_version_of_the_package():
    assert re.findall(r"^version: (.+)$", CITATION, re.MULTILINE) == [__version__]


def test_the_citation_file_names_the_same_paper_as_the_command():
    authors = re.findall(r"- family-names: (.+)\n +given-names: (.+)\n", CITATION)
    listed = re.sub(r"\s+", " ", re.search(r"author = \{(.*?)\}", SONG.bibtex, re.DOTALL)[1])
    assert " and ".join(f"{family}, {given}" for family, given in authors) == listed
    for field in ("title", "year"):
        assert re.search(rf"{field} = \{{(.*?)\}},", SONG.bibtex)[1] in CITATION


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_links_within_the_project_lead_to_files(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
