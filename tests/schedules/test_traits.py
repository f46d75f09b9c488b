import pytest

from etude.schedules import constant, cosine, cosine_wave, linear, parse
from etude.schedules.traits import summarise, traits


def test_a_plain_schedule_has_no_traits():
    assert traits(parse("warmup 5% -> cosine").bind(100), 100) == ()


@pytest.mark.parametrize(
    ("text", "updates", "end", "expected"),
    [
        ("warmup 3 start=0", 10, None, "the first update has rate 0: it trains nothing"),
        ("constant 3 value=0 -> constant", 9, None, "the first 3 updates have rate 0"),
        ("0", 9, None, "every update has rate 0"),
        ("0.5 * linear 4", 9, None, "never reaches the peak: 0.5 of it at most, at update 0"),
        ("cosine 20", 9, None, "longer than the run: it ends at update 20, the run at 9"),
        # one update after the end 4: (1 - cos(pi/4))/2 = 0.1464
        ("cosine-wave 4", 5, 4, "rises again after its end at update 4: 0.1464 of the peak at 5"),
    ],
)
def test_a_trait_is_said_in_a_sentence(text, updates, end, expected):
    assert any(expected in said for said in traits(parse(text), updates, end=end))


def test_a_rise_is_looked_for_past_a_run_that_stops_at_the_end():
    assert traits(cosine_wave(100), 100, end=100)[-1].startswith("rises again")
    assert traits(cosine(100), 100, end=100) == ()


def test_a_summary_counts_updates_at_the_peak():
    # 1, 3/4, 1/2, 1/4: 2.5 updates at the peak
    found = summarise([linear(4)(t) for t in range(4)])
    assert (found.updates, found.first, found.last, found.area) == (4, 1.0, 0.25, 2.5)
    assert (found.highest, found.peak_at) == (1.0, 0)
    assert summarise([constant(2)(0)]).highest == 2.0
