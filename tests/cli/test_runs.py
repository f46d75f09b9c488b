import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from etude.cli import main
from etude.cli.runs import HEADER
from etude.errors import EtudeError
from etude.records import Curve, Outcome, Run
from etude.store import Store

FIRST = Run(
    "aa0000000001",
    "digits",
    "adamw lr=0.001 warmup 5% -> cosine",
    0,
    Outcome.CONVERGED,
    4,
    4,
    0.25,
    0.96875,
    1.5,
    Curve(
        update=np.arange(4.0),
        lr=np.array([0.1, 0.2, 0.1, 0.0]),
        loss=np.array([2.0, 1.0, 0.5, 0.25]),
        grad_norm=np.array([4.0, 3.0, 2.0, 1.0]),
        update_ratio=np.array([0.5, 0.25, 0.125, 0.0625]),
        eval_update=np.array([0.0, 4.0]),
        val_loss=np.array([2.0, 1 / 3]),
        val_metric=np.array([0.125, 0.96875]),
        val_spread=np.array([0.0, 0.5]),
        gain_update=np.array([2.0]),
        gain_ratio=np.array([0.75]),
        zero_share=np.array([0.25]),
    ),
)
SECOND = Run(
    "ab0000000002",
    "bowl",
    "sgd lr=10 [odd]",
    1,
    Outcome.DIVERGED,
    2,
    2,
    np.nan,
    np.nan,
    0.5,
    Curve(
        update=np.arange(3.0),
        lr=np.full(3, 10.0),
        loss=np.array([1.0, np.inf, np.nan]),
        grad_norm=np.array([1.0, np.inf, np.nan]),
        update_ratio=np.array([1.0, -np.inf, np.nan]),
        eval_update=np.array([2.0]),
        val_loss=np.array([np.nan]),
        val_metric=np.array([np.nan]),
        val_spread=np.array([np.nan]),
    ),
)
SETTINGS = {"planned": 4, "updates": 4, "chance": 2.3, "versions": {"torch": "2.13.0"}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def filled(home):
    with Store.open() as store:
        store.add(FIRST, key="k1", settings=SETTINGS)
        store.add(SECOND, key="k2", settings=SETTINGS)
    return home


def asked(*words, code=0):
    result = CliRunner().invoke(main, ["runs", *words])
    assert result.exit_code == code, result.output
    return result


def refused(*words):
    result = asked(*words, code=2)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


# -- list ---------------------------------------------------------------------------------------


def test_an_empty_store_says_how_to_fill_it(home):
    said = asked().stdout
    assert said.count("\n") == 1
    assert str(home / "runs.db") in said
    assert "etude compare" in said


def test_an_empty_store_is_an_empty_list_in_json(home):
    assert json.loads(asked("--json").stdout) == []


def test_looking_for_runs_makes_no_store(home):
    asked()
    asked("--json")
    named = ["--store", str(home / "nothere.db")]
    for words in (["show", "aa"], ["export"], named, ["export", *named], [*named, "show", "aa"]):
        assert "must be there to be read" in refused(*words)
    assert not list(home.iterdir())


def test_the_table_has_a_line_for_each_run_the_newest_first(filled):
    header, _rule, newest, oldest = asked().stdout.splitlines()
    assert header.split() == [
        "id",
        "when",
        "task",
        "strategy",
        "seed",
        "outcome",
        "updates",
        "loss",
        "metric",
    ]
    assert newest.split()[0] == SECOND.id
    assert "sgd lr=10 [odd]" in newest
    assert newest.split()[-5:] == ["1", "diverged", "2", "–", "–"]
    assert oldest.split()[0] == FIRST.id
    assert oldest.split()[-5:] == ["0", "converged", "4", "0.25", "0.9688"]


def test_json_has_all_but_the_curve_and_null_for_what_is_not_finite(filled):
    newest, oldest = json.loads(asked("--json").stdout)
    created = oldest.pop("created")
    assert created.endswith("+00:00")
    assert oldest == {
        "id": FIRST.id,
        "task": "digits",
        "strategy": FIRST.strategy,
        "seed": 0,
        "outcome": "converged",
        "planned": 4,
        "updates": 4,
        "loss": 0.25,
        "metric": 0.96875,
        "seconds": 1.5,
        "key": "k1",
        "settings": SETTINGS,
    }
    assert (newest["loss"], newest["metric"]) == (None, None)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--task", "digits"], [FIRST.id]),
        (["--strategy", "SGD"], [SECOND.id]),
        (["--outcome", "converged"], [FIRST.id]),
        (["--limit", "1"], [SECOND.id]),
        (["--task", "digits", "--outcome", "diverged"], []),
    ],
)
def test_the_list_is_narrowed(filled, words, ids):
    assert [run["id"] for run in json.loads(asked(*words, "--json").stdout)] == ids


def test_a_narrowing_that_fits_no_run_says_so(filled):
    assert "fits" in asked("--task", "nothing").stdout


def test_a_long_table_ends_with_the_way_to_see_more(home):
    with Store.open() as store:
        for number in range(60):
            run = Run(f"{number:012}", "t", "s", 0, Outcome.STALLED, 1, 1, 1.0, 1.0, 1.0, Curve())
            store.add(run, key="k", settings={})
    lines = asked().stdout.splitlines()
    assert len(lines) == 2 + 50 + 1
    assert "--limit" in lines[-1]
    assert len(asked("--limit", "55").stdout.splitlines()) == 2 + 55
    assert len(json.loads(asked("--json").stdout)) == 60


def test_a_terminal_of_eighty_columns_is_enough(filled, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich take the output for a terminal
    monkeypatch.setenv("TERM", "dumb")
    lines = asked().stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("aa000000 ") and "converged" in line for line in lines)


# -- show ---------------------------------------------------------------------------------------


def test_show_tells_facts_settings_and_curves(filled):
    said = asked("show", "aa").stdout
    for words in (FIRST.id, FIRST.strategy, "0.96875", "k1", "chance", "torch       2.13.0"):
        assert words in said
    assert "training loss: first 2, last 0.25" in said
    assert "validation loss: first 2, last 0.3333" in said
    assert "lr: first 0.1, last 0\n" in said


def test_a_plot_rises_and_falls_with_its_values_between_its_two_numbers(filled):
    lines = asked("show", "aa").stdout.splitlines()
    start = lines.index("lr: first 0.1, last 0")
    top, bottom = lines[start + 1], lines[start + 4]
    # lr 0.1, 0.2, 0.1, 0 at updates 0 to 3, each drawn until the next: 64/3 columns for a third
    assert top.startswith("        0.2 ┤")
    assert bottom.startswith("          0 ┤")
    bars = top.split("┤")[1]
    assert bars.index("█") in range(20, 23)
    assert bars.rindex("█") in range(41, 44)
    assert bottom[-1] == "▁"
    assert lines[start + 6].split() == ["0", "update", "3"]


def test_a_loss_over_decades_is_drawn_on_a_log_scale(home):
    curve = Curve(update=np.arange(64.0), loss=np.logspace(4, -4, 64), lr=np.ones(64))
    with Store.open() as store:
        run = Run("c" * 12, "t", "s", 0, Outcome.STALLED, 64, 64, 1.0, 1.0, 1.0, curve)
        store.add(run, key="k", settings={})
    lines = asked("show", "c").stdout.splitlines()
    start = lines.index("training loss (log scale): first 1e+04, last 0.0001")
    widths = [len(line.split("┤")[-1].split("│")[-1]) for line in lines[start + 1 : start + 5]]
    # a straight fall in log: each of the four rows is a quarter of the 64 columns longer
    assert np.allclose(widths, [17, 33, 49, 64], atol=1)


def test_what_is_not_finite_is_counted_and_not_drawn(filled):
    said = asked("show", "ab").stdout
    assert "training loss: first 1, last 1; 2 of 3 values are not finite" in said
    assert "validation loss: nothing finite was recorded" in said
    assert "loss            –" in said


def test_a_run_without_any_row_is_shown(home):
    with Store.open() as store:
        run = Run("d" * 12, "t", "s", 0, Outcome.DIVERGED, 0, 0, np.nan, np.nan, 1.0, Curve())
        store.add(run, key="k", settings={})
    assert "lr: nothing finite was recorded" in asked("show", "d").stdout


def test_show_in_json_has_the_whole_curve(filled):
    shown = json.loads(asked("show", FIRST.id, "--json").stdout)
    assert shown["settings"] == SETTINGS
    assert shown["curve"]["val_loss"] == [2.0, 1 / 3]
    whole = [shown["curve"][name] for name in ("update", "eval_update")]
    assert repr(whole) == "[[0, 1, 2, 3], [0, 4]]"  # 0 == 0.0, but they are not written alike
    assert json.loads(asked("show", "ab", "--json").stdout)["curve"]["loss"] == [1.0, None, None]


def test_a_run_that_is_not_there_is_a_mistake(filled):
    assert "got 'zz', which no run" in refused("show", "zz")
    assert "'a' fits aa0000000001, ab0000000002" in refused("show", "a")


# -- export -------------------------------------------------------------------------------------


def test_csv_has_a_row_for_each_update_and_each_evaluation(filled):
    rows = table(asked("export", "aa").stdout)
    assert tuple(rows[0]) == HEADER
    assert [row["kind"] for row in rows] == ["update"] * 4 + ["evaluation"] * 2 + ["gain"]
    start = {"run": FIRST.id, "task": "digits", "strategy": FIRST.strategy, "seed": "0"}
    assert rows[1] == start | {
        "kind": "update",
        "update": "1",
        "lr": "0.2",
        "loss": "1.0",
        "grad_norm": "3.0",
        "update_ratio": "0.25",
        "val_loss": "",
        "val_metric": "",
        "val_spread": "",
        "gain_ratio": "",
        "zero_share": "",
    }
    assert rows[5] == start | {
        "kind": "evaluation",
        "update": "4",
        "lr": "",
        "loss": "",
        "grad_norm": "",
        "update_ratio": "",
        "val_loss": repr(1 / 3),  # every digit: it reads back as the same float64
        "val_metric": "0.96875",
        "val_spread": "0.5",
        "gain_ratio": "",
        "zero_share": "",
    }
    assert [rows[6][name] for name in ("update", "val_spread", "gain_ratio", "zero_share")] == [
        *("2", "", "0.75", "0.25")
    ]


def test_csv_keeps_what_is_not_finite_in_words(filled):
    rows = table(asked("export", "ab").stdout)
    assert [row["update_ratio"] for row in rows[:3]] == ["1.0", "-inf", "nan"]
    assert rows[3]["val_loss"] == "nan"


def test_all_runs_or_those_of_a_task_or_those_named_are_exported(filled):
    def ids(*words):
        return list(dict.fromkeys(row["run"] for row in table(asked("export", *words).stdout)))

    assert ids() == [SECOND.id, FIRST.id]
    assert ids("--task", "digits") == [FIRST.id]
    assert ids("aa", "ab", FIRST.id) == [FIRST.id, SECOND.id]
    assert asked("export", "aa", FIRST.id).stdout == asked("export", "aa").stdout  # once each


def test_json_export_is_a_list_of_what_show_gives(filled):
    exported = json.loads(asked("export", "--format", "json", "ab", "aa").stdout)
    assert exported == [
        json.loads(asked("show", run, "--json").stdout) for run in (SECOND.id, FIRST.id)
    ]


def test_a_file_appears_whole_and_alone(filled, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "runs.csv").write_text("old")
    result = asked("export", "--output", str(folder / "runs.csv"))
    assert result.stdout == ""
    assert "2 runs written" in result.stderr
    assert (folder / "runs.csv").read_text() == asked("export").stdout
    assert [file.name for file in folder.iterdir()] == ["runs.csv"]
    one = asked("export", FIRST.id, "--output", str(folder / "runs.csv"))
    assert "1 run written" in one.stderr


def test_an_export_that_fails_half_way_leaves_the_old_file_alone(filled, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "runs.csv").write_text("old")
    taken = Store.get

    def fails_at_the_second(store, run_id):
        if run_id == FIRST.id:
            raise EtudeError("the store went away")
        return taken(store, run_id)

    monkeypatch.setattr(Store, "get", fails_at_the_second)
    assert "went away" in refused("export", "--output", str(folder / "runs.csv"))
    assert (folder / "runs.csv").read_text() == "old"
    assert [file.name for file in folder.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize("place", [".", "missing/runs.csv", "runs.db/below"])
def test_a_file_that_cannot_be_written_is_a_mistake(filled, place):
    assert "give another --output" in refused("export", "--output", str(filled / place))


def test_a_device_is_written_to_and_not_replaced(filled, tmp_path):
    pipe = tmp_path / "pipe"
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(pipe)
    reader = subprocess.Popen(
        [sys.executable, "-c", f"print(open({str(pipe)!r}).read(), end='')"],
        stdout=subprocess.PIPE,
        text=True,
    )
    asked("export", "--output", str(pipe))
    assert reader.communicate()[0] == asked("export").stdout
    assert pipe.is_fifo()


def test_an_export_of_nothing_is_a_mistake(filled):
    assert "has no runs of task 'nothing'" in refused("export", "--task", "nothing")


def test_ids_and_a_task_at_once_are_a_mistake(filled):
    assert "not both" in refused("export", "aa", "--task", "digits")


# -- the store that is asked --------------------------------------------------------------------


@pytest.fixture
def other(filled, tmp_path):
    """A second store; it has the second run only, with other settings than the default store."""
    with Store.open(str(tmp_path / "other.db")) as store:
        store.add(SECOND, key="k", settings={"only": "here"})
    return str(tmp_path / "other.db")


def test_a_named_store_is_asked_and_not_the_default_one(other):
    assert [run["id"] for run in json.loads(asked("--json", "--store", other).stdout)] == [
        SECOND.id
    ]
    assert "only" in asked("show", "ab", "--store", other).stdout
    assert {row["run"] for row in table(asked("export", "--store", other).stdout)} == {SECOND.id}


def test_a_store_that_is_named_before_the_subcommand_is_asked_too(other):
    assert "only" in asked("--store", other, "show", "ab").stdout
    assert {row["run"] for row in table(asked("--store", other, "export").stdout)} == {SECOND.id}


def test_the_store_that_is_named_last_is_asked(filled, other):
    default = str(filled / "runs.db")
    assert "only" in asked("--store", default, "show", "ab", "--store", other).stdout


@pytest.mark.parametrize("words", [[], ["show", "aa"], ["export"]])
def test_a_store_that_cannot_be_opened_is_a_mistake(filled, words):
    (filled / "notes.txt").write_text("no database\n" * 100)
    for place, why in ((".", "is a folder"), ("notes.txt", "not a database")):
        said = refused(*words, "--store", str(filled / place))
        assert why in said
        assert said.count("\n") == 1


def test_an_empty_store_option_does_not_fall_back_to_the_default(filled):
    assert "got an empty text" in refused("--store", "")


@pytest.mark.parametrize("words", [["--json"], ["--task", "digits"], ["--limit", "3"]])
def test_an_option_of_the_list_before_a_subcommand_is_a_mistake(filled, words):
    assert f"{words[0]} before show would list runs" in refused(*words, "show", "aa")


def test_loading_the_command_loads_neither_torch_nor_the_database_library():
    code = "import sys, etude.cli.runs; print({'torch', 'sqlalchemy'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
