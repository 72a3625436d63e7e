"""The kinds of binary files by their first bytes, and the lines of Python that lead from them to a readable file."""

from __future__ import annotations

_SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a WebP image or a video"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x00\x00\x27\x0a", "a shapefile"),
    (b"SQLite format 3", "a SQLite database"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
"""The first bytes of binary files, with the words for their kind."""

_MENDS = {
    "an Excel workbook": (
        "import pandas",
        "pandas.read_excel('FILE').to_csv('points.csv', index=False)",
    ),
    "a shapefile": (
        "import geopandas",
        "geopandas.read_file('FILE').get_coordinates().to_csv('IMAGE.csv', index=False)",
    ),
    "a Python pickle": (
        "import json, pickle  # of a file that you trust: {image: array of points}",
        "json.dump({k: v.tolist() for k, v in pickle.load(open('FILE', 'rb')).items()}, open('points.json', 'w'))",
    ),
    "a PyTorch file": (
        "import json, torch  # {image: tensor of points}",
        "json.dump({k: v.tolist() for k, v in torch.load('FILE').items()}, open('points.json', 'w'))",
    ),
    "a MATLAB file": (
        "import numpy, scipy.io",
        "numpy.save('IMAGE.npy', scipy.io.loadmat('FILE')['points'])",
    ),
    "an HDF5 file": (
        "import h5py, numpy  # of a density map: crowdeval predict density",
        "numpy.save('IMAGE.npy', h5py.File('FILE')['points'])",
    ),
    "a SQLite database": (
        "import pandas, sqlite3",
        "pandas.read_sql('select image, x, y from points', sqlite3.connect('FILE')).to_csv('points.csv', index=False)",
    ),
}
"""Kind of a file to the lines of Python that write what is read from it."""


def binary_kind(data: bytes) -> str | None:
    """Return the kind of a binary file in words, or None for text.

    Parameters
    ----------
    data : bytes
        The content.

    Returns
    -------
    str or None

    Examples
    --------
    >>> binary_kind(b"\\x89PNG\\r\\n"), binary_kind(b"[]")
    ('a PNG image', None)
    """
    for start, kind in _SIGNATURES:
        if data.startswith(start):
            return _kind_of_archive(data) if kind == "a ZIP archive" else kind
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        return f"binary data (a NUL byte in line {line})"
    return None


def mend_of(kind: str) -> str | None:
    """Return the lines of Python that lead from a binary file to one that is read.

    Parameters
    ----------
    kind : str
        The kind, as ``binary_kind`` returns it.

    Returns
    -------
    str or None
        None where there is no such way.

    Examples
    --------
    >>> print(mend_of("an Excel workbook"))
    in Python:
      import pandas
      pandas.read_excel('FILE').to_csv('points.csv', index=False)
    """
    if "UTF-16" in kind:
        return "save it as UTF-8"
    return "\n  ".join(["in Python:", *_MENDS[kind]]) if kind in _MENDS else None


def _kind_of_archive(data: bytes) -> str:
    """Return the kind of a ZIP archive, told by the names in it."""
    if b"xl/workbook" in data or b"[Content_Types].xml" in data[:200]:
        return "an Excel workbook"
    if b"/data.pkl" in data[:400]:
        return "a PyTorch file"
    return "an archive of NumPy arrays" if b".npy" in data[:300] else "a ZIP archive"
