"""XML without document types and entities, as a tree, and the tag of the root from a quick look.

Entities can make a small file huge or name files of the reader's computer, and no annotation tool writes them: a file
with a document type, where entities are declared, is refused and never expanded.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from crowdeval.formats.source import Source

_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*+<([A-Za-z_][\w.:-]*)", re.DOTALL
)
_START = 1 << 16
"""Number of bytes at the beginning of a file in which the root is searched."""


def root_tag(data: bytes) -> str | None:
    """Return the tag of the root of an XML file, or None where the content does not begin like XML.

    Parameters
    ----------
    data : bytes
        The content.

    Returns
    -------
    str or None

    Examples
    --------
    >>> root_tag(b'<?xml version="1.0"?><!-- made by hand --><annotations>'), root_tag(b"a < b")
    ('annotations', None)
    """
    found = _ROOT.match(data[:_START])
    return found[1].decode() if found else None


def parse_xml(source: Source, tag: str) -> Element:
    """Return the root of an XML file.

    Parameters
    ----------
    source : Source
        The file, which is UTF-8 whatever its declaration says.
    tag : str
        The tag that the root should have.

    Returns
    -------
    Element

    Raises
    ------
    FormatError
        If the file is no XML, has a document type, or its root has another tag.

    Examples
    --------
    >>> parse_xml(Source("a.xml", b"<annotation><filename>IMG_1.jpg</filename></annotation>"), "annotation")[0].text
    'IMG_1.jpg'
    >>> parse_xml(Source("a.xml", b"<annotations/>"), "annotation")
    Traceback (most recent call last):
    ...
    crowdeval.errors.FormatError: a.xml: expected XML with the root <annotation>, found <annotations>
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*declaration: Any) -> None:
        line = parser.CurrentLineNumber
        hint = "delete the lines of <!DOCTYPE ...> from the file"
        raise source.error("XML without entities", "a document type (<!DOCTYPE>)", line=line, hint=hint)

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(source.text().encode(), True)
    except expat.ExpatError as problem:
        raise _syntax_error(source, problem) from None
    root: Element = builder.close()
    if root.tag != tag:
        raise source.error(f"XML with the root <{tag}>", f"<{root.tag[:40]}>")
    return root


def text_of(element: Element, path: str) -> str | None:
    """Return the text of a descendant without the blanks around it.

    Parameters
    ----------
    element : Element
        The element.
    path : str
        The tags of the descendant, with slashes between them.

    Returns
    -------
    str or None
        None where there is no such descendant, or it is empty.

    Examples
    --------
    >>> root = parse_xml(Source("a.xml", b"<annotation><size><width> 640 </width></size></annotation>"), "annotation")
    >>> text_of(root, "size/width"), text_of(root, "size/height")
    ('640', None)
    """
    return (element.findtext(path) or "").strip() or None


def _syntax_error(source: Source, problem: expat.ExpatError) -> Exception:
    """Return an error of expat as a FormatError."""
    words = expat.ErrorString(problem.code)
    cut = words in ("no element found", "unclosed token", "unclosed CDATA section")
    found = "text that ends in the middle" if cut else f"{words} (column {problem.offset + 1})"
    return source.error("XML", found, line=problem.lineno, hint="the file may be truncated" if cut else None)
