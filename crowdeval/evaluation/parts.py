"""Evidence files: one Arrow file with a row for each image, a digest of its content, and no code in it.

Columns
    - ``image_id``;
    - ``predictions``: the number of predictions of the image;
    - ``image:NAME``: a number, a label, or a list of numbers;
    - ``score`` and ``rows:NAME``: lists with one entry for each prediction.

Everything else is JSON, under the key ``crowdeval`` of the metadata of the schema.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdeval.errors import FormatError, InputError, MissingFileError, Problem, UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import EvidenceFile
from crowdeval.metrics.evidence import Evidence, Lack, canonical_order
from crowdeval.points.ragged import freeze, offsets_of
from crowdeval.points.sets import repeated_names
from crowdeval.writing import write_file

FORMAT = "crowdeval/evidence@1"
"""Name and version of the file format."""

MAGIC = b"ARROW1"
"""First bytes of an Arrow file."""

_KEY = b"crowdeval"
_IMAGE, _ROWS = "image:", "rows:"


def write_evidence(evidence: Evidence, target: str | os.PathLike[str]) -> str:
    """Write evidence to a file in canonical order; the file is complete, or it is not written.

    Parameters
    ----------
    evidence : Evidence
        The evidence, with its images in any order.
    target : str or path
        Name of the file, usually ``*.arrow``.

    Returns
    -------
    str
        The hash of the bytes of the file, as a report records it: BLAKE2b, 32 hexadecimal digits.

    Raises
    ------
    MissingFileError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from crowdeval import Annotations, Predictions, evidence_of
    >>> truth = Annotations(image_ids=["a"], offsets=[0, 1], xy=[[10.0, 10.0]])
    >>> evidence = evidence_of(Predictions(image_ids=["a"], offsets=[0, 0], xy=[]), truth)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = write_evidence(evidence, Path(folder) / "model.arrow")
    ...     read_evidence(Path(folder) / "model.arrow").image_ids
    ('a',)
    """
    data = evidence_bytes(evidence)
    write_file(target, data, durable=True)
    return _file_hash(data)


def _file_hash(data: bytes) -> str:
    """Return the hash of the bytes of a file, as a report records it."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def evidence_beside(named: EvidenceFile, report: str | os.PathLike[str]) -> Evidence:
    """Read the evidence file that a report names.

    Parameters
    ----------
    named : EvidenceFile
        Name and hash of the file, from the report.
    report : str or path
        The file of the report; the name of the evidence file is relative to its folder.

    Returns
    -------
    Evidence
        The evidence from which the report was made.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is damaged, is not evidence, or has changed since the report was written.

    Examples
    --------
    >>> import tempfile
    >>> evidence = Evidence(image_ids=(), offsets=np.array([0]), signature=Protocol().signature)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = write_evidence(evidence, Path(folder) / "model.arrow")
    ...     len(evidence_beside(EvidenceFile("model.arrow", digest), Path(folder) / "model.json"))
    0
    """
    path = Path(report).parent / named.file
    data = _content_of(path)
    if _file_hash(data) != named.hash:
        raise _error(str(path), f"a file that has changed since {os.fspath(report)} was written")
    return evidence_of_bytes(data, name=str(path))


def read_evidence(source: str | os.PathLike[str]) -> Evidence:
    """Read evidence from a file.

    Parameters
    ----------
    source : str or path
        A file that ``write_evidence`` or ``crowdeval score --evidence`` has written.

    Returns
    -------
    Evidence
        Equal to the evidence that was written, in canonical order.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is damaged, truncated, or not evidence.

    Examples
    --------
    >>> import tempfile
    >>> evidence = Evidence(image_ids=(), offsets=np.array([0]), signature=Protocol().signature)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = write_evidence(evidence, Path(folder) / "model.arrow")
    ...     read_evidence(Path(folder) / "model.arrow").signature == evidence.signature
    True
    """
    evidence, _ = read_hashed(source)
    return evidence


def read_hashed(source: str | os.PathLike[str]) -> tuple[Evidence, str]:
    """Read evidence from a file, with the hash of the file.

    Parameters
    ----------
    source : str or path
        An evidence file.

    Returns
    -------
    (Evidence, str)
        The evidence, and the hash that ``write_evidence`` returned.

    Raises
    ------
    MissingFileError
        If the file does not exist or can't be read.
    FormatError
        If the file is damaged, truncated, or not evidence.

    Examples
    --------
    >>> import tempfile
    >>> evidence = Evidence(image_ids=(), offsets=np.array([0]), signature=Protocol().signature)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = write_evidence(evidence, Path(folder) / "model.arrow")
    ...     read_hashed(Path(folder) / "model.arrow")[1] == digest
    True
    """
    data = _content_of(source)
    return evidence_of_bytes(data, name=os.fspath(source)), _file_hash(data)


def is_evidence(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like an Arrow file, or is named like one: ``*.arrow``.

    Parameters
    ----------
    path : str or path
        Any path.

    Returns
    -------
    bool
        False also for a pipe, which is not opened, as its bytes can be read only once.

    Examples
    --------
    >>> is_evidence("no such file")
    False
    """
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC or os.fspath(path).endswith(".arrow")
    except (OSError, ValueError):
        return False


def evidence_bytes(evidence: Evidence) -> bytes:
    """Return the content of an evidence file.

    Parameters
    ----------
    evidence : Evidence
        The evidence, with its images in any order.

    Returns
    -------
    bytes
        The same bytes for any order of the images, and of the predictions in an image.

    Examples
    --------
    >>> evidence = Evidence(image_ids=(), offsets=np.array([0]), signature=Protocol().signature)
    >>> evidence_bytes(evidence)[:6]
    b'ARROW1'
    """
    import pyarrow as pa

    if not isinstance(evidence, Evidence):
        raise InputError(f"expected Evidence, found {type(evidence).__name__}; evidence_of(...) makes it")
    evidence = canonical_order(evidence)
    columns = {"image_id": pa.array(evidence.image_ids, pa.string()), "predictions": pa.array(evidence.counts)}
    columns |= {_IMAGE + name: _image_array(column) for name, column in sorted(evidence.images.items())}
    offsets = pa.array(evidence.offsets, pa.int64())
    if evidence.score is not None:
        columns["score"] = pa.LargeListArray.from_arrays(offsets, pa.array(evidence.score))
    for name, bits in sorted(evidence.rows.items()):
        rows = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(bits.shape[1]), len(bits), [None, pa.py_buffer(np.ascontiguousarray(bits))]
        )
        columns[_ROWS + name] = pa.LargeListArray.from_arrays(offsets, rows)
    about = {
        "format": FORMAT,
        "digest": _digest(evidence),
        "signature": evidence.signature,
        "names": evidence.names,
        "scored": evidence.scored,
        "located": evidence.located,
        "thresholds": {name: list(values) for name, values in sorted(evidence.thresholds.items())},
        "lacks": {metric: [lack.reason, lack.spared] for metric, lack in sorted(evidence.lacks.items())},
        "carried": list(evidence.carried),
        "lanes": {name: list(lane) for name, lane in sorted(evidence.lanes.items())},
        "about": dict(evidence.about),
        "changes": dict(sorted(evidence.changes.items())),
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(about).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def evidence_of_bytes(data: bytes, *, name: str) -> Evidence:
    """Return the evidence from the content of a file.

    Parameters
    ----------
    data : bytes
        The content of an evidence file.
    name : str
        Name of the file, for the error message.

    Returns
    -------
    Evidence
        Equal to the evidence that was written, in canonical order.

    Raises
    ------
    FormatError
        If the content is damaged, truncated, or not evidence.

    Examples
    --------
    >>> evidence = Evidence(image_ids=("a",), offsets=np.array([0, 0]), signature=Protocol().signature)
    >>> evidence_of_bytes(evidence_bytes(evidence), name="model.arrow").image_ids
    ('a',)
    """
    import pyarrow as pa

    if not data.startswith(MAGIC):
        raise _error(name, "a file of another kind" if data else "an empty file")
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all().combine_chunks()
        table.validate(full=True)
        about = json.loads((table.schema.metadata or {})[_KEY])
        if about["format"] != FORMAT:
            raise _error(name, f"{about['format']!r}; this version reads {FORMAT!r}")
        evidence = _evidence(table, about)
        intact = _digest(evidence) == about["digest"] and not repeated_names(evidence.image_ids)
        Protocol.parse(evidence.signature)
    except FormatError:
        raise
    except KeyError:
        raise _error(name, "an Arrow file that another program wrote") from None
    except UsageError as problem:
        raise _error(name, str(problem)) from None
    except Exception as problem:  # a damaged file can raise any exception
        words = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise _error(name, f"a truncated or damaged file: {words}") from None
    if not intact:
        raise _error(name, "a damaged file: its content differs from what was written")
    return evidence


def _content_of(source: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file; raise MissingFileError if it can't be read."""
    try:
        return Path(source).read_bytes()
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {os.fspath(source)}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise MissingFileError(f"{os.fspath(source)} can't be read: {reason}") from None


def _evidence(table: Any, about: dict[str, Any]) -> Evidence:
    """Return evidence from the columns and the metadata of an Arrow table."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    columns = {name: column.chunk(0) if hasattr(column, "chunks") else column for name, column in columns.items()}
    offsets = offsets_of(columns["predictions"].to_numpy())
    rows = {name.removeprefix(_ROWS): _bits(column) for name, column in columns.items() if name.startswith(_ROWS)}
    score = columns["score"].flatten().to_numpy() if "score" in columns else None
    for column in (*rows.values(), *(() if score is None else (score,))):
        if len(column) != offsets[-1]:
            raise ValueError("columns of different lengths")
    return Evidence(
        image_ids=tuple(columns["image_id"].to_pylist()),
        offsets=offsets,
        score=score,
        images={
            name.removeprefix(_IMAGE): _numpy(column) for name, column in columns.items() if name.startswith(_IMAGE)
        },
        rows=rows,
        thresholds={name: tuple(values) for name, values in about["thresholds"].items()},
        signature=about["signature"],
        names=(about["names"][0], about["names"][1]),
        scored=about["scored"],
        located=about["located"],
        lacks={metric: Lack(reason, spared) for metric, (reason, spared) in about["lacks"].items()},
        carried=tuple(about["carried"]),
        lanes={name: (lane[0], lane[1]) for name, lane in about["lanes"].items()},
        about=about["about"],
        changes=about["changes"],
    )


def _image_array(column: NDArray[Any]) -> Any:
    """Return a column of images as an Arrow array: labels, numbers, or lists of numbers."""
    import pyarrow as pa

    if column.dtype.kind == "O":
        return pa.array(column.tolist(), pa.string())
    if column.ndim == 1:
        return pa.array(column)
    return pa.FixedSizeListArray.from_arrays(pa.array(column.reshape(-1)), column.shape[1])


def _numpy(column: Any) -> NDArray[Any]:
    """Return an Arrow array as a column of images."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        labels = np.full(len(column), None, dtype=object)
        labels[:] = column.to_pylist()
        return labels
    if pa.types.is_fixed_size_list(column.type):
        flat: NDArray[Any] = column.flatten().to_numpy()
        return flat.reshape(len(column), column.type.list_size)
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _bits(column: Any) -> NDArray[np.uint8]:
    """Return the hits of an Arrow array of byte strings, (M, width), without a copy."""
    values = column.flatten()
    width = values.type.byte_width
    data = np.frombuffer(values.buffers()[1], dtype=np.uint8)
    # An array may be a slice of its buffer: offset 3 and width 2 -> its bytes begin at 6.
    first = values.offset * width
    return freeze(data[first : first + len(values) * width].reshape(-1, width))


def _digest(evidence: Evidence) -> str:
    """Return a hash of the content, which shows damage in any byte of it."""
    digest = hashlib.blake2b(digest_size=16)
    for part in _content(evidence):
        digest.update(part)
    return digest.hexdigest()


def _content(evidence: Evidence) -> Iterator[Any]:
    """Yield the content of evidence as bytes and arrays, in a fixed order."""
    words: list[Any] = [
        evidence.image_ids,
        evidence.names,
        evidence.scored,
        evidence.located,
        sorted(evidence.about.items()),
    ]
    words += [sorted((k, v) for k, v in evidence.thresholds.items()), evidence.signature, evidence.carried]
    words += [
        sorted(evidence.changes.items()),
        sorted((k, v.reason, v.spared) for k, v in evidence.lacks.items()),
        sorted(evidence.lanes.items()),
    ]
    yield repr(words).encode(errors="surrogatepass")
    yield np.ascontiguousarray(evidence.offsets)
    if evidence.score is not None:
        yield f"score {evidence.score.dtype}".encode()
        yield np.ascontiguousarray(evidence.score)
    for name, column in sorted({**evidence.images, **{_ROWS + k: v for k, v in evidence.rows.items()}}.items()):
        yield f"{name} {column.dtype} {column.shape}".encode()
        yield repr(column.tolist()).encode() if column.dtype.kind == "O" else np.ascontiguousarray(column)


def _error(name: str, found: str) -> FormatError:
    """Return the error of a file that is not evidence."""
    return FormatError(name, [Problem(expected="evidence, an Arrow file that crowdeval wrote", found=found)])
