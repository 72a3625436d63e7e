"""Evidence on the disk: what is written is read, the same in any order, and nothing else is taken for it."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import value_sets

from crowdeval import Protocol, concatenated, evaluate, evidence_of, read_evidence, report_of, write_evidence
from crowdeval.errors import CrowdevalError, FormatError, MissingFileError
from crowdeval.evaluation.parts import FORMAT, evidence_beside, evidence_bytes, evidence_of_bytes, is_evidence
from crowdeval.evaluation.report import EvidenceFile

PROTOCOL = Protocol(preset="everything")
SETS = ("ties", "smooth", "unscored", "own_counts", "counts_only", "radii", "no_truth", "no_predictions")


def evidence(name="ties"):
    return evidence_of(*value_sets.GENERATED[name](), protocol=PROTOCOL, about={"model": "m", "dataset": "d"})


@pytest.mark.parametrize("name", SETS)
def test_what_is_written_is_read(name, tmp_path):
    made = evidence(name)
    write_evidence(made, tmp_path / "e.arrow")
    found = read_evidence(tmp_path / "e.arrow")
    assert evidence_bytes(found) == (tmp_path / "e.arrow").read_bytes()
    own, other = (report_of(each, part=True, per_image=True) for each in (made, found))
    assert {k: v.hex() for k, v in own.values.items()} == {k: v.hex() for k, v in other.values.items()}
    assert (own.warnings, own.about, own.signature) == (other.warnings, other.about, other.signature)
    assert (own.annotations.hashes, own.predictions.fingerprint) == (
        other.annotations.hashes,
        other.predictions.fingerprint,
    )


def test_the_same_set_in_another_order_is_the_same_file():
    predictions, annotations = value_sets.GENERATED["smooth"]()
    order = np.random.default_rng(0).permutation(len(annotations.image_ids))
    moved = evidence_of(predictions.take(order), annotations.take(order), protocol=PROTOCOL)
    assert evidence_bytes(moved) == evidence_bytes(evidence_of(predictions, annotations, protocol=PROTOCOL))


def test_the_same_points_in_another_order_within_images_are_the_same_file():
    predictions, annotations = value_sets.GENERATED["smooth"]()
    starts = predictions.offsets
    draw = np.random.default_rng(1)
    rows = np.concatenate([draw.permutation(np.arange(*starts[i : i + 2])) for i in range(len(starts) - 1)])
    moved = replace(predictions, xy=predictions.xy[rows], score=predictions.score[rows])
    found = evidence_of(moved, annotations)
    assert evidence_bytes(found) == evidence_bytes(evidence_of(predictions, annotations))
    back = read_back(found)
    own = [column.tolist() for column in np.split(back.score, back.offsets[1:-1])]
    assert all(part == sorted(part, reverse=True) for part in own)


def read_back(made):
    return evidence_of_bytes(evidence_bytes(made), name="e")


def test_parts_that_went_through_files_are_the_whole(tmp_path):
    predictions, annotations = value_sets.GENERATED["smooth"]()
    for n, part in enumerate(np.array_split(np.arange(len(annotations.image_ids)), 4)):
        write_evidence(
            evidence_of(predictions.take(part), annotations.take(part), protocol=PROTOCOL), tmp_path / f"{n}.arrow"
        )
    whole = concatenated(read_evidence(tmp_path / f"{n}.arrow") for n in (2, 0, 3, 1))
    assert evidence_bytes(whole) == evidence_bytes(evidence_of(predictions, annotations, protocol=PROTOCOL))


def test_nothing_in_the_file_is_code():
    data = evidence_bytes(evidence())
    about = json.loads(pa.ipc.open_file(pa.py_buffer(data)).schema.metadata[b"crowdeval"])
    assert about["format"] == FORMAT
    types = {str(field.type) for field in pa.ipc.open_file(pa.py_buffer(data)).schema}
    assert not any("extension" in name or "pickle" in name or "large_binary" in name for name in types)


def test_ten_bytes_a_prediction_at_ten_deltas():
    made = evidence_of(*value_sets.GENERATED["dense"]())
    rows = sum(column.nbytes for column in made.rows.values()) + made.score.nbytes
    assert rows == 10 * int(made.offsets[-1])


def broken(data):
    """Ways in which a file is not what it was."""
    for end in (0, 3, 7, len(data) // 3, len(data) - 1):
        yield f"cut at {end}", data[:end]
    for place in range(8, len(data) - 8, max(1, len(data) // 60)):
        yield f"bit at {place}", data[:place] + bytes([data[place] ^ 64]) + data[place + 1 :]


def test_a_damaged_file_is_one_clear_error_or_harmless():
    data = evidence_bytes(evidence())
    refused = 0
    for what, text in broken(data):
        found = read_or_error(text)
        if isinstance(found, FormatError):
            refused += 1
            assert str(found).startswith("e.arrow: expected evidence"), what
            assert len(str(found)) < 400
        else:  # a byte that holds nothing was hit: padding, or a name nobody reads
            assert evidence_bytes(found) == data, what
    assert refused > 30


def read_or_error(data):
    try:
        return evidence_of_bytes(data, name="e.arrow")
    except FormatError as problem:
        return problem


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ARROW1",
        b"PK\x03\x04 a zip file",
        b'{"images": []}',
    ],
)
def test_a_foreign_file_is_refused(content, tmp_path):
    (tmp_path / "e.arrow").write_bytes(content)
    with pytest.raises(FormatError, match="expected evidence, an Arrow file that crowdeval wrote"):
        read_evidence(tmp_path / "e.arrow")


def test_an_arrow_file_of_another_origin_is_refused(tmp_path):
    table = pa.table({"image_id": ["a"], "predictions": [1]})
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FormatError, match="an Arrow file that another program wrote"):
        read_evidence(tmp_path / "e.arrow")


def test_content_that_was_changed_is_noticed(tmp_path):
    table = pa.ipc.open_file(pa.py_buffer(evidence_bytes(evidence()))).read_all()
    place = table.schema.get_field_index("image:true")
    changed = table.set_column(place, "image:true", pa.array([n + 1 for n in table["image:true"].to_pylist()]))
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(changed.cast(table.schema))
    with pytest.raises(FormatError, match="a damaged file: its content differs from what was written"):
        read_evidence(tmp_path / "e.arrow")


def test_a_later_version_is_named(tmp_path):
    table = pa.ipc.open_file(pa.py_buffer(evidence_bytes(evidence()))).read_all()
    about = json.loads(table.schema.metadata[b"crowdeval"]) | {"format": "crowdeval/evidence@9"}
    table = table.replace_schema_metadata({b"crowdeval": json.dumps(about).encode()})
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FormatError, match=r"crowdeval/evidence@9.*this version reads"):
        read_evidence(tmp_path / "e.arrow")


def test_an_absent_file_is_said_to_be(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file"):
        read_evidence(tmp_path / "none.arrow")
    with pytest.raises(MissingFileError, match="can't be read"):
        read_evidence(tmp_path)
    with pytest.raises(CrowdevalError, match="none"):
        write_evidence(evidence(), tmp_path / "none" / "e.arrow")


def test_a_report_finds_its_evidence_beside_itself_and_no_other(tmp_path):
    digest = write_evidence(evidence(), tmp_path / "e.arrow")
    named = EvidenceFile("e.arrow", digest)
    assert len(evidence_beside(named, tmp_path / "report.json")) == 12
    with pytest.raises(FormatError, match="a file that has changed since"):
        evidence_beside(replace(named, hash="0" * 32), tmp_path / "report.json")


def test_a_pipe_is_not_looked_into(tmp_path):
    write_evidence(evidence(), tmp_path / "e.arrow")
    assert is_evidence(tmp_path / "e.arrow")
    os.mkfifo(tmp_path / "pipe")
    assert not is_evidence(tmp_path / "pipe")
    assert not is_evidence(tmp_path / "none")
    assert not is_evidence(tmp_path)


def test_evidence_read_in_another_process_gives_the_same_digits(tmp_path):
    predictions, annotations = value_sets.GENERATED["ties"]()
    write_evidence(evidence_of(predictions, annotations), tmp_path / "e.arrow")
    code = (
        "import sys, crowdeval; e = crowdeval.read_evidence(sys.argv[1]); "
        "print({k: v.hex() for k, v in crowdeval.report_of(e).values.items()})"
    )
    out = subprocess.run([sys.executable, "-c", code, tmp_path / "e.arrow"], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str({k: v.hex() for k, v in evaluate(predictions, annotations).values.items()})


def test_no_bit_of_the_schema_can_be_turned_without_notice():
    predictions, annotations = value_sets.GENERATED["radii"]()
    made = evidence_of(predictions, annotations, protocol=Protocol(metrics=("F1@8px", "MAE", "nAP")))
    data = evidence_bytes(made)
    values = {name: value.hex() for name, value in report_of(made).values.items()}
    accepted = 0
    for place in [*range(8, 2500, 3), *range(len(data) - 3000, len(data), 3)]:
        turned = bytearray(data)
        turned[place] ^= 1 << place % 8
        try:
            found = evidence_of_bytes(bytes(turned), name="e.arrow")
        except FormatError:
            continue
        accepted += 1
        assert {name: value.hex() for name, value in report_of(found).values.items()} == values
    assert accepted < 1200  # padding, and the copy of the schema that is not read


def test_a_column_of_another_type_is_damage():
    made = evidence("radii")
    narrow = replace(made, images={**made.images, "predicted": made.images["predicted"].astype(np.int32)})
    table = pa.ipc.open_file(pa.py_buffer(evidence_bytes(narrow))).read_all()
    foreign = table.replace_schema_metadata(
        pa.ipc.open_file(pa.py_buffer(evidence_bytes(made))).read_all().schema.metadata
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, foreign.schema) as writer:
        writer.write_table(foreign)
    with pytest.raises(FormatError, match="damaged"):
        evidence_of_bytes(sink.getvalue().to_pybytes(), name="e.arrow")


@pytest.mark.parametrize(("content", "words"), [(b"", "an empty file"), (b"ARR", "a file of another kind")])
def test_a_file_named_arrow_is_evidence_whatever_is_in_it(content, words, tmp_path):
    (tmp_path / "e.arrow").write_bytes(content)
    assert is_evidence(tmp_path / "e.arrow")
    with pytest.raises(FormatError, match=words):
        read_evidence(tmp_path / "e.arrow")


def test_only_evidence_is_written(tmp_path):
    with pytest.raises(CrowdevalError, match="expected Evidence, found Predictions"):
        write_evidence(value_sets.GENERATED["ties"]()[0], tmp_path / "e.arrow")
