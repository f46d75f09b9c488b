import io
from dataclasses import replace

import pytest
from rich.console import Console

from etude.report import show


def printed(comparison, *, width=80, encoding="utf-8", **options):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    show(comparison, Console(file=file, width=width, **options))
    file.flush()
    return file.buffer.getvalue().decode(encoding)


@pytest.fixture(scope="module")
def narrow(comparison):
    return printed(comparison)


def test_at_80_columns_a_place_takes_aligned_lines_of_its_own(narrow):
    assert [line.rstrip() for line in narrow.splitlines()[:10]] == [
        "digits · 48 strategies · 3 seeds · 400 updates",
        "",
        "                                                                      difference",
        " #  strategy                                  loss  accuracy        95% interval",
        "─" * 80,
        " 1  adamw lr=0.01 warmup 5% -> cosine       0.0713     0.972",
        "    ✓ converged, winner",
        " 2  sgd momentum=0.9 lr=0.1 warmup 5% ->    0.0719     0.972             +0.0006",
        "    cosine                                                    [-0.0067, +0.0080]",
        "    ✓ converged, = tie",
    ]


def test_without_colour_no_escape_is_printed_and_nothing_is_wider_than_80(narrow):
    assert "\x1b" not in narrow
    table = narrow.split("The winner in PyTorch")[0]
    assert max(map(len, table.splitlines())) <= 80


def test_outcomes_ties_and_the_winner_are_words(narrow):
    assert "✓ converged, winner" in narrow
    assert narrow.count("✓ converged, = tie") == 3
    assert "and 36 more. 144 runs: 84 converged, 24 still improving, 24 collapsed, 12" in narrow


def test_code_is_neither_wrapped_nor_cut(comparison, narrow):
    assert comparison.winner.code.rstrip() in narrow
    assert max(map(len, comparison.winner.code.splitlines())) > 80


def test_decisions_and_the_command_are_there(comparison, narrow):
    assert narrow.rstrip().endswith(comparison.settings["command"])
    squeezed = " ".join(narrow.split())
    assert all(f"· {decision}" in squeezed for decision in comparison.decisions)


def test_a_wide_terminal_has_one_line_per_place(comparison):
    lines = printed(comparison, width=140).splitlines()
    second = next(line for line in lines if line.lstrip().startswith("2 "))
    assert " ".join(second.split()) == (
        "2 sgd momentum=0.9 lr=0.1 warmup 5% -> cosine ✓ converged "
        "0.0719 0.972 +0.0006 [-0.0067, +0.0080] = tie"
    )


@pytest.mark.parametrize("width", [30, 40, 59])
def test_where_a_table_has_no_room_for_them_strategies_are_whole_in_a_list(comparison, width):
    text = printed(comparison, width=width).split("The winner in PyTorch")[0]
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    squeezed = " ".join(text.split())
    assert all(f"{n} {p.strategy} ✓" in squeezed for n, p in enumerate(comparison.ranking[:5], 1))
    assert (
        "2 sgd momentum=0.9 lr=0.1 warmup 5% -> cosine ✓ converged, = tie loss 0.0719 "
        "accuracy 0.972 difference +0.0006 95% interval [-0.0067, +0.0080]"
    ) in squeezed


def test_lists_have_no_blanks_at_the_end_of_a_line(narrow):
    listed = narrow.split("Decided by étude")[1]
    assert not [line for line in listed.splitlines() if line.endswith(" ")]


def test_colour_is_used_where_the_terminal_has_it(comparison):
    assert "\x1b[" in printed(comparison, force_terminal=True, no_color=False)


def test_an_ascii_terminal_gets_ascii(comparison):
    text = printed(comparison, encoding="ascii")
    assert "+ converged, winner" in text
    assert "Decided by etude" in text


def test_markup_in_a_strategy_is_printed_as_it_is(comparison):
    place = replace(comparison.ranking[1], strategy="sgd lr=1 [bold]points[/bold]")
    ranking = (comparison.ranking[0], place, *comparison.ranking[2:])
    assert "[bold]points[/bold]" in printed(replace(comparison, ranking=ranking))


def test_an_interrupted_comparison_says_so(make_comparison):
    assert "interrupted: the ranking covers only the 144 runs that ended." in printed(
        make_comparison(complete=False)
    )


def test_without_a_winner_the_reason_stands_in_place_of_the_code(make_comparison):
    text = " ".join(printed(make_comparison(winner=False)).split())
    assert "No strategy wins on digits." in text
    assert "no better than the best constant answer (validation loss 2.303)." in text
    assert "✓ converged, best" in text
    assert "The winner in PyTorch" not in text


def test_one_seed_has_no_intervals(make_comparison):
    text = printed(make_comparison(seeds=(0,)))
    assert "✓ converged, no interval" in text
    assert "nan" not in text


def test_a_task_without_a_metric_has_no_column_for_it(comparison):
    text = printed(replace(comparison, task={**comparison.task, "metric": None}))
    assert "accuracy" not in text


def test_nothing_done_is_no_crash(comparison):
    empty = replace(comparison, ranking=(), runs=(), winner=None, complete=False)
    assert "No run on digits is done, so there is nothing to rank." in printed(empty)


def test_a_race_says_who_ran_in_full_and_with_how_many_seeds(race):
    assert printed(race).splitlines()[0] == (
        "digits · race of 48 strategies · 4 in full (400 updates) with 3 to 5 seeds"
    )


def test_what_a_race_dropped_is_counted_and_has_no_difference(race):
    text = printed(race)
    ranking, dropped = text.split("Dropped after short copies")
    assert ranking.count("[") == 3  # the intervals of the finalists behind the first
    assert "· 2 of 6 after copies of 120 updates: 2 converged" in dropped
    assert "dropped after rung 2, at update 120 of a copy: loss 0.1066 against 0.0901" in dropped
    assert "[-" not in dropped.split("The winner in PyTorch")[0]
    assert max(len(line) for line in dropped.split("The winner in PyTorch")[0].splitlines()) <= 80


def test_a_race_without_finalists_has_no_table(make_race):
    text = printed(make_race(in_full=False))
    assert "none in full (400 updates)" in text
    assert "difference" not in text
    assert "No strategy was trained in full on digits yet." in text


def test_a_race_without_finalists_prints_on_an_ascii_terminal(make_race):
    assert "Judged by short copies only" in printed(make_race(in_full=False), encoding="ascii")
