"""Reports on the disk: which files are read as reports, and the errors for the others."""

import pytest
from toy_reports import report

from crowdeval.errors import FormatError, MissingFileError
from crowdeval.leaderboards.report_files import find_reports, read_report


def test_reports_are_found_at_any_depth_and_other_files_are_passed_over(tmp_path):
    run = tmp_path / "runs" / "toys-test" / "a@1" / "0f"
    run.mkdir(parents=True)
    (run / "report-paper.json").write_text(report("a").to_json())
    (tmp_path / "b.json").write_text(report("b").to_json())
    (run / "manifest.json").write_text('{"format": "crowdeval/run@1", "reports": "crowdeval/report@1"}')
    (run / "list.json").write_text("[1, 2]")
    (run / "broken.json").write_text('{"points": ')
    (run / ".report.json").write_text("{")
    (tmp_path / "shards.parquet").write_bytes(b"PAR1")
    found = find_reports([tmp_path])
    assert [each.about["model"] for _, each in found.reports] == ["b", "a"]
    assert found.damaged == ()


@pytest.mark.parametrize(
    "text",
    ['{"format": "crowdeval/report@1", "values": {', '{"format": "crowdeval/report@1", "values": {}}',
     '{"format": "crowdeval/report@2"}'],
)  # fmt: skip
def test_a_damaged_report_is_named_and_does_not_hide_the_others(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    (tmp_path / "good.json").write_text(report("a").to_json())
    found = find_reports([tmp_path])
    assert len(found.reports) == 1
    assert str(tmp_path / "bad.json") in str(found.damaged[0])


def test_an_empty_file_called_report_is_damaged(tmp_path):
    (tmp_path / "report-paper.json").write_text("")
    assert len(find_reports([tmp_path]).damaged) == 1


def test_a_file_named_itself_has_to_be_a_report(tmp_path):
    (tmp_path / "points.json").write_text('{"a": []}')
    with pytest.raises(FormatError, match=r"points\.json"):
        find_reports([tmp_path / "points.json"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"format": "crowdeval/predictions@1", "images": []}', "'crowdeval/predictions@1'"),
        ('{"a": []}', "no such key"),
    ],
)
def test_a_file_of_another_format_is_an_error_that_names_the_command_for_a_report(tmp_path, text, found):
    (tmp_path / "points.json").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_report(tmp_path / "points.json")
    assert f"points.json: format: expected a crowdeval report, found {found}" in str(caught.value)
    assert "-o report.json writes a report" in str(caught.value)


def test_a_file_reached_twice_counts_once(tmp_path):
    (tmp_path / "a.json").write_text(report("a").to_json())
    assert len(find_reports([tmp_path, tmp_path / "a.json", tmp_path]).reports) == 1


def test_a_missing_path_is_an_error():
    with pytest.raises(MissingFileError, match="nowhere"):
        find_reports(["nowhere"])
