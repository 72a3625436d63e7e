"""The published numbers: the form of every table, and the results that are read from it."""

import csv

import pytest
from conftest import ROOT
from toy_reports import published, result

from crowdeval.datasets import DATASETS
from crowdeval.errors import FormatError, MissingFileError
from crowdeval.leaderboards.published import COLUMNS, published_beside, published_results, read_published
from crowdeval.metrics import canonical

FOLDER = ROOT / "crowdeval" / "leaderboards" / "tables"
FILES = sorted(FOLDER.glob("*.csv"))
HEAD = ",".join(COLUMNS)


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def table(tmp_path, *lines):
    file = tmp_path / "table.csv"
    file.write_text("\n".join([HEAD, *lines]) + "\n")
    return file


def test_there_are_tables():
    assert {"song2021.csv", "later.csv"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_row_has_the_columns_a_known_dataset_a_number_its_source_and_table(file):
    found = rows(file)
    assert found
    assert tuple(found[0]) == COLUMNS
    for row in found:
        name, _, split = row["dataset"].partition(":")
        assert name in DATASETS
        assert not split or split in DATASETS[name].about.splits
        assert row["metric"] in (canonical(row["metric"]), "MSE", "MAE[L]", "MAE[S]")
        assert float(row["value"]) >= 0
        assert row["unit"] in ("%", "people", "1")
        assert row["method"]
        assert row["source"]
        assert row["table"]
        assert row["page"] == "" or row["page"].isdigit()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_units_fit_their_metrics(file):
    for row in rows(file):
        people = row["metric"].startswith(("MAE", "MSE"))
        assert (row["unit"] == "people") == people
        assert people or float(row["value"]) <= (100 if row["unit"] == "%" else 1)


def paper(method, dataset):
    (found,) = [each for each in read_published(FOLDER / "song2021.csv")
                if each.model.startswith(f"{method} (") and each.dataset == dataset]  # fmt: skip
    return found.values


@pytest.mark.parametrize(
    ("method", "dataset", "values"),
    [
        ("P2PNet", "shanghaitech-a:test",
         {"nAP@0.05": 0.109, "nAP@0.25": 0.703, "nAP@0.5": 0.901, "nAP": 0.644, "MAE": 52.74, "RMSE": 85.06}),
        ("P2PNet", "ucf-cc-50:all",
         {"nAP@0.05": 0.05, "nAP@0.25": 0.545, "nAP@0.5": 0.881, "nAP": 0.543, "MAE": 172.72, "RMSE": 256.18}),
        ("P2PNet", "nwpu", {"nAP@0.05": 0.129, "nAP@0.25": 0.713, "nAP@0.5": 0.891, "nAP": 0.65}),
        ("P2PNet", "nwpu:test", {"MAE": 77.44, "RMSE": 362.0, "MAE[L]": 83.28, "MAE[S]": 553.92, "F1@sigma_l": 0.712,
                                 "Precision@sigma_l": 0.729, "Recall@sigma_l": 0.695}),
        ("LSC-CNN", "ucf-qnrf:test", {"nAP": 0.089}),
        ("ASNet", "ucf-qnrf:test", {"MAE": 91.59, "RMSE": 159.71}),
    ],
)  # fmt: skip
def test_the_papers_tables_are_as_printed(method, dataset, values):
    assert dict(paper(method, dataset)) == values


def test_a_dash_of_the_paper_is_no_row():
    assert not [row for row in rows(FOLDER / "song2021.csv")
                if row["method"] == "ASNet" and row["dataset"] == "shanghaitech-b:test"]  # fmt: skip
    tables = [row["table"] for row in rows(FOLDER / "song2021.csv")]
    assert {name: tables.count(name) for name in set(tables)} == {
        "Table 1": 20, "Table 2": 82, "Table 3": 20, "Table 7": 24, "Supplement, sec. 4": 3
    }  # fmt: skip


def test_rows_of_a_method_and_dataset_become_one_result_with_its_tables(tmp_path):
    file = table(
        tmp_path,
        "A,ICCV'21,toys:test,MSE,11.00,people,A paper,Table 1,7,",
        "A,ICCV'21,toys:test,nAP,64.4,%,A paper,Table 2,,",
        "A,ICCV'21,toys:train,MAE,3,people,A paper,Table 2,,",
    )
    first, second = read_published(file)
    assert (first.model, first.source, first.origin, first.place) == (
        "A (ICCV'21)", "published", "A paper", "Table 1 (p. 7), Table 2"
    )  # fmt: skip
    assert first.values == {"RMSE": 11.0, "nAP": 0.644}
    assert first.decimals == {"RMSE": 2, "nAP": 3}
    assert second.dataset == "toys:train"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A,,toys:test,MAE,many,people,P,Table 1,,", "expected a number, found 'many'"),
        ("A,,toys:test,MAE,nan,people,P,Table 1,,", "expected a number, found 'nan'"),
        ("A,,toys:test,MAE,1,persons,P,Table 1,,", "found 'persons'"),
        ("A,,toys:test,NAP,1,1,P,Table 1,,", "did you mean 'nAP'"),
        ("A,,toys:test,MAE,1,people,,Table 1,,", "line 2, source"),
        ("A,,toys:test,MAE,1,people,P,,,", "line 2, table"),
        ("A,,toys:test,MAE,1,people,P", "found fewer"),
        ("A,,toys:test,MAE,1,people,P,T,,,,", "found more"),
        ("A,,t,MAE,1,people,P,T,,\nA,,t,MAE,2,people,P,T,,", "line 3: expected each number once"),
    ],
)
def test_a_damaged_table_names_line_and_column(tmp_path, line, message):
    with pytest.raises(FormatError) as caught:
        read_published(table(tmp_path, line))
    assert "table.csv" in str(caught.value)
    assert message in str(caught.value)


def test_other_columns_are_refused(tmp_path):
    (tmp_path / "table.csv").write_text("method,value\nA,1\n")
    with pytest.raises(FormatError, match="line 1"):
        read_published(tmp_path / "table.csv")


def test_a_folder_without_tables_says_where_they_are(tmp_path):
    with pytest.raises(MissingFileError, match="no published tables"):
        published_results(tmp_path)
    with pytest.raises(MissingFileError, match="--published without a folder"):
        published_results(tmp_path / "nowhere")


def test_the_installed_tables_are_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert len(published_results()) == len(published_results(FOLDER)) > 40


def test_published_numbers_stand_beside_the_datasets_that_were_measured():
    numbers = [published("A", "nwpu:test", MAE=1.0), published("B", "toys:test", MAE=1.0)]
    assert [each.model for each in published_beside([result("m", "nwpu:val", MAE=1.0)], numbers)] == ["A"]
    assert published_beside([], numbers) == numbers
