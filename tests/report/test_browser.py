"""The report in Chromium: drawn, silent on the network, usable by key, on a phone, unscripted."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from etude.report import page as make_page

AXE = Path(__file__).parent / "assets" / "axe.min.js"
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
CHARTS = ("loss-chart", "lr-chart", "sensitivity-chart")

# Counts, for each series colour but the last (grey, as the text is), the canvas pixels close to it.
INK = """id => {
  const canvas = document.querySelector(`#${id} canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const style = getComputedStyle(document.documentElement);
  const wanted = [1, 2, 3, 4, 5, 6, 7].map((index) => {
    const hex = parseInt(style.getPropertyValue(`--series-${index}`).trim().slice(1), 16);
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  });
  const counts = wanted.map(() => 0);
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 200) continue;
    const near = (part, i) => Math.abs(part - data[at + i]) < 12;
    const match = wanted.findIndex((rgb) => rgb.every(near));
    if (match >= 0) counts[match] += 1;
  }
  return counts;
}"""

pytestmark = pytest.mark.browser


@dataclass
class Seen:
    """A page, what it asked for and what it complained about."""

    page: object
    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)


@pytest.fixture(scope="module")
def report(comparison, tmp_path_factory):
    return written(comparison, tmp_path_factory.mktemp("report"))


def written(comparison, folder):
    path = folder / "report.html"
    path.write_text(make_page(comparison), encoding="utf-8")
    return path


@contextmanager
def opened(browser, path, view="light", **options):
    context = browser.new_context(**VIEWS[view], **options)
    context.set_default_timeout(10_000)
    seen = Seen(context.new_page())
    context.route(lambda url: url != path.as_uri(), lambda route: route.abort())
    context.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("console", lambda message: seen.errors.append(message.text))
    seen.page.goto(path.as_uri())
    try:
        yield seen
    finally:
        context.close()


@pytest.fixture(scope="module")
def raced(race, tmp_path_factory):
    return written(race, tmp_path_factory.mktemp("race"))


@pytest.fixture(params=["exhaustive", "race"])
def either(request, report, raced):
    return report if request.param == "exhaustive" else raced


@pytest.mark.parametrize("view", VIEWS)
def test_it_asks_for_nothing_reports_no_error_and_does_not_scroll_sideways(browser, either, view):
    with opened(browser, either, view) as seen:
        width, inner = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert [url for url in seen.requests if not url.startswith("data:")] == [either.as_uri()]
    assert seen.errors == []
    assert width <= inner


@pytest.mark.parametrize("view", VIEWS)
def test_every_line_leaves_ink_on_its_chart(browser, report, view):
    with opened(browser, report, view) as seen:
        ink = {chart: seen.page.evaluate(INK, chart) for chart in CHARTS}
    lines = {"loss-chart": 5, "lr-chart": 5, "sensitivity-chart": 2}
    for chart, count in lines.items():
        # 3 and 4 may lie under 1 and 2, which have the same lr for most of the run
        assert min(ink[chart][:count]) > 30, (chart, ink[chart])
        assert sum(ink[chart][:count]) > 800, (chart, ink[chart])
        assert sum(ink[chart][count:]) < 60, (chart, ink[chart])


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(browser, either, view):
    with opened(browser, either, view) as seen:
        for summary in seen.page.query_selector_all("summary"):
            summary.click()
        seen.page.wait_for_selector("#lr-table tbody tr")
        seen.page.click("[data-table] button")
        seen.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = seen.page.evaluate("axe.run()")
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    assert len(found["passes"]) > 20


def test_a_phone_shows_whole_cards(browser, either):
    with opened(browser, either, "phone") as seen:
        for box in seen.page.locator(".scroll:has(.ranking)").all():
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_theme_change_redraws_the_charts(browser, report):
    with opened(browser, report, "light") as seen:
        seen.page.emulate_media(color_scheme="dark")
        seen.page.wait_for_function(f"({INK})('loss-chart')[0] > 100")


def test_copy_puts_the_code_on_the_clipboard(browser, report, comparison):
    with opened(browser, report, permissions=["clipboard-read", "clipboard-write"]) as seen:
        seen.page.click("#copy")
        seen.page.wait_for_function("document.getElementById('copy').textContent === 'Copied'")
        assert seen.page.evaluate("navigator.clipboard.readText()") == comparison.winner.code
        assert seen.page.text_content("#live") == "Copied"


def test_copy_without_a_clipboard_selects_the_code(browser, report, comparison):
    with opened(browser, report) as seen:
        seen.page.evaluate(
            "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
            "document.execCommand = () => false"
        )
        seen.page.click("#copy")
        seen.page.wait_for_function("document.getElementById('copy').textContent !== 'Copy'")
        assert seen.page.text_content("#copy") == "Selected: now copy"
        assert (
            seen.page.evaluate("getSelection().toString()").strip()
            == comparison.winner.code.strip()
        )


def test_arrow_keys_read_points_aloud(browser, report, comparison):
    first, second = (place.strategy for place in comparison.ranking[:2])

    def heard(key):
        seen.page.keyboard.press(key)
        return seen.page.text_content("#live")

    with opened(browser, report) as seen:
        seen.page.focus("#loss-chart")
        assert heard("ArrowRight").startswith(f"#1 {first}: update 0, validation loss 2.4")
        assert heard("ArrowRight").startswith(f"#1 {first}: update 20, validation loss ")
        assert heard("ArrowDown").startswith(f"#2 {second}: update 20, ")
        assert heard("End").startswith(f"#2 {second}: update 400, validation loss 0.07")
        assert "at lr" in seen.page.text_content("#legend li:first-child .value")
        seen.page.focus("#sensitivity-chart")
        assert heard("End").endswith("peak learning rate 0.3, final loss 2.41, collapsed.")


def test_every_control_can_be_reached_and_shows_its_focus(browser, report):
    number_controls = """[...document.querySelectorAll("button, select, input, summary, .chart")]
        .filter((one) => one.checkVisibility() && one.value !== "train")
        .map((one, index) => (one.dataset.at = String(index)))"""
    # the switch's radio buttons are unseen; the text beside them shows the focus
    focused = """(() => {
      const one = document.activeElement;
      const shown = one.matches(".switch input") ? one.nextElementSibling : one;
      return [one.dataset.at, getComputedStyle(shown).outlineStyle];
    })()"""
    with opened(browser, report) as seen:
        wanted = set(seen.page.evaluate(number_controls))
        reached = {}
        for _ in range(len(wanted) + 15):
            seen.page.keyboard.press("Tab")
            at, outline = seen.page.evaluate(focused)
            reached[at] = outline
    assert wanted - set(reached) == set()
    assert {at for at in wanted if reached[at] == "none"} == set()


def test_a_diverged_strategy_can_be_added_is_marked_and_crushes_nothing(browser, report):
    with opened(browser, report) as seen:
        before = seen.page.evaluate(INK, "loss-chart")
        option = seen.page.locator("#add option", has_text="(diverged)").first
        seen.page.select_option("#add", option.get_attribute("value"))
        seen.page.click("#add-button")
        assert "#45 diverged at 18." in seen.page.text_content("#loss-summary")
        after = seen.page.evaluate(INK, "loss-chart")
        assert before[5] < 60 < after[5]
        assert min(after[:5]) > 30
        seen.page.click("#legend li:last-child button")
        assert "#45" not in seen.page.text_content("#loss-summary")


def test_the_switch_shows_training_loss_and_the_table_follows(browser, report):
    with opened(browser, report) as seen:
        seen.page.click("#loss-table summary")
        seen.page.wait_for_selector("#loss-table tbody tr")
        assert seen.page.locator("#loss-table tbody tr").count() == 21
        seen.page.click("text=training")
        assert seen.page.text_content("#loss-summary").startswith("Median training loss of 5")
        assert seen.page.locator("#loss-table tbody tr").nth(1).locator("th").text_content() == "16"


def test_the_ranking_opens_and_filters(browser, report):
    with opened(browser, report) as seen:
        rows = seen.page.locator("#ranking tbody tr:visible")
        assert rows.count() == 12
        seen.page.click("text=Show all 48")
        assert rows.count() == 48
        seen.page.fill("[data-table=ranking] input", "sgd diverged")
        assert rows.count() == 4
        assert seen.page.text_content("[data-table=ranking] [role=status]") == "4 of 48 match"


def test_what_was_dropped_opens_and_filters_by_itself(browser, raced):
    with opened(browser, raced) as seen:
        finalists = seen.page.locator("#ranking tbody tr:visible")
        dropped = seen.page.locator("#dropped tbody tr:visible")
        assert (finalists.count(), dropped.count()) == (4, 12)
        seen.page.fill("[data-table=dropped] input", 'sgd "rung 2"')
        assert (finalists.count(), dropped.count()) == (4, 1)
        seen.page.fill("[data-table=dropped] input", "")
        seen.page.click("text=Show all 44")
        assert dropped.count() == 44
        assert seen.page.locator("[data-table=ranking]").count() == 0  # four rows need no filter


def test_a_dropped_strategy_can_be_added_as_the_copy_that_it_is(browser, raced):
    with opened(browser, raced) as seen:
        before = seen.page.evaluate(INK, "lr-chart")
        seen.page.select_option("#add", "6")
        seen.page.click("#add-button")
        legend = seen.page.text_content("#legend li:last-child")
        assert legend.startswith("#7 adamw lr=0.01 constant, copy of 40 updates")
        summary = seen.page.text_content("#loss-summary")
        assert summary.startswith("Median validation loss of 5 strategies, 1 as short copies.")
        assert "Lowest at the end: #1 " in summary
        assert before[4] < 60 < seen.page.evaluate(INK, "loss-chart")[4]


def test_without_finalists_the_chart_is_as_long_as_the_copies(browser, tmp_path, make_race):
    with opened(browser, written(make_race(in_full=False), tmp_path)) as seen:
        ink = seen.page.evaluate(INK, "loss-chart")
        seen.page.focus("#loss-chart")
        seen.page.keyboard.press("End")
        heard = seen.page.text_content("#live")
        right = seen.page.locator("#loss-chart .u-cursor-x").bounding_box()["x"]
        box = seen.page.locator("#loss-chart .u-over").bounding_box()
    assert seen.errors == []
    assert min(ink[:5]) > 30
    assert "copy of 120 updates: update 120, validation loss" in heard
    assert right == pytest.approx(box["x"] + box["width"], abs=3)


@pytest.mark.parametrize("view", VIEWS)
def test_the_lines_of_a_race_leave_ink(browser, raced, view):
    with opened(browser, raced, view) as seen:
        ink = {chart: seen.page.evaluate(INK, chart) for chart in CHARTS}
    for chart, count in {"loss-chart": 4, "lr-chart": 4, "sensitivity-chart": 2}.items():
        assert min(ink[chart][:count]) > 30, (chart, ink[chart])
        assert sum(ink[chart][count:]) < 60, (chart, ink[chart])


def test_the_sensitivity_of_a_race_is_read_as_copies_with_the_finalists_on_top(browser, raced):
    with opened(browser, raced) as seen:
        caption = seen.page.text_content("#sensitivity-summary")
        seen.page.focus("#sensitivity-chart")
        seen.page.keyboard.press("End")
        copy = seen.page.text_content("#live")
        seen.page.keyboard.press("ArrowUp")
        final = seen.page.text_content("#live")
    assert caption.startswith("After copies of 40 updates: ")
    assert "copy of 40 updates: peak learning rate 0.3, " in copy
    assert " in full: peak learning rate 0.01, final loss 0.07" in final


def test_families_can_be_hidden(browser, report):
    with opened(browser, report) as seen:
        seen.page.click("#families button:nth-child(2)")
        assert sum(seen.page.evaluate(INK, "sensitivity-chart")[1:]) < 60
        assert "sgd" not in seen.page.text_content("#sensitivity-summary")


def test_without_scripts_the_results_can_be_read(browser, report, comparison):
    with opened(browser, report, java_script_enabled=False) as seen:
        assert seen.page.locator("#ranking tbody tr:visible").count() == 48
        for wanted in ("#code", ".decisions", ".command", "#sensitivity-table table", "noscript"):
            assert seen.page.locator(wanted).first.is_visible(), wanted
        for useless in ("#copy", "#legend", "[data-table]", "#loss-chart"):
            assert not seen.page.locator(useless).first.is_visible(), useless


ODD = {
    "one seed": {"seeds": (0,)},
    "no winner, interrupted": {"winner": False, "complete": False},
}


@pytest.mark.parametrize("case", [*ODD, "one diverged strategy", "nothing done", "loss below 0"])
def test_odd_comparisons_open_without_errors(browser, tmp_path, make_comparison, case):
    comparison = make_comparison(**ODD.get(case, {}))
    if case == "one diverged strategy":
        place = comparison.ranking[-1]
        runs = tuple(run for run in comparison.runs if run.strategy == place.strategy)
        comparison = replace(comparison, ranking=(place,), runs=runs, winner=None)
    if case == "nothing done":
        comparison = replace(comparison, ranking=(), runs=(), winner=None)
    if case == "loss below 0":
        runs = tuple(replace(run, loss=run.loss - 1) for run in comparison.runs)
        comparison = replace(comparison, runs=runs)
    with opened(browser, written(comparison, tmp_path)) as seen:
        assert seen.page.locator("h1").is_visible()
        seen.page.wait_for_load_state()
    assert seen.errors == []
