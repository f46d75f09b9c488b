"""The lab in Chromium, as a person uses it: by mouse, by keyboard alone, on a phone, unscripted."""

import math
import os
import re
import signal
import sqlite3
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")

from etude.curriculum.references import references
from etude.lab.study import study

AXE = Path(__file__).parents[1] / "report" / "assets" / "axe.min.js"
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
LINE = "/lab?task=seed-line&s=sgd+lr%3D0.1&s=sgd+lr%3D0.17&s=sgd+lr%3D0.19&seeds=2&updates=200"
LONG = "/lab?task=digits&s=sgd+lr%3D0.1&s=adamw+lr%3D0.01+cosine&seeds=3&updates=1200"
WAIT = 180_000
"""Milliseconds after which something that should have come has not: a worker may have to load torch
on a busy machine first."""
DRAWN = "#result[data-drawn=whole]"
"""Matches once all that the server told is on the charts."""

# Counts the canvas pixels that are close to each of the first six series colours.
INK = """id => {
  const canvas = document.querySelector(`#${id} canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const style = getComputedStyle(document.documentElement);
  const wanted = [1, 2, 3, 4, 5, 6].map((index) => {
    const hex = parseInt(style.getPropertyValue(`--series-${index}`).trim().slice(1), 16);
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  });
  const counts = wanted.map(() => 0);
  const near = (one, other) => Math.abs(one - other) < 12;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 200) continue;
    const match = wanted.findIndex((rgb) => rgb.every((part, i) => near(part, data[at + i])));
    if (match >= 0) counts[match] += 1;
  }
  return counts;
}"""

# Notes every event of a stream, so that none lost and none doubled can be told.
SPY = """
const Real = EventSource;
window.heard = [];
window.EventSource = class extends Real {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (event) => window.heard.push(Number(event.lastEventId)));
  }
};
"""

NEXT_PICTURE = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
"""Waits until the browser has drawn once more."""

WEIGHT = """performance.getEntries()
  .filter(({ name, decodedBodySize }) => decodedBodySize && !name.includes("/stream/"))
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
"""Bytes of a page and of what it loads."""

SHOW = """value => {
  const draws = Number(document.getElementById("main-chart").dataset.draws);
  document.querySelector(`input[value=${value}]`).click();
  return draws;
}"""
"""Chooses what the upper chart shows, and gives how often it was drawn up to then."""

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api", reason="needs the extra dev").expect
expect.set_options(timeout=WAIT)


@contextmanager
def opened(browser, lab, view="light", **options):
    """Give a page that fails the test when it asks another host or reports an error."""
    context = browser.new_context(**VIEWS[view], **options)
    context.set_default_timeout(WAIT)
    page, foreign, errors = context.new_page(), [], []
    local = re.compile(rf"^(http://127\.0\.0\.1:{lab.port}/|data:|blob:)")
    context.on("request", lambda asked: local.match(asked.url) or foreign.append(asked.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    try:
        yield page
    finally:
        context.close()
    assert (foreign, errors) == ([], [])


@pytest.fixture(scope="module")
def course():
    return study().course


@pytest.fixture(scope="module")
def track(course):
    return next(iter(course.tracks.values()))


def run(page, lab, link):
    """Run the experiment of a link and wait for its verdict."""
    page.goto(lab.url + link)
    page.click(".actions button[value=run]")
    page.wait_for_selector("#verdict .answer")


@pytest.fixture(scope="module")
def line_ran(browser, lab):
    """The comparison on the seed line is done, for all that look at it."""
    with opened(browser, lab) as page:
        run(page, lab, LINE)
        return page.url.removeprefix(lab.url).partition("#")[0]


def eventually(page, expression):
    """Give whether an expression comes to hold; the page's policy forbids Playwright's own wait."""
    for _ in range(WAIT // 100):
        if page.evaluate(expression):
            return True
        page.wait_for_timeout(100)
    return False


def violations(page):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(RULES)["violations"]
    return [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in found]


def paths_of(track, line_ran):
    """Give a page of every kind."""
    first = {mode.name: f"/{mode.name}/{mode.items[0]}" for mode in track.modes if mode.items}
    items = [first[name] for name in ("learn", "practice", "interview", "myths", "pitfalls")]
    tabs = [f"/{mode.name}" for mode in track.modes]
    return ["/", *tabs, *items, line_ran, "/mine", "/progress", "/placement", "/nothing"]


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_accessible_and_fits(browser, lab, track, line_ran, view):
    with opened(browser, lab, view, bypass_csp=False) as page:
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        for path in [each for each in paths_of(track, line_ran) if each != "/nothing"]:
            page.goto(lab.url + path)
            page.wait_for_load_state("load")
            assert violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert page.locator("h1").count() == 1, path


def test_at_twice_the_text_size_nothing_is_cut_off(browser, lab, track, line_ran):
    with opened(browser, lab) as page:
        for path in [each for each in paths_of(track, line_ran) if each != "/nothing"]:
            page.goto(lab.url + path)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            page.evaluate(NEXT_PICTURE)
            assert eventually(page, "document.documentElement.scrollWidth <= innerWidth"), path


def test_every_series_leaves_ink_on_every_chart(browser, lab, line_ran):
    with opened(browser, lab) as page:
        page.goto(lab.url + line_ran)
        page.wait_for_selector(DRAWN)
        for quantity in ("val_loss", "grad_norm", "update_ratio", "edge", "loss"):
            draws = page.evaluate(SHOW, quantity)
            page.wait_for_selector(f"#main-chart:not([data-draws='{draws}'])")
            ink = page.evaluate(INK, "main-chart")
            assert min(ink[:3]) > 20, (quantity, ink)
            assert sum(ink[3:]) < 40, (quantity, ink)
        assert min(page.evaluate(INK, "lr-chart")[:3]) > 20
        page.goto(f"{lab.url}/design")
        page.wait_for_selector(".handle")
        assert page.evaluate(INK, "design-chart")[0] > 100


def test_a_verdict_says_who_won_how_surely_and_what_became_of_the_others(browser, lab, line_ran):
    with opened(browser, lab) as page:
        page.goto(lab.url + line_ran)
        assert "wins on seed-line" in page.inner_text("#verdict .answer")
        assert page.locator(".ranking tbody tr").count() == 3
        assert "diverged" in page.inner_text(".ranking tbody tr:nth-child(3)")
        expect(page.locator("#main-chart-summary")).to_contain_text("3 diverged by")
        code = page.request.get(lab.url + page.get_attribute("a[href^='/lab/code']", "href")).text()
        assert "torch.optim.SGD" in code
        page.click("#numbers summary")
        page.wait_for_selector("#numbers tbody tr:nth-child(11)")


def test_what_was_expected_is_kept_before_the_run_and_set_against_the_verdict(browser, lab):
    with opened(browser, lab) as page:
        page.goto(lab.url + LINE.replace("updates=200", "updates=160"))
        page.select_option("select[name=guess]", "sgd lr=0.19 constant")
        page.click(".actions button[value=run]")
        expect(page.locator(".expected")).to_contain_text("It came 3 of 3")
        assert page.locator("select[name=guess]").count() == 0


def test_a_curve_is_read_by_key_and_gives_the_place_of_a_fork(browser, lab, line_ran):
    with opened(browser, lab) as page:
        page.goto(lab.url + line_ran)
        page.wait_for_selector(DRAWN)
        page.focus("#main-chart")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("PageDown")
        expect(page.locator("#live")).to_have_text(
            re.compile("^sgd lr=0.1 constant: update 10, training loss")
        )
        page.keyboard.press("Enter")
        expect(page.locator("#fork-at")).to_have_value("10")
        page.click(".fork button")
        expect(page.locator("#result-title")).to_have_text("Fork test")
        expect(page.locator("#verdict .answer")).to_have_text("seed-line: keep lr 0.1")
        expect(page.locator("#verdict tbody tr")).to_have_count(5)
        page.wait_for_selector(DRAWN)
        assert min(page.evaluate(INK, "lr-chart")[:5]) > 5


def test_reloading_in_the_middle_loses_and_doubles_nothing_and_two_tabs_see_the_same(browser, lab):
    with opened(browser, lab, bypass_csp=True) as page:  # so that the test may wait for its spy
        page.add_init_script(SPY)
        page.goto(lab.url + LONG)
        page.click(".actions button[value=run]")
        page.wait_for_function("heard.length > 4")
        before = page.evaluate("heard")
        page.reload()
        tab = page.context.new_page()
        tab.goto(page.url)
        for each in (page, tab):
            each.wait_for_selector("#verdict .answer")
            each.wait_for_selector(DRAWN)
        after = page.evaluate("heard")
        assert before == list(range(len(before)))
        assert after == list(range(len(after)))
        assert len(after) > len(before)
        for each in (page, tab):
            each.click("#numbers summary")
            each.wait_for_selector("#numbers td")
        assert page.inner_text("#numbers table") == tab.inner_text("#numbers table")
        assert page.inner_text("#verdict .ranking") == tab.inner_text("#verdict .ranking")


def test_a_killed_worker_gives_a_sentence_and_the_next_run_works(browser, lab):
    link = LONG.replace("1200", "1190")
    with opened(browser, lab) as page:
        page.goto(lab.url + link)
        page.click(".actions button[value=run]")
        page.wait_for_selector("#main-chart canvas")
        (worker,) = lab.workers
        os.kill(worker, signal.SIGKILL)
        page.wait_for_selector("#status:has-text('died (killed by signal 9)')")
        run(page, lab, LINE.replace("seeds=2", "seeds=1"))
        assert page.locator(".ranking tbody tr").count() == 3


def test_a_run_that_is_not_wanted_stops(browser, lab):
    with opened(browser, lab) as page:
        page.goto(lab.url + LONG.replace("1200", "1180"))
        page.click(".actions button[value=run]")
        page.wait_for_selector("#main-chart canvas")
        page.click(".stop button")
        page.wait_for_selector("#status:has-text('stopped')")


def test_what_is_typed_wrong_is_said_beside_the_form_and_kept(browser, lab):
    context = browser.new_context(**VIEWS["light"])
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(f"{lab.url}/lab")
    page.fill("input[name=s] >> nth=0", "sgd lr=-1")
    page.click(".actions button[value=run]")
    expect(page.get_by_role("alert")).to_contain_text("lr must be a finite number above 0")
    expect(page.locator("input[name=s]").first).to_have_value("sgd lr=-1")
    page.fill("input[name=s] >> nth=0", "sgd lr=0.2")
    page.fill("input[name=schedule]", "cosine")
    page.click("button[value=add]")
    expect(page.locator("input[name=s]").nth(3)).to_have_value("sgd lr=0.1 cosine")
    page.click("[aria-label='Remove strategy 1']")
    expect(page.locator("input[name=s]")).to_have_count(3)
    context.close()


def test_a_whole_challenge_by_keyboard_alone_to_the_badge(browser, lab, course, track):
    items = [course.item(name) for name in track.mode("challenge").items]

    def press_until(page, selector):
        for _ in range(60):
            if page.evaluate("(s) => document.activeElement?.matches(s)", selector):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"no Tab leads to {selector}")

    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/challenge")
        press_until(page, "form button.primary")
        page.keyboard.press("Enter")
        for item in items:
            page.wait_for_selector("[role=timer]")
            press_until(page, "input[name=choice]")
            page.keyboard.press("Space")  # the first option
            for _ in range("ABCDEFGH".index(item.choice.key)):
                page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            page.wait_for_selector("h2:has-text('✓ Right')")
            press_until(page, ".beside a.primary")
            page.keyboard.press("Enter")
        page.wait_for_selector(".badge")
        assert track.challenge.badge.title in page.inner_text(".badge")
        page.goto(f"{lab.url}/progress")
        assert track.challenge.badge.title in page.inner_text(".badge")


def test_without_the_timer_there_is_none_and_a_wrong_answer_says_why(browser, lab, course, track):
    item = course.item(track.mode("challenge").items[0])
    wrong = [option for option in item.choice.options if not option.right]
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/challenge")
        page.check("input[value=off]")
        page.click("button.primary")
        page.wait_for_selector("input[name=choice]")
        assert page.locator("[role=timer]").count() == 0
        source = page.content()
        assert "data-right" not in source
        for option in item.choice.options:
            reason = option.why.markdown.split("\n")[0][:40]
            assert not reason or reason not in source
        page.check(f"input[value={wrong[0].letter}]")
        page.click("button[value=answer]")
        expect(page.locator(".wrong")).to_contain_text(f"{wrong[0].letter} is not it")
        expect(page.locator("main")).to_contain_text("1 attempt left")
        assert "data-right" not in page.content()
        page.check(f"input[value={wrong[1].letter}]")
        page.click("button[value=answer]")
        expect(page.locator("#answer h2")).to_contain_text("Not solved")
        expect(page.locator("[data-right=true]")).to_have_count(1)


def test_the_placement_test_asks_ten_questions_and_says_what_to_read(browser, lab, course, track):
    items = [course.item(name) for name in track.placement.items]
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/placement")
        page.click("button.primary")
        for place, item in enumerate(items, start=1):
            expect(page.locator("h1")).to_have_text(f"Test, question {place} of 10")
            first_words = re.split("[`*.,]", item.choice.ask.markdown)[0]
            expect(page.locator("article > .prose")).to_contain_text(first_words)
            page.check("input[value=A]")
            page.click("button[value=answer]")
            page.click("#answer a.primary")
        solved = sum(item.choice.key == "A" for item in items)
        expect(page.locator("h1")).to_have_text(f"{solved} of 10 right")
        page.wait_for_selector("[data-strength=weak] ~ a[href^='/learn/']")
        page.goto(lab.url)
        expect(page.locator("#back-title")).to_have_text("Where you were")


def test_a_challenge_goes_on_where_it_was_when_the_lab_was_started_anew(
    browser, start_lab, tmp_path
):
    store = tmp_path / "runs.db"
    first = start_lab(store)
    with opened(browser, first) as page:
        page.goto(f"{first.url}/challenge")
        page.click("button.primary")
        page.check("input[value=B]")
        page.click("button[value=answer]")
        page.wait_for_selector(".wrong")
        path = page.url.removeprefix(first.url)
    first.end()
    second = start_lab(store)
    with opened(browser, second) as page:
        page.goto(f"{second.url}/challenge")
        page.click("text=Go on with question 1 of 5")
        assert page.url.removeprefix(second.url) == path.partition("#")[0]
        page.wait_for_selector("[role=timer]")
        expect(page.locator("main")).to_contain_text("1 attempt left")
        other = page.request.get(second.url + path.replace("challenge", "placement"))
        assert "The store must have this placement" in other.text()


def test_every_fact_can_be_read_and_an_experiment_says_what_stands_on_it(browser, lab, track):
    with opened(browser, lab) as page:
        page.goto(lab.url)
        page.click("a[href='/facts']")
        expect(page.locator(".list a")).to_have_count(len(track.mode("lab").items))
        page.click("text=A curve alone does not show")
        expect(page.locator("[data-verdict=wrong]")).to_contain_text("does not hold")
        page.click("text=Six losses, with and without a cut")
        page.click("text=A curve alone does not show")
        page.wait_for_url("**/facts/f07-six-losses")


def lightest(course, names):
    """Give the item and the experiment of it that take the fewest updates."""

    def updates(pair):
        found = course.experiments[pair[1]]
        return (
            sum(
                (run.updates or found.updates or 300) * (run.seeds or found.seeds)
                for run in found.runs
            )
            or math.inf
        )  # code needs a process of its own

    proofs = [
        (name, each.experiment) for name in names for each, *_ in references(course.item(name))
    ]
    return min(proofs, key=updates)


def test_a_prediction_cannot_be_changed_after_the_run(browser, lab, course, track):
    name, experiment = lightest(course, track.mode("myths").items)
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/myths/{name}")
        assert "data-right" not in page.content()
        token = page.get_attribute("[name=token]", "value")
        page.check("input[value=A]")
        page.select_option("[name=confidence]", "90")
        page.click("button[value=commit]")
        page.wait_for_selector("text=Committed: A, 90 % sure.")
        assert page.locator("input[name=choice]").count() == 0
        page.click(f"[data-proof={experiment}] button")
        page.wait_for_selector("text=Measured on this machine just now.")
        form = {"token": token, "choice": "B", "confidence": "50", "do": "commit"}
        page.request.post(f"{lab.url}/myths/{name}", form=form)
        page.reload()
        assert page.locator("text=Committed: A, 90 % sure.").count() == 1
    with sqlite3.connect(lab.store) as kept:
        (row,) = kept.execute("SELECT content FROM etude_progress WHERE kind = 'prediction'")
    assert '"choice": "A"' in row[0]


def test_reading_answering_and_recall_work_without_scripts(browser, lab, track):
    practice = track.mode("practice").items[0]
    with opened(browser, lab, java_script_enabled=False) as page:
        page.goto(f"{lab.url}/practice/{practice}")
        page.click("button[value=step]")
        expect(page.locator(".steps li")).to_have_count(1)
        page.check("input[value=A]")
        page.click("button[value=answer]")
        page.wait_for_selector(".wrong, .spent")
        page.goto(f"{lab.url}/recall")
        page.click("#show")
        page.click(".grades button >> nth=2")
        page.wait_for_selector(".about:has-text('1 of')")
        page.goto(lab.url + LINE.replace("updates=200", "updates=150"))
        page.click(".actions button[value=run]")
        page.wait_for_selector("#verdict .answer")  # the page asks again until it is there
        page.goto(f"{lab.url}/design")
        page.select_option("select[name=kind]", "step")
        page.click("button[value=add]")
        page.wait_for_selector("#design-text:has-text('step')")


def test_the_designer_draws_while_one_types_and_a_border_moves_by_key(browser, lab):
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/design")
        page.wait_for_selector(".handle")
        page.fill("input[name='0-length']", "10%")
        page.wait_for_selector("#design-text:has-text('warmup 10%')")
        page.focus(".handle >> nth=0")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#design-text:has-text('warmup 11%')")
        assert "warmup+11%25" in page.url
        page.click("#to-lab")
        page.wait_for_url("**/lab?**")
        assert "warmup 11%" in page.input_value("input[name=s] >> nth=0")
        page.goto(f"{lab.url}/design?p=linear")
        page.fill("input[name='0-start']", "0.5")
        page.wait_for_selector("#warnings:has-text('never reaches the peak')")
        page.fill("input[name='0-length']", "2000")
        page.wait_for_selector("[role=alert]:has-text('2000')")


def test_what_is_wrong_with_a_schedules_link_is_said_and_stays_until_it_is_mended(browser, lab):
    context = browser.new_context(**VIEWS["light"])
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(f"{lab.url}/design?p=warmup+200%25")
    page.wait_for_selector(".handle")  # the usual schedule is drawn in its place
    expect(page.get_by_role("alert")).to_contain_text("warmup")
    page.fill("input[name='0-length']", "10%")
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_a_stored_run_is_drawn_and_judged(browser, lab, line_ran):
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/mine?task=seed-line")
        page.click(".ranking a")
        page.wait_for_selector(DRAWN)
        assert page.evaluate(INK, "main-chart")[0] > 20
        assert page.locator("header .outcome").count() == 1


def test_a_log_is_brought_drawn_and_diagnosed(browser, lab, tmp_path):
    losses = [2.3 + 0.02 * (-1) ** t + (0 if t < 300 else 0.05 * (t - 300)) for t in range(600)]
    log = tmp_path / "train.csv"
    log.write_text("step,loss,lr\n" + "".join(f"{t},{v},0.5\n" for t, v in enumerate(losses)))
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/mine")
        page.set_input_files("input[name=log]", str(log))
        page.click("button:has-text('Diagnose')")
        page.wait_for_selector(DRAWN)
        assert page.evaluate(INK, "main-chart")[0] > 20
        assert "ED02" in page.inner_text("#found-title + .finding h3")
        assert "read as csv" in page.inner_text("header").lower()
        assert violations(page) == []
        page.goto(f"{lab.url}/mine")
        answer = page.request.post(
            f"{lab.url}/mine",
            headers={"Origin": lab.url},
            multipart={
                "token": page.input_value("form [name=token]"),
                "log": {
                    "name": "../a/train.csv",
                    "mimeType": "text/csv",
                    "buffer": bytes(range(256)),
                },
            },
        )
        assert answer.status == 422
        assert "train.csv must be text in UTF-8" in answer.text()
        assert "/a/" not in answer.text()


def test_progress_is_exported_and_forgotten(browser, lab):
    with opened(browser, lab) as page:
        page.goto(f"{lab.url}/recall")
        page.click("#show")
        page.click(".grades button >> nth=3")
        page.wait_for_url("**/recall")
        page.goto(f"{lab.url}/progress")
        kept = page.request.get(f"{lab.url}/progress/export").json()
        assert {each["kind"] for each in kept["entries"]} >= {"card"}
        page.check("[name=sure]")
        page.click("button:has-text('Forget')")
        page.wait_for_selector("button:has-text('Forget')", state="detached")
        assert page.request.get(f"{lab.url}/progress/export").json()["entries"] == []


def test_a_page_is_light(browser, lab, line_ran):
    with opened(browser, lab) as page:
        for path in ("/lab", "/design", line_ran):
            page.goto(lab.url + path)
            page.wait_for_load_state("load")
            assert 15_000 < page.evaluate(WEIGHT) < 150_000, path


def test_ctrl_c_ends_it_with_pages_open(browser, start_lab, tmp_path):
    lab = start_lab(tmp_path / "runs.db")
    context = browser.new_context(**VIEWS["light"])
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(lab.url + LONG)
    page.click(".actions button[value=run]")
    page.wait_for_selector("#result")
    lab.process.send_signal(signal.SIGINT)
    said, _ = lab.process.communicate(timeout=60)
    context.close()
    assert "Traceback" not in said
    assert "interrupted" not in said
    assert lab.process.returncode in (0, 130)
