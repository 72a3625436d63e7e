"""Evidence on the disk: one Arrow file, a row an image, with a digest of its content; nothing in it is code.

Columns: ``image_id``; ``predictions``, the number of them; ``image:NAME``, a number, a label, or a list of numbers;
``score`` and ``rows:NAME``, lists with an entry a prediction. What else is known stands as JSON under the key
``crowdeval`` of the schema's metadata.
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

from crowdeval.errors import FormatError, MissingFileError, Problem, UsageError
from crowdeval.evaluation.protocol import Protocol
from crowdeval.evaluation.report import EvidenceFile
from crowdeval.metrics.evidence import Evidence, Lack, canonical
from crowdeval.points.ragged import offsets_of, own
from crowdeval.points.sets import repeated
from crowdeval.writing import write_file

FORMAT = "crowdeval/evidence@1"
MAGIC = b"ARROW1"
_KEY = b"crowdeval"
_IMAGE, _ROWS = "image:", "rows:"


def write_evidence(evidence: Evidence, target: str | os.PathLike[str]) -> str:
    """Write evidence to a file, in canonical order, whole or not at all; return the hash of its bytes.

    Parameters
    ----------
    evidence : Evidence
        What to write.
    target : str or path
        The file, usually ``*.arrow``.

    Returns
    -------
    str
        What a report says of the file beside its name: BLAKE2b, 32 hexadecimal digits.

    Raises
    ------
    MissingFileError
        If the file can't be written.
    """
    data = evidence_bytes(evidence)
    write_file(target, data, durable=True)
    return hash_of(data)


def hash_of(data: bytes) -> str:
    """Return the hash of a file's bytes that a report names."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def evidence_beside(named: EvidenceFile, report: str | os.PathLike[str]) -> Evidence:
    """Return the evidence that a report names, found from the report's own place.

    Raises
    ------
    MissingFileError
        If the file is not there.
    FormatError
        If it is another one, or damaged.
    """
    path = Path(report).parent / named.file
    data = _content_of(path)
    if hash_of(data) != named.hash:
        raise _error(str(path), f"a file that was changed since {os.fspath(report)} named it")
    return evidence_of_bytes(data, name=str(path))


def read_evidence(source: str | os.PathLike[str]) -> Evidence:
    """Read evidence from a file.

    Parameters
    ----------
    source : str or path
        A file that ``write_evidence`` or ``crowdeval score --evidence`` wrote.

    Returns
    -------
    Evidence

    Raises
    ------
    MissingFileError
        If the file is not there or can't be read.
    FormatError
        If it is damaged, truncated, or something else.
    """
    evidence, _ = read_hashed(source)
    return evidence


def read_hashed(source: str | os.PathLike[str]) -> tuple[Evidence, str]:
    """Return the evidence in a file and the hash of its bytes."""
    data = _content_of(source)
    return evidence_of_bytes(data, name=os.fspath(source)), hash_of(data)


def is_evidence(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins as evidence does; a pipe is not looked into, as it gives its bytes but once."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def evidence_bytes(evidence: Evidence) -> bytes:
    """Return the content of a file of evidence; the same for evidence in any order."""
    import pyarrow as pa

    evidence = canonical(evidence)
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
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(about).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def evidence_of_bytes(data: bytes, *, name: str) -> Evidence:
    """Return the evidence in a file's content; raise FormatError, naming the file, where it is something else."""
    import pyarrow as pa

    if not data.startswith(MAGIC):
        raise _error(name, "another kind of file")
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all().combine_chunks()
        table.validate(full=True)
        about = json.loads((table.schema.metadata or {})[_KEY])
        if about["format"] != FORMAT:
            raise _error(name, f"{about['format']!r}; this version reads {FORMAT!r}")
        evidence = _evidence(table, about)
        whole = _digest(evidence) == about["digest"] and not repeated(evidence.image_ids)
        Protocol.parse(evidence.signature)
    except FormatError:
        raise
    except KeyError:
        raise _error(name, "an Arrow file of another origin") from None
    except UsageError as problem:
        raise _error(name, str(problem)) from None
    except Exception as problem:  # a damaged file may raise anything
        words = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise _error(name, f"a truncated or damaged one: {words}") from None
    if not whole:
        raise _error(name, "a damaged one: its content is not what was written")
    return evidence


def _content_of(source: str | os.PathLike[str]) -> bytes:
    try:
        return Path(source).read_bytes()
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {os.fspath(source)}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise MissingFileError(f"{os.fspath(source)} can't be read: {reason}") from None


def _evidence(table: Any, about: dict[str, Any]) -> Evidence:
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
    )


def _image_array(column: NDArray[Any]) -> Any:
    import pyarrow as pa

    if column.dtype.kind == "O":
        return pa.array(column.tolist(), pa.string())
    if column.ndim == 1:
        return pa.array(column)
    return pa.FixedSizeListArray.from_arrays(pa.array(column.reshape(-1)), column.shape[1])


def _numpy(column: Any) -> NDArray[Any]:
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
    values = column.flatten()
    width = values.type.byte_width
    data = np.frombuffer(values.buffers()[1], dtype=np.uint8)
    first = values.offset * width
    return own(data[first : first + len(values) * width].reshape(-1, width))


def _digest(evidence: Evidence) -> str:
    """Return a hash of the content, so that a file damaged in any byte of it is found out."""
    digest = hashlib.blake2b(digest_size=16)
    for part in _content(evidence):
        digest.update(part)
    return digest.hexdigest()


def _content(evidence: Evidence) -> Iterator[Any]:
    words: list[Any] = [
        evidence.image_ids,
        evidence.names,
        evidence.scored,
        evidence.located,
        sorted(evidence.about.items()),
    ]
    words += [sorted((k, v) for k, v in evidence.thresholds.items()), evidence.signature, evidence.carried]
    words += [sorted((k, v.reason, v.spared) for k, v in evidence.lacks.items()), sorted(evidence.lanes.items())]
    yield repr(words).encode(errors="surrogatepass")
    yield np.ascontiguousarray(evidence.offsets)
    if evidence.score is not None:
        yield np.ascontiguousarray(evidence.score)
    for name, column in sorted({**evidence.images, **{_ROWS + k: v for k, v in evidence.rows.items()}}.items()):
        yield f"{name} {column.shape}".encode()
        yield repr(column.tolist()).encode() if column.dtype.kind == "O" else np.ascontiguousarray(column)


def _error(name: str, found: str) -> FormatError:
    return FormatError(name, [Problem(expected="evidence, an Arrow file that crowdeval wrote", found=found)])
