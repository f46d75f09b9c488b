"""Code runs apart, with a limit, and what it shows is measured."""

import pytest

from etude.curriculum.experiments import Check
from etude.curriculum.snippets import Printed, measure, numbers, run_code


def test_what_code_prints_raises_and_warns_is_kept():
    code = "import warnings\nprint('lr 0.5')\nwarnings.warn('mind')\nraise KeyError('x')"
    assert run_code(code, seconds=60) == Printed("lr 0.5\n", "KeyError", "'x'", ("mind",))


def test_pieces_do_not_see_each_other_and_draw_the_same():
    code = (
        "import torch\ntorch.x = getattr(torch, 'x', 0) + 1\nprint(torch.x, torch.rand(1).item())"
    )
    assert run_code(code, seconds=60) == run_code(code, seconds=60)


def test_code_that_does_not_end_is_ended_and_the_next_runs():
    assert run_code("while True: pass", seconds=1).raised == "Timeout"
    assert run_code("print(1)", seconds=60).output == "1\n"


def test_a_process_that_dies_is_told():
    assert run_code("import os; os._exit(3)", seconds=60).raised == "Crash"
    assert run_code("print(2)", seconds=60).output == "2\n"


def test_numbers_are_the_last_of_each_line_that_begins_with_the_name():
    output = "lr 0.1\nlr: 5e-2\nlr-max 3\nepoch 1 loss 0.25\nlr nan inf\n"
    assert numbers(output, "lr")[:2] == [0.1, 0.05]
    assert numbers(output, "epoch") == [0.25]
    assert numbers("0.1 0.2\nwords\n", "") == [0.2]


@pytest.mark.parametrize(
    ("name", "settings", "value"),
    [
        ("values", {}, (1.0, 0.5, 0.75)),
        ("printed", {"name": "a"}, 0.75),
        ("last_over_first", {}, 0.75),
        ("rises", {}, 1.0),
        ("raises", {}, "none"),
        ("warns", {}, "one; two"),
        ("output", {}, "a 1\na 0.5\na 0.75\n"),
    ],
)
def test_measures(name, settings, value):
    printed = Printed("a 1\na 0.5\na 0.75\n", warned=("one", "two"))
    check = Check(id="c", snippet="s", measure=name, equals=0, says="", **settings)
    assert measure(printed, check) == value
