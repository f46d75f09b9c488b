"""`etude.strategies.grid`: every combination."""

import pytest

from etude.errors import StrategyError
from etude.strategies import grid, strategy


def test_a_grid_is_every_combination_in_order():
    found = grid(["sgd", "adamw"], lr=[0.1, 0.2], schedule=["constant", "cosine"])
    assert len(found) == 8
    assert found[0] == strategy("sgd lr=0.1 constant")
    assert found[1] == strategy("sgd lr=0.1 cosine")
    assert found[-1] == strategy("adamw lr=0.2 cosine")


def test_options_can_be_axes_and_a_tuple_is_one_value():
    found = grid("adamw", lr=0.1, wd=[0.0, 0.1], betas=(0.9, 0.95), batch_size=[16, 32])
    assert len(found) == 4
    assert {dict(s.options)["betas"] for s in found} == {(0.9, 0.95)}


def test_doubles_are_left_out():
    assert len(grid("sgd", lr=[0.1, 0.1])) == 1


def test_an_empty_axis_is_refused():
    with pytest.raises(StrategyError, match="at least one lr"):
        grid("sgd", lr=[])
