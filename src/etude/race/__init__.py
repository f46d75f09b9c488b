"""Comparisons: which strategies run, how they are ranked, and what is said about it."""

from etude.jobs import Listener
from etude.race.compare import compare
from etude.race.design import default_strategies

__all__ = ["Listener", "compare", "default_strategies"]
