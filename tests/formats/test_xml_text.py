"""XML is parsed without entities, and the tag of the root is found without a parse."""

import re
import sys

import pytest
from formats.drawn import only_our_errors
from formats.test_fuzzing import mutated, quick
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source
from crowdeval.formats.xml_text import parse_xml, root_tag, text_of

VALUES = st.sampled_from(
    ["", " ", "nan", "inf", "-1", "0", "1e999", "1" * 400, "1_0", "12,5", "\u0661", ";", ",", "x" * 200, "&#233;"]
) | st.integers(-5, 700).map(str)
TAG = re.compile(r"<[^>]*>")
VALUE = re.compile(r'(?<=")[^"<>]*(?=")|(?<=>)[^<>]+(?=<)')


@st.composite
def damaged(draw, text):
    """Change some attributes and texts of an XML file, leave out or repeat some of its tags, and perhaps its bytes."""
    for _ in range(draw(st.integers(0, 3))):
        places = [*draw(st.sampled_from([TAG, VALUE])).finditer(text)]
        if not places:
            break
        place = draw(st.sampled_from(places))
        new = draw(VALUES) if not place.group().startswith("<") else place.group() * draw(st.sampled_from([0, 2]))
        text = text[: place.start()] + new + text[place.end() :]
    data = text.encode()
    return draw(mutated(data)) if draw(st.booleans()) else data


def read_both(name, data, suffix=".xml"):
    source = Source("file.xml", data, suffix)
    FORMATS[name].recognises(source)
    for kind in ("predictions", "annotations"):
        only_our_errors(getattr(FORMATS[name], f"read_{kind}"), source)


def parse(text, tag="a"):
    return parse_xml(Source("a.xml", text.encode()), tag)


def test_a_tree_has_attributes_and_texts():
    root = parse('<?xml version="1.0"?>\n<!-- made by hand --><a n="1"> <b><c> x &amp; y </c></b><b/> </a>')
    assert root.get("n") == "1"
    assert len(root.findall("b")) == 2
    assert (text_of(root, "b/c"), text_of(root, "b"), text_of(root, "d")) == ("x & y", None, None)


def test_the_declared_encoding_does_not_matter():
    assert parse('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>').text == "é"
    assert parse('<?xml version="1.0" encoding="utf8"?><a>é</a>').text == "é"
    assert parse("\ufeff<a>é</a>").text == "é"


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "bbb">]>\n<a>&b;</a>',
        '<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<a/>',
        '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY % b SYSTEM "http://example.org/b"> %b;]>\n<a/>',
    ],
)
def test_a_document_type_is_refused(text):
    with pytest.raises(FormatError) as error:
        parse(text)
    assert str(error.value) == (
        "a.xml: line 2: expected XML without entities, found a document type (<!DOCTYPE>) "
        "(delete the lines of <!DOCTYPE ...> from the file)"
    )
    assert root_tag(text.encode()) == "a"


def test_entities_are_not_expanded():
    levels = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    with pytest.raises(FormatError, match="expected XML without entities"):
        parse(f'<!DOCTYPE a [<!ENTITY e0 "ha">{levels}]><a>&e9;</a>')
    with pytest.raises(FormatError, match="line 2: expected XML, found undefined entity"):
        parse("<a>\n&b;</a>")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a>\n<b>\n", "line 3: expected XML, found text that ends in the middle (the file may be truncated)"),
        ("<a>\n<b c='1", "line 2: expected XML, found text that ends in the middle (the file may be truncated)"),
        ("<a>\n</b>", "line 2: expected XML, found mismatched tag (column 3)"),
        ("<a/>\n\n<b/>", "line 3: expected XML, found junk after document element (column 1)"),
        ("x,y", "line 1: expected XML, found syntax error (column 1)"),
        ("<b/>", "expected XML with the root <a>, found <b>"),
    ],
)
def test_the_line_of_a_syntax_error(text, words):
    with pytest.raises(FormatError) as error:
        parse(text)
    assert str(error.value) == f"a.xml: {words}"


def test_bytes_that_are_not_utf8():
    with pytest.raises(FormatError, match="line 2: expected UTF-8 text, found the byte 0xe9"):
        parse_xml(Source("a.xml", b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\xe9</a>'), "a")


@pytest.mark.parametrize("depth", [1000, 200_000])
def test_deep_trees(depth):
    assert depth > sys.getrecursionlimit() - 1
    for name in ("cvat", "voc", "cell-counter"):
        for root in ("annotations", "annotation", "CellCounter_Marker_File"):
            read_both(name, f"<{root}>{'<image>' * depth}{'</image>' * depth}</{root}>".encode())


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        (b"<annotation>", "annotation"),
        (b"\xef\xbb\xbf \r\n<?xml version='1.0'?>\n<!-- <a> -->\n<annotations x='1'>", "annotations"),
        (b"<!DOCTYPE a [ <!ENTITY b 'c'> ] >\n<a/>", "a"),
        (b"<a:b-c.d>", "a:b-c.d"),
        (b"", None),
        (b"a<b", None),
        (b"<!-- <a>", None),
        (b"<?xml <a>", None),
        (b"< a>", None),
        (b"{}", None),
    ],
)
def test_the_tag_of_the_root(data, tag):
    assert root_tag(data) == tag


@quick
@given(data=st.binary(max_size=200) | st.text("<!-?[]>a \n'\"&;", max_size=60).map(str.encode))
def test_random_bytes(data):
    root_tag(data)
    only_our_errors(lambda source: parse_xml(source, "a"), Source("a.xml", data))
