from xml.etree import ElementTree as ET

import pytest

from etude.report.svg import svg

NAMES = {"s": "http://www.w3.org/2000/svg"}


def drawn(*lines):
    return ET.fromstring(svg("<b> & co.", lines, axis="multiplier"))


def test_it_is_an_svg_with_a_title_axes_and_a_named_path_per_line():
    root = drawn(("cosine <10>", [1.0, 0.5, 0.0]), ("linear", [1.0, 0.8, 0.6]))
    assert root.find("s:title", NAMES).text == "<b> & co."
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"multiplier", "0", "0.5", "1", "update 2", "cosine <10>", "linear"} <= set(texts)
    paths = root.findall("s:path", NAMES)
    assert len(paths) == 4  # a line and its sample in the legend, each twice
    assert len({path.get("stroke-dasharray") for path in paths}) == 2


def test_a_line_goes_through_its_values():
    path = drawn(("a", [1.0, 0.5, 0.0])).find("s:path", NAMES).get("d")
    points = [tuple(map(float, pair.split())) for pair in path.removeprefix("M").split("L")]
    # from the left edge at 64 to 704, from the top at 24 to 324
    assert points == [(64, 24), (384, 174), (704, 324)]


@pytest.mark.parametrize("values", [[0.3], [0.0, 0.0], [1.0] * 50_000])
def test_short_zero_and_long_lines_are_drawn(values):
    path = drawn(("a", values)).find("s:path", NAMES).get("d")
    assert "nan" not in path
    assert path.count("L") <= 1001
