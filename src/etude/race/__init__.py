"""Comparisons: which strategies run, how they are ranked, and what is said about it."""

from etude.race.compare import compare
from etude.race.design import default_strategies
from etude.race.job import Listener

__all__ = ["Listener", "compare", "default_strategies"]
