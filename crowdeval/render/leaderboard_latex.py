"""A leaderboard as LaTeX tables for booktabs."""

from __future__ import annotations

from crowdeval.leaderboards.build import Leaderboard
from crowdeval.render.leaderboard_cells import Cell, Grid, Line, sheet

_NAMED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→0": r"$\to 0$",
    "†": r"\textsuperscript{$\dagger$}",
    "≈": r"\textsuperscript{$\approx$}",
    "≤": r"$\leq$",
}
_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"} | {char: named for char, named in _NAMED.items() if len(char) == 1}
)


def latex(board: Leaderboard, *, best: bool = False) -> str:
    r"""Return a leaderboard as LaTeX: one tabular for each ranking, and the keys and rules as comments.

    The text needs ``\usepackage{booktabs}``. Put a wide table into ``\resizebox{\linewidth}{!}{...}``.

    Parameters
    ----------
    board : Leaderboard
        The leaderboard.
    best : bool
        Print the best value of each column of a ranking in bold.

    Returns
    -------
    str
        The LaTeX text.

    Examples
    --------
    >>> from crowdeval.leaderboards.build import leaderboard
    >>> from crowdeval.leaderboards.results import Result
    >>> result = Result(model="a", dataset="nwpu:val", values={"MAE": 60.0}, source="measured", origin="a.json")
    >>> print(latex(leaderboard([result])).splitlines()[-3])
    1 & a & 60.00 & -- & -- & -- & -- & measured & -- \\
    """
    words = sheet(board, best=best)
    keys = [f"{key} = {text}" for key, text in (*words.protocols.items(), *words.sources.items())]
    head = [_comment(text) for text in (r"\usepackage{booktabs}", *keys, *words.rules)]
    return "\n\n".join(["\n".join(head), *(_tabular(grid) for grid in words.grids)]) + "\n"


def _escaped(text: str) -> str:
    """Return text in which the special characters of LaTeX are escaped.

    >>> _escaped("p2p_net 100%")
    'p2p\\\\_net 100\\\\%'
    """
    return " ".join(text.split()).translate(_ESCAPES)


def _tabular(grid: Grid) -> str:
    """Return the tabular of one ranking; published rows follow the measured ones, below a rule."""
    names = [f"{_escaped(name)} {_arrow(arrow)}".rstrip() for name, arrow in grid.headings]
    lines = [
        _comment(f"{grid.title}: {grid.caption}"),
        rf"\begin{{tabular}}{{rl{'r' * len(names)}rrllll}}",
        r"\toprule",
        _row(["\\#", "Model", *names, "Images", "Points", "Protocol", "Test set", "Source", "Selected on"]),
        r"\midrule",
    ]
    measured = [_row(_cells(line)) for line in grid.lines if not line.published]
    published = [_row(_cells(line)) for line in grid.lines if line.published]
    lines += [*measured, *([r"\midrule"] if measured and published else []), *published]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _comment(text: str) -> str:
    return f"% {' '.join(text.split())}"


def _cells(line: Line) -> list[str]:
    model = rf"\emph{{{_escaped(line.model)}}}" if line.published else _escaped(line.model)
    source = f"{line.source} ({line.remark})" if line.remark else line.source
    rest = (line.images, line.points, line.protocol, line.test_set, source, line.selected_on)
    return [_escaped(line.rank), model, *map(_number, line.cells), *map(_escaped, rest)]


def _number(cell: Cell) -> str:
    text = rf"\textbf{{{_escaped(cell.text)}}}" if cell.best else _escaped(cell.text)
    return text + _escaped(cell.mark)


def _arrow(arrow: str) -> str:
    return _NAMED.get(arrow, _escaped(arrow))


def _row(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
