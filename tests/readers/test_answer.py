"""`etude.diagnose` from Python: paths, runs and curves alike."""

import math
from pathlib import Path

import numpy as np
import pytest

import etude
from etude.errors import LogError
from etude.readers import read
from etude.records import Action, Curve, Outcome, Run
from etude.store import Store

GOLDEN = Path(__file__).parent / "golden"
BROKEN = Curve(
    update=np.arange(50.0), lr=np.full(50, 0.1), loss=np.where(np.arange(50) < 40, 1.0, np.nan)
)


def run(**changes):
    values = {
        "id": "abcdef012345", "task": "digits", "strategy": "sgd lr=0.1", "seed": 0,
        "outcome": Outcome.DIVERGED, "planned": 50, "updates": 40, "loss": math.nan,
        "metric": math.nan, "seconds": 0.1, "curve": BROKEN,
    }  # fmt: skip
    return Run(**values | changes)


def found(*args, **options):
    return [each.code for each in etude.diagnose(*args, **options).findings]


def test_a_curve_a_run_a_log_and_a_path_are_all_sources():
    path = GOLDEN / "lightning"
    (log,) = read(path).logs
    assert (
        found(BROKEN) == found(run()) == found(log) == found(path) == found(str(path)) == ["ED01"]
    )


def test_several_sources_are_read_together_and_compared():
    answer = etude.diagnose([GOLDEN / "lightning", GOLDEN / "mlflow", BROKEN])
    assert len(answer.runs) == 3
    assert answer.sweep is not None


def test_runs_that_several_sources_name_alike_are_named_by_their_paths(tmp_path):
    for folder in ("a", "b"):
        place = tmp_path / folder / "version_0"
        place.mkdir(parents=True)
        (place / "metrics.csv").write_text("epoch,step,loss\n0,1,2.0\n0,2,1.0\n")
    answer = etude.diagnose([tmp_path / "a" / "version_0", tmp_path / "b" / "version_0"])
    assert [run.log.name for run in answer.runs] == [run.log.path for run in answer.runs]
    assert answer.runs[0].log.name.endswith("a/version_0/metrics.csv")


def test_a_run_of_the_store_is_named_by_the_start_of_its_id(tmp_path):
    place = str(tmp_path / "runs.db")
    with Store.open(place) as store:
        store.add(run(), key="k", settings={"chance": 2.3})
    answer = etude.diagnose("abcdef", store=place)
    assert [each.code for each in answer.findings] == ["ED01"]
    assert answer.runs[0].log.chance == 2.3


def test_the_rate_is_undecided_where_the_log_cannot_tell_and_only_there():
    rows = np.arange(200.0)
    noise = np.random.default_rng(0).normal(0, 0.01, rows.size)
    flat = Curve(update=rows, lr=np.full(200, 0.1), loss=2.3 + noise)
    (answered,) = etude.diagnose(flat).runs
    assert any("cannot be told from this log" in said for said in answered.undecided)
    assert answered.reading.action is Action.UNDECIDED
    falls = Curve(update=rows, lr=rows * 0 + 0.1, loss=2.3 - 0.5 * (rows / 200) ** 2 + 10 * noise)
    (read,) = etude.diagnose(falls).runs
    assert read.reading.action is Action.RAISE
    assert not any("cannot be told from this log" in said for said in read.undecided)
    (short,) = etude.diagnose(Curve(update=rows[:5], lr=rows[:5], loss=rows[:5])).runs
    assert "too few" in short.undecided[0]
    (broken,) = etude.diagnose(BROKEN).runs
    assert not any("lr is" in said for said in broken.undecided)
    zeros = Curve(update=rows, lr=rows * 0 + 0.1, loss=2.3 + 0.01 * np.cos(rows),
                  gain_update=rows, gain_ratio=rows * 0 + 1, zero_share=rows * 0 + 1)  # fmt: skip
    (dead,) = etude.diagnose(zeros).runs
    assert "before ED17" in dead.undecided[0]


@pytest.mark.parametrize(
    ("rows", "said"), [(0, "without a finite loss"), (1, "1 row is too few"), (3, "3 rows are")]
)
def test_few_rows_are_counted_in_plain_words(rows, said):
    loss = np.array([math.nan]) if rows == 0 else np.ones(rows)
    (one,) = etude.diagnose(Curve(update=np.arange(loss.size) + 0.0, loss=loss)).runs
    assert one.undecided[0].startswith(said)
    assert any("the run has" in fact for fact in one.facts) is (rows > 1)


def test_a_loss_of_zero_throughout_is_no_plateau():
    zero = Curve(update=np.arange(200.0), lr=np.full(200, 0.1), loss=np.zeros(200))
    assert found(zero) == []


def test_a_cut_that_puts_the_loss_down_at_once_is_not_said_to_change_nothing():
    """Down by 2 %, then slower than before: on the whole it is where it would have been."""
    at = np.arange(1.0, 401)
    loss = 4 * at**-0.1
    loss[200:] = 0.98 * loss[200] * (at[200:] / 201) ** -0.04
    (one,) = etude.diagnose(Curve(update=at, lr=np.where(at <= 200, 0.1, 0.01), loss=loss)).runs
    (told,) = [fact for fact in one.facts if "cut of the lr" in fact]
    assert "nothing" not in told


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(LogError, match=r"--format must be one of .*, got 'excel'"):
        etude.diagnose(BROKEN, form="excel")
    with pytest.raises(LogError, match="--chance must be a loss above 0"):
        etude.diagnose(BROKEN, chance=-1)
    with pytest.raises(LogError, match="needs at least one log"):
        etude.diagnose([])
