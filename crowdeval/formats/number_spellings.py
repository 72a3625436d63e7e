"""How a number is spelled in a text file: with a decimal point, or with a point or a comma."""

import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number with a decimal point; neither nan nor inf, and no underscores, which ``float`` would take."""

POINT_OR_COMMA = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number with a decimal point or a decimal comma."""
