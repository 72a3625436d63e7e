"""How a number is spelled in a text file: with a decimal point, or with a point or a comma.

The second row of digits stands behind a point only, so that a long row of digits is matched in one way. With
``[0-9]+[.]?[0-9]*``, a line of 100,000 digits and a letter would take minutes.
"""

import re

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number with a decimal point; neither nan nor inf, and no underscores, which ``float`` would take."""

POINT_OR_COMMA = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number with a decimal point or a decimal comma."""
