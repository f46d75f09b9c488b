import math
import sys
from types import ModuleType

import numpy as np
import pytest

from etude.errors import ScheduleError
from etude.schedules import from_json, function, parse


def test_a_function_is_asked_with_an_int_and_so_may_index_a_table():
    table = [1.0, 0.5, 0.25]
    schedule = function(lambda t: table[t], length=3)
    np.testing.assert_array_equal(schedule(np.arange(5)), [1, 0.5, 0.25, 0.25, 0.25])


def test_a_function_is_named_by_where_it_lives():
    schedule = function(math.sqrt)
    assert schedule == function("math:sqrt")
    assert str(schedule) == "function math:sqrt"
    assert schedule.to_json() == {"kind": "function", "function": "math:sqrt"}


def test_a_lambda_trains_but_cannot_be_written_out():
    schedule = function(lambda t: 1 / (t + 1), length=9)
    assert schedule(1) == 0.5
    for write in (str, type(schedule).to_json, type(schedule).source):
        with pytest.raises(ScheduleError, match="must be importable by name to be written out"):
            write(schedule)


def test_a_function_of_the_running_script_is_named_in_it(monkeypatch):
    def rate(t):
        return 0.5

    script = ModuleType("__main__")
    script.rate = rate
    monkeypatch.setitem(sys.modules, "__main__", script)
    rate.__qualname__ = "rate"
    for module in ("__main__", "__mp_main__"):  # the script's name, here and in a spawned worker
        rate.__module__ = module
        schedule = function(rate)
        assert str(schedule) == "function __main__:rate"
        assert parse(str(schedule)) == schedule == from_json(schedule.to_json())


def test_a_function_that_is_found_under_another_name_only_cannot_be_written_out():
    def sqrt(t):
        return 1.0

    sqrt.__module__, sqrt.__qualname__ = "math", "sqrt"
    with pytest.raises(ScheduleError, match="must be importable"):
        str(function(sqrt))


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.5])
def test_a_bad_value_is_refused_when_it_comes(value):
    with pytest.raises(ScheduleError, match=r"a multiplier must be finite and >= 0, got .* t = 3"):
        function(lambda t: value)(3)


@pytest.mark.parametrize("bad", ["math", "math:nothing", "no.such.module:f", "math:", ":f", ""])
def test_a_name_that_cannot_be_imported_is_refused(bad):
    with pytest.raises(ScheduleError, match=r"expected an importable 'package.module:function'"):
        function(bad)


def test_what_is_not_callable_is_refused():
    with pytest.raises(ScheduleError, match="must be callable or 'module:name', got 3"):
        function(3)
