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
    """Return a leaderboard as one tabular for each ranking; keys and rules as comments.

    Needs ``\\usepackage{booktabs}``; a wide one fits into ``\\resizebox{\\linewidth}{!}{...}``.
    """
    words = sheet(board, best=best)
    keys = [f"{key} = {text}" for key, text in (*words.protocols.items(), *words.sources.items())]
    head = [_comment(text) for text in (r"\usepackage{booktabs}", *keys, *words.rules)]
    return "\n\n".join(["\n".join(head), *(_tabular(grid) for grid in words.grids)]) + "\n"


def escaped(text: str) -> str:
    """Return text that LaTeX prints as it is.

    >>> escaped("p2p_net 100%")
    'p2p\\\\_net 100\\\\%'
    """
    return " ".join(text.split()).translate(_ESCAPES)


def _tabular(grid: Grid) -> str:
    names = [f"{escaped(name)} {_arrow(arrow)}".rstrip() for name, arrow in grid.headings]
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
    model = rf"\emph{{{escaped(line.model)}}}" if line.published else escaped(line.model)
    source = f"{line.source} ({line.remark})" if line.remark else line.source
    rest = (line.images, line.points, line.protocol, line.test_set, source, line.selected_on)
    return [escaped(line.rank), model, *map(_number, line.cells), *map(escaped, rest)]


def _number(cell: Cell) -> str:
    text = rf"\textbf{{{escaped(cell.text)}}}" if cell.best else escaped(cell.text)
    return text + escaped(cell.mark)


def _arrow(arrow: str) -> str:
    return _NAMED.get(arrow, escaped(arrow))


def _row(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
