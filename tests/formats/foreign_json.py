"""JSON files of other tools in tests: altered at random, refused with their message, and read with what is said."""

import copy
import json
import warnings

import pytest
from formats.drawn import only_our_errors
from formats.test_fuzzing import mutated
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source


def places(value, path=()):
    """Yield the path to every value inside a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield (*path, key)
        yield from places(each, (*path, key))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([10**400, 10**299, 1e308, -1e308, 2e9, "1e5", "nan", "\ud800", "", "polygon", -0.0, 1e-320]),
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@st.composite
def altered(draw, value):
    """Draw a JSON value with anything in some of its places, or nothing there."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(places(value)) or [()])) or ("",)
        holder = value
        for key in way:
            holder = holder[key]
        if not isinstance(holder, dict | list) or not holder:
            break
        if isinstance(holder, dict) and draw(st.integers(0, 3)) == 0:
            del holder[last]
        else:
            holder[last] = draw(ANYTHING | st.sampled_from([value]).map(copy.deepcopy))
    return value


def contents(value):
    """Draw the bytes of a file: a valid one with flipped, cut and spliced bytes, or with other values."""
    return mutated(json.dumps(value).encode()) | altered(value).map(lambda each: json.dumps(each).encode())


def read_both(name, content):
    for kind in ("predictions", "annotations"):
        only_our_errors(getattr(FORMATS[name], f"read_{kind}"), Source("folder/file.json", content, ".json"))


def refused(form, file, kind="annotations"):
    """Return the message of a file that is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CrowdevalWarning)
        with pytest.raises(FormatError) as caught:
            getattr(form, f"read_{kind}")(file)
    return str(caught.value)


def said(form, file, kind="annotations"):
    """Return what is read, and what is said about the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read = getattr(form, f"read_{kind}")(file)
    return read, [str(each.message).partition(": ")[2] for each in caught]
