"""Sections, lists and rendering."""

import pytest

from etude.curriculum.markdown import Prose, code_of, entries, sections, split_front
from etude.curriculum.places import Place, Refused

PLACE = Place("myths/x.md")


def prose(text):
    return Prose(text, PLACE)


def test_a_heading_inside_fenced_code_is_code():
    text = "body\n\n## One\n```python\n## not a heading\n```\nproof: a/b, c/d\n\n## Two: a title\nx"
    body, one, two = sections(text, PLACE)
    assert (body.heading, body.prose.markdown.strip()) == ("", "body")
    assert "## not a heading" in one.prose.markdown
    assert one.trailers == (("proof", "a/b, c/d", Place(PLACE.file, 7)),)
    assert (two.heading, two.title, two.place.line) == ("Two", "a title", 9)


def test_a_list_may_hold_code_and_details():
    text = "- [x] right\n  goes on\n  - why: because\n    of this\n  - claim: a/b\n- [ ] wrong"
    right, wrong = entries(prose(text))
    assert (right.text, right.ticked) == ("right\ngoes on", True)
    assert right.details == {"why": "because of this", "claim": "a/b"}
    assert (wrong.ticked, wrong.place.line) == (False, 6)


@pytest.mark.parametrize("text", ["no list", "- one\nloose"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(Refused, match="expected a list entry"):
        entries(prose(text))


def test_front_matter_must_be_there():
    with pytest.raises(Refused, match="must begin with front matter"):
        split_front("# no\n", PLACE)
    yaml, at, rest, after = split_front("---\nkind: myth\n---\nbody", PLACE)
    assert (yaml, at.line, rest, after.line) == ("kind: myth", 2, "body", 4)


def test_html_in_content_is_shown_and_not_obeyed():
    html = prose("<script>alert(1)</script> [x](javascript:alert(1))").html
    assert "<script" not in html
    assert "href" not in html


def test_tables_and_code_are_rendered():
    assert "<table>" in prose("| a |\n|---|\n| 1 |").html
    assert code_of(prose("text\n\n```python\nx = 1\n```")) == "x = 1\n"
    assert code_of(prose("text")) is None
