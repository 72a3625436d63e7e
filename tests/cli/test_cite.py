"""crowdeval cite: every dataset and every metric has BibTeX, and each entry is whole."""

import re

import pytest

from crowdeval.citations import CITATIONS, TOOL, bibtex_of
from crowdeval.datasets import DATASETS
from crowdeval.metrics import METRICS
from crowdeval.options import PRESETS
from crowdeval.version import __version__

UNPUBLISHED = {"standard", "convention: 4 and 8 px on ShanghaiTech", "nAP's matching with a fixed radius"}
"""Sources of metrics that no publication defines."""

ENTRIES = [TOOL, *(citation.bibtex for citation in CITATIONS)]


def keys_of(text):
    """Return the keys of the BibTeX entries of a text."""
    return re.findall(r"^@\w+\{([^,\s]+),$", text, re.MULTILINE)


def fields_of(entry):
    """Return the fields of one BibTeX entry, after a check of its form."""
    match = re.fullmatch(r"@(?:inproceedings|article|misc)\{[a-z0-9]+,\n(.*)\n\}", entry, re.DOTALL)
    assert match
    depth = 0
    for character in entry:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    fields = re.findall(r"^  (\w+) = \{(.*?)\},$", match[1], re.DOTALL | re.MULTILINE)
    assert "\n".join(f"  {name} = {{{value}}}," for name, value in fields) == match[1]
    return dict(fields)


def catalogue():
    """Return the lines of the metric catalogue."""
    families = {id(METRICS[name]): METRICS[name] for name in METRICS.table}
    return [entry for family in families.values() for entry in family.entries]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: keys_of(entry)[0])
def test_an_entry_is_whole_and_has_the_fields_of_its_type(entry):
    fields = fields_of(entry)
    needed = {"@inproceedings": {"booktitle", "year"}, "@article": {"journal", "year"}, "@misc": {"note"}}
    assert {"author", "title", *needed[entry.partition("{")[0]]} <= fields.keys()
    assert not re.search(r"et al|\.\.\.|TODO", fields["author"])
    assert all(name.count(",") == 1 for name in re.split(r"\s+and\s+", fields["author"]) if "{{" not in entry[:40])


@pytest.mark.parametrize("citation", CITATIONS, ids=lambda citation: keys_of(citation.bibtex)[0])
def test_the_short_form_agrees_with_the_entry(citation):
    fields = fields_of(citation.bibtex)
    plain = re.sub(r"\{\\.(\w)\}", r"\1", fields["author"])
    venue, year = citation.venue.split()
    journals = {"TPAMI": "IEEE Transactions on Pattern Analysis and Machine Intelligence"}
    assert plain.startswith(citation.authors.removesuffix(" et al.") + ",")
    assert fields["year"] == year
    assert fields.get("journal") == journals[venue] if venue in journals else f"({venue})" in fields["booktitle"]


def test_no_two_entries_have_the_same_key():
    keys = keys_of("\n".join(ENTRIES))
    assert len(set(keys)) == len(keys) == len(ENTRIES)


@pytest.mark.parametrize("name", [name for name in DATASETS.table if name != "folder"])
def test_every_dataset_has_one_entry(name):
    assert len(keys_of(bibtex_of(DATASETS[name].about.source))) == 1


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.string)
def test_every_metric_of_the_catalogue_has_one_entry_or_no_publication(entry):
    assert len(keys_of(bibtex_of(entry.source))) == (0 if entry.source in UNPUBLISHED else 1)


@pytest.mark.parametrize("name", [*METRICS.table, *PRESETS["everything"], *PRESETS["jhu"]])
def test_every_metric_prints_one_entry(crowdeval, name):
    code, out, _ = crowdeval("cite", name)
    assert code == 0
    assert len(keys_of(out)) == 1


def test_without_a_name_it_prints_the_tool_and_the_paper(crowdeval):
    code, out, err = crowdeval("cite")
    assert (code, err) == (0, "")
    assert keys_of(out) == ["crowdeval", "song2021rethinking"]
    assert f"version {__version__}" in out


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("shanghaitech-a", "zhang2016single"),
        ("ShanghaiTech_B:test", "zhang2016single"),
        ("ucf-cc-50:fold1", "idrees2013multi"),
        ("nAP", "song2021rethinking"),
        ("nAP@0.25", "song2021rethinking"),
        ("MSE", "song2021rethinking"),
        ("NAE", "wang2020nwpu"),
        ("RMSE[S]", "wang2020nwpu"),
        ("F1", "wang2020nwpu"),
        ("F1@sigma_s", "wang2020nwpu"),
        ("Recall@sigma_s by level", "wang2020nwpu"),
        ("MAE by jhu_weather", "sindagi2020jhu"),
        ("L-F1@1:1:100px", "idrees2018composition"),
        ("MLE@16px", "sam2020locate"),
        ("GAME(3)", "guerrero2015extremely"),
    ],
)
def test_a_name_prints_the_entry_of_its_source(crowdeval, name, key):
    code, out, err = crowdeval("cite", name)
    assert (code, keys_of(out), err) == (0, [key], "")


@pytest.mark.parametrize("name", ["folder", "bias", "F1@8px"])
def test_without_a_publication_it_prints_the_tool_and_says_so(crowdeval, name):
    code, out, err = crowdeval("cite", name)
    assert (code, out) == (0, f"{TOOL}\n")
    assert err.startswith(f"{name}: no publication is known (source: ")


@pytest.mark.parametrize(
    ("name", "near"), [("nap", "'nAP'"), ("nwpuu", "'nwpu'"), ("shanghaitech", "'shanghaitech-a'")]
)
def test_an_unknown_name_gets_the_near_ones(crowdeval, name, near):
    code, out, err = crowdeval("cite", name)
    assert (code, out) == (2, "")
    assert f"no dataset and no metric is called {name!r}; did you mean" in err
    assert near in err


@pytest.mark.parametrize("name", ["", "@", "???", "nAP[S]", "GAME(99)", "nAP@x", "by", "x" * 1000])
def test_a_wrong_name_is_a_usage_error(crowdeval, name):
    code, out, err = crowdeval("cite", name)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
