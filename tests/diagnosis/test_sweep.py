"""Runs at several lrs: the best, those as good, and on which side the others lie."""

import numpy as np

from etude.diagnosis import read_sweep
from etude.records import Curve, Log


def run(lr, level, *, logged=True, val=True, broken=False, name=None):
    at = np.arange(100.0)
    loss = level + (2.3 - level) * np.exp(-at / 10)
    if broken:
        loss[50:] = np.nan
    curve = Curve(
        update=at, lr=np.full(100, lr if logged else np.nan), loss=loss,
        eval_update=at[::10] if val else np.empty(0),
        val_loss=loss[::10] + 0.1 if val else np.empty(0),
    )  # fmt: skip
    return Log(name or f"lr {lr}", "", "csv", curve, lr=lr)


def verdicts(sweep):
    return [place.verdict for place in sweep.places]


def test_levels_say_on_which_side_of_the_best_a_run_lies():
    sweep = read_sweep(
        [run(1.0, 0, broken=True), run(0.1, 0.2), run(0.3, 0.9), run(0.03, 0.21), run(0.001, 1.5)]
    )
    assert [place.lr for place in sweep.places] == [0.001, 0.03, 0.1, 0.3, 1.0]
    assert verdicts(sweep) == ["too low", "as good", "best", "too high", "too high"]
    assert "lr 0.1 was best" in sweep.sentence
    assert "from 0.03 to 0.1 there is no difference" in sweep.sentence
    assert sweep.judged_by == "val_loss"


def test_at_the_edge_of_what_was_tried_it_says_to_go_on():
    assert "try lower" in read_sweep([run(0.1, 0.2), run(1.0, 0.9)]).sentence
    assert "try higher" in read_sweep([run(0.1, 0.9), run(1.0, 0.2)]).sentence


def test_the_training_loss_is_compared_where_one_run_has_no_other():
    assert read_sweep([run(0.1, 0.2), run(1.0, 0.9, val=False)]).judged_by == "loss"


def test_a_rate_from_the_settings_will_do_and_one_rate_is_no_sweep():
    assert read_sweep([run(0.1, 0.2, logged=False), run(1.0, 0.9, logged=False)]) is not None
    assert read_sweep([run(0.1, 0.2), run(0.1, 0.3)]) is None


def test_where_all_diverged_all_are_too_high():
    sweep = read_sweep([run(0.1, 0, broken=True), run(1.0, 0, broken=True)])
    assert verdicts(sweep) == ["too high", "too high"]
    assert "every run diverged" in sweep.sentence


def test_runs_that_differ_in_more_than_their_lr_say_nothing_of_it():
    """As far from the best as runs at its own lr are from each other: another model, say."""
    logs = [run(0.1, 0.2), run(0.1, 0.9), run(0.3, 0.6), run(0.01, 1.5)]
    sweep = read_sweep(logs)
    assert verdicts(sweep) == ["too low", "best", "worse", "worse"]
    assert "runs at one lr end up to 0.7 apart" in sweep.sentence
    assert "apart" not in read_sweep(logs[:1] + logs[2:]).sentence


def test_a_run_that_broke_at_the_best_lr_or_below_is_not_too_high():
    logs = [run(0.1, 0.2), run(0.1, 0, broken=True), run(0.01, 0, broken=True)]
    assert verdicts(read_sweep(logs)) == ["worse", "best", "worse"]
