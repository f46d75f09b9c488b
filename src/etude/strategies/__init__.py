"""Strategies: an optimizer, its peak lr and options, and the schedule that moves the lr.

A strategy is a value: it compares, hashes, reads and prints as text, and writes itself as PyTorch
code. Only `build_optimizer` needs torch.
"""

from etude.strategies.grid import grid
from etude.strategies.optimizers import OPTIMIZERS, build_optimizer
from etude.strategies.scaling import scale_lr
from etude.strategies.strategy import Strategy, strategy

__all__ = ["OPTIMIZERS", "Strategy", "build_optimizer", "grid", "scale_lr", "strategy"]
