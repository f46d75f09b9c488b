"""The page of schedules in Chromium: drawn, silent on the network, read by key, unscripted."""

from pathlib import Path

import pytest

from etude.report.schedules import drawn, page
from etude.schedules.conventions import read

AXE = Path(__file__).parent / "assets" / "axe.min.js"
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
TEXTS = (
    "torch: SequentialLR([LinearLR(0.1, total_iters=3), CosineAnnealingLR(7)], milestones=[3])",
    "hf: cosine warmup=3",
    "warmup 3 -> cosine",
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    lines = [drawn(text, read(text, 12), 12) for text in TEXTS]
    path = tmp_path_factory.mktemp("schedules") / "page.html"
    path.write_text(page(lines, "3 compared", "multiplier", None), encoding="utf-8")
    return path


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_whole_silent_and_accessible(browser, path, view):
    context = browser.new_context(**VIEWS[view])
    opened, requests, errors = context.new_page(), [], []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text))
    opened.goto(path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert opened.locator("#chart canvas").count() == 1
    assert opened.locator("#legend li").count() == 3
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("axe.run()")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    context.close()
    assert (requests, errors) == ([path.as_uri()], [])


def test_keys_read_the_curve_aloud(browser, path):
    context = browser.new_context(**VIEWS["light"])
    opened = context.new_page()
    opened.goto(path.as_uri())
    opened.focus("#chart")
    opened.keyboard.press("ArrowRight")
    assert opened.text_content("#live") == f"{TEXTS[0]}: update 0, multiplier 0.1."
    opened.keyboard.press("ArrowDown")
    assert opened.text_content("#live") == f"{TEXTS[1]}: update 0, multiplier 0."
    context.close()


def test_without_scripts_the_picture_is_there(browser, path):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(path.as_uri())
    assert opened.locator("noscript svg path").first.is_visible()
    assert not opened.locator("#chart").is_visible()
    context.close()
