"""The fork test: copies of a run go on at several rates from the same point, and one looks.

A loss that stands still looks the same whether its lr is too high, too low, or not what is wrong.
An experiment tells them apart.
"""

from etude.probe.probe import FACTORS, probe

__all__ = ["FACTORS", "probe"]
