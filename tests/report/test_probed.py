"""`etude.report.probed`: the fork test in the terminal, as a page and as a picture."""

import io
import math

import pytest
from rich.console import Console

from etude.records import Action, Fork, Measured, Probe, Reading
from etude.report import probe_page, probe_svg, show_probe


def fork(factor, end, gain):
    loss = tuple(1 + (end - 1) * t / 19 for t in range(20))
    lead = Measured(gain, gain - 0.1, gain + 0.1)
    return Fork(factor, 0.1 * factor, loss, lead, Measured(0, 0, 0) if factor == 1 else lead)


def probe(action=Action.LOWER, factor=0.1, **changes):
    missing = Measured(math.nan, math.nan, math.nan)
    gone = Fork(10.0, 1.0, (1.0, 9.0, *[math.nan] * 18), missing, missing)
    parts = {
        "task": "digits <b>",
        "strategy": "sgd lr=0.1 constant",
        "at": 1200,
        "lr": 0.1,
        "updates": 20,
        "action": action,
        "factor": factor,
        "sentence": "the run's own lr makes 20% of the progress of x0.1",
        "rest": (1.0,) * 20,
        "forks": (fork(0.1, 0.5, 0.5), fork(1.0, 0.9, 0.1), gone),
        "evidence": {"share": 0.2},
    }
    return Probe(**parts | changes)


def printed(found, width=80, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    show_probe(found, console)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("action", "factor", "said"),
    [
        (Action.LOWER, 0.1, "lower lr 0.1; of those tried 0.01 did best"),
        (Action.KEEP, 1.0, "keep lr 0.1"),
        (Action.NOT_RATE, math.nan, "it is not the learning rate"),
        (Action.UNDECIDED, math.nan, "undecided whether lr 0.1 is right"),
        (Action.LOWER, math.nan, "lower lr 0.1\n"),
    ],
)
def test_the_first_line_says_what_to_do(action, factor, said):
    assert said in printed(probe(action, factor)).splitlines()[0] + "\n"


def test_every_fork_has_a_row_and_the_reading_a_sentence():
    reading = Reading(Action.KEEP, 0.9, "loss", "the lr is right", {})
    text = printed(probe(reading=reading, notes=("A note.",)))
    assert "x0.1 0.01 0.5789 +39.3% +39.3% [+33.0%, +45.1%]" in " ".join(text.split())
    assert "diverged" in text
    assert "The run's own curve says keep: the lr is right." in text
    assert "A note." in text
    assert "1,200 updates" in text


def test_a_loss_that_left_for_good_is_told_in_words_and_not_in_per_cent():
    text = " ".join(printed(probe(forks=(fork(1.0, 0.9, 0.1), fork(3.0, 1e14, -30.0)))).split())
    assert "far above far above" in text


def test_a_narrow_ascii_terminal_gets_it_all():
    text = printed(probe(), width=44, legacy_windows=False)
    assert max(map(len, text.splitlines())) <= 44


def test_the_page_needs_no_network_and_shows_no_markup_of_names():
    page = probe_page(probe())
    assert "digits &lt;b&gt;" in page
    assert "digits <b>" not in page
    assert "<svg" in page
    assert page.count('<th scope="row">') == 3
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_picture_ends_a_line_where_its_fork_diverged():
    picture = probe_svg(probe())
    assert "x10: lr 1 (diverged)" in picture
    assert "nan" not in picture


def test_a_run_without_forks_is_shown_too():
    bare = probe(Action.LOWER, math.nan, forks=(), rest=())
    assert "lower" in printed(bare)
    assert "<svg xmlns" not in probe_page(bare).split("<main")[1]
