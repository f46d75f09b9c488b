"""Comparisons: which strategies run, how they are ranked, and what is said about it."""

from etude.race.compare import Listener, compare
from etude.race.design import default_strategies

__all__ = ["Listener", "compare", "default_strategies"]
