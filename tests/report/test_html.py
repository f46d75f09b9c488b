import json
import re
from dataclasses import replace

import pytest

from etude.records import Winner
from etude.report import page


@pytest.fixture(scope="module")
def text(comparison):
    return page(comparison)


def data_of(text):
    return json.loads(re.search(r'type="application/json" id="data">(.*?)</script>', text)[1])


def test_the_answer_stands_in_the_heading(text):
    heading = re.sub(r"<[^>]+>", "", re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)[1])
    assert heading == (
        "adamw lr=0.01 warmup 5% -&gt; cosine wins on digits: validation loss 0.0713, "
        "accuracy 0.9722, tied with 3 others."
    )


def test_nothing_on_the_page_comes_from_elsewhere(text):
    assert "default-src 'none'" in text
    assert re.findall(r'(?:src|href)="(?!#|data:)', text) == []
    assert re.findall(r"@import|url\(", text) == []


def test_inlined_modules_have_no_imports_left(text):
    module = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)[1]
    assert re.findall(r"^(?:import|export)\b.*", module, re.MULTILINE) == []
    assert "function drawChart" in module


def test_every_strategy_is_in_the_ranking_with_its_outcome_in_words(comparison, text):
    rows = re.findall(r'<tr role="row" data-standing="(.+?)">(.*?)</tr>', text, re.DOTALL)
    assert len(rows) == len(comparison.ranking)
    for place, (_, row) in zip(comparison.ranking, rows, strict=True):
        assert f"</span> {place.outcome}</td>" in row
    assert [standing for standing, _ in rows[:5]] == ["winner", "tie", "tie", "tie", "behind"]


def test_text_from_outside_cannot_become_markup(comparison):
    evil = '</script><img src=x onerror="alert(1)">'
    place = replace(comparison.ranking[0], strategy=evil, schedule=evil)
    shown = page(
        replace(
            comparison,
            task={**comparison.task, "name": evil, "about": evil},
            settings={**comparison.settings, "command": evil},
            ranking=(place, *comparison.ranking[1:]),
            winner=Winner(strategy=evil, code=evil),
            decisions=(evil,),
        )
    )
    assert "<img" not in shown
    assert data_of(shown)["strategies"][0]["name"] == evil


def test_the_code_is_on_the_page_as_it_is(comparison, text):
    from html import unescape

    code = re.search(r'<pre id="code".*?><code>(.*?)</code>', text, re.DOTALL)[1]
    assert unescape(code) == comparison.winner.code


def test_an_interrupted_comparison_without_a_winner_says_both(make_comparison):
    shown = page(make_comparison(winner=False, complete=False))
    assert "interrupted: the ranking covers only the 144 runs that ended." in shown
    assert "No strategy wins on digits" in shown
    assert 'id="code"' not in shown


def test_one_seed_shows_no_interval(make_comparison):
    shown = page(make_comparison(seeds=(0,)))
    assert "no interval" in shown
    assert "nan" not in re.sub(r"<(script|style).*?</\1>", "", shown, flags=re.DOTALL)


def test_a_task_without_metric_and_chance_has_a_page(comparison):
    task = {"name": "line", "about": "", "metric": None, "maximize": False, "chance": None}
    shown = page(replace(comparison, task=task))
    assert "accuracy" not in shown
    assert data_of(shown)["chance"] is None


def test_nothing_done_gives_a_page_without_charts(comparison):
    shown = page(replace(comparison, ranking=(), runs=(), winner=None, complete=False))
    assert "there is nothing to rank" in shown
    assert "uPlot" not in shown


def test_a_race_lists_finalists_and_what_was_dropped_apart(race):
    shown = page(race)
    finalists, dropped = shown.split('id="dropped-title"')[:2]
    assert len(re.findall(r'<tr role="row" data-standing', finalists)) == 4
    assert len(re.findall(r'<td role="cell" class="difference">', shown)) == 4
    notes = re.findall(r'<td role="cell" class="why">(.*?)</td>', dropped)
    assert notes == [place.note for place in race.ranking[4:]]
    assert re.findall(r'class="num rank">(\d+)<', dropped) == [str(n) for n in range(5, 49)]


def test_a_race_counts_runs_in_full_apart_from_short_copies(race):
    shown = page(race)
    assert re.findall(r"How the (.+?) ended", shown) == ["18 runs in full", "108 short copies"]
    assert "12,480 updates, 22% of the 57,600 that all in full would have had." in shown
    assert "0, 1, 2; finalists that tied also 3, 4" in shown


def test_the_sensitivity_of_a_race_says_after_what(race, text):
    assert "After copies of 40 updates, which most strategies had" in page(race)
    assert "copies" not in re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)


def test_a_race_without_finalists_says_so_and_claims_no_failure(make_race):
    shown = page(make_race(in_full=False))
    assert "No strategy was trained in full on digits yet." in shown
    assert "no winner:" not in shown
    assert 'id="ranking"' not in shown
    assert len(re.findall(r'class="why"', shown)) == 48


def test_the_facts_are_settings_and_not_the_constant_answer(text):
    facts = re.findall(r"<dt>([a-z ]+)</dt><dd>", text.split('id="again-title"')[1])
    assert facts == ["sizes", "ranked by", "updates", "seeds", "batch size", "device", "versions"]


def test_a_large_comparison_stays_below_two_megabytes(make_comparison):
    large = make_comparison(copies=4)  # 192 strategies with 3 seeds: 576 runs x 200 rows
    assert len(large.runs) == 576
    assert len(page(large).encode()) < 2_000_000


def test_one_run_is_counted_in_the_singular(make_comparison):
    whole = make_comparison(seeds=(0,))
    one = replace(whole, ranking=whole.ranking[:1], runs=whole.runs[:1])
    shown = page(one)
    assert "<dt>strategy</dt><dd>1</dd>" in shown
    assert "<dt>run, 1 seed each</dt><dd>1</dd>" in shown
    assert "How the 1 run ended" in shown
