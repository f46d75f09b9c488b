"""`etude.lab.setup` and `limits`: a link holds the whole experiment, and no number is unbounded."""

from contextlib import suppress
from urllib.parse import parse_qs

import pytest

pytest.importorskip("fastapi", reason="needs the extra learn")

from hypothesis import given
from hypothesis import strategies as st

from etude.errors import EtudeError, LabError
from etude.lab import limits
from etude.lab.setup import Facts, read_setup

TASKS = {"digits": Facts("digits", "images", 600, 64), "seed-line": Facts("seed-line", "", 200, 3)}


def read(given, *texts):
    return read_setup(given, texts or ["sgd lr=0.1"], TASKS)


def from_link(setup):
    found = parse_qs(setup.query)
    return read_setup({name: values[0] for name, values in found.items()}, found["s"], TASKS)


def test_a_link_gives_the_same_experiment_back():
    setup = read(
        {"task": "seed-line", "seeds": "2", "batch": "2"}, "sgd lr=.1", "adamw lr=1e-3 cosine"
    )
    assert from_link(setup) == setup
    assert from_link(setup).id == setup.id


def test_so_does_the_link_of_a_fork_test():
    setup = read({"fork_at": "300", "fork_seed": "1"}, "sgd lr=0.1", "sgd lr=0.2")
    assert setup.fork.at == 300
    assert from_link(setup) == setup
    assert setup.whole.fork is None


def test_what_is_left_out_is_the_tasks():
    setup = read({})
    assert (setup.task, setup.updates, setup.seeds, setup.batch_size) == ("digits", 600, 3, None)


def test_a_strategy_that_is_there_twice_counts_once():
    assert read({}, "sgd lr=0.1", "sgd lr=.1", "").strategies == ("sgd lr=0.1 constant",)


@pytest.mark.parametrize(
    "field",
    [
        {"task": "train.py:task"},
        {"task": "../../etc/passwd"},
        {"seeds": "0"},
        {"seeds": "6"},
        {"seeds": "1e9"},
        {"seeds": "-1"},
        {"seeds": "٣"},  # a digit, but none of ours
        {"updates": "5001"},
        {"updates": "nan"},
        {"batch": "4097"},
        {"updates": "5000", "seeds": "5"},
        {"fork_at": "600"},
        {"fork_at": "1", "fork_strategy": "1"},
    ],
)
def test_numbers_beyond_their_bounds_are_refused_in_a_sentence(field):
    texts = ["sgd lr=0.1", "sgd lr=0.2", "sgd lr=0.3"] if "seeds" in field else ["sgd lr=0.1"]
    with pytest.raises(LabError, match=r"must|may"):
        read(field, *texts)


def test_at_most_six_strategies_fit():
    with pytest.raises(LabError, match="at most 6"):
        read({"seeds": "1"}, *(f"sgd lr=0.{n}" for n in range(1, 8)))


@pytest.mark.parametrize(
    "text", ["sgd lr=0.1 function os:getcwd", "sgd lr=0.1 FUNCTION os:getcwd", "function os:getcwd"]
)
def test_no_text_of_a_page_imports_a_module(text):
    with pytest.raises(LabError, match="not a Python function"):
        read({}, text)


@given(st.text(max_size=400))
def test_whatever_is_typed_gives_a_setup_or_a_sentence(words):
    with suppress(EtudeError):  # any other exception fails the test
        assert len(read({"task": "digits"}, words).strategies) <= 1


@given(st.text(max_size=30))
def test_a_whole_number_is_within_its_bounds_or_refused(words):
    try:
        found = limits.whole({"n": words}, "n", least=1, most=9, usual=5)
    except LabError:
        return
    assert 1 <= found <= 9


@pytest.mark.parametrize("words", ["nan", "inf", "-1", "1e4", "x", "0x10"])
def test_a_number_is_finite_and_within_its_bounds(words):
    with pytest.raises(LabError, match="from 0 to 1"):
        limits.real({"n": words}, "n", least=0, most=1)


def test_the_command_is_one_for_a_shell():
    assert read({"seeds": "1"}, "sgd lr=0.1 warmup 5% -> cosine").command == (
        "etude compare digits --strategy 'sgd lr=0.1 warmup 5% -> cosine' --exhaustive"
        " --seeds 1 --updates 600"
    )
