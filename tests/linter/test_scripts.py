"""The rules on scripts by someone who had not read them: what is seen stays seen."""

import ast

import pytest
from scripts_first import FIRST
from scripts_second import SECOND

from etude.linter import lint
from etude.records import Level

SCRIPTS = FIRST + SECOND


def found(source):
    return {remark.code for remark in lint(source) if remark.level is not Level.HINT}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_mistake_is_seen_where_a_rule_is_for_it(script):
    codes = {remark.code for remark in lint(script.wrong)}
    assert script.code in codes if script.code else found(script.wrong) == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_cure_is_left_alone(script):
    ast.parse(script.right)
    assert script.code not in {remark.code for remark in lint(script.right)}
    assert found(script.right) == set()
