"""Shows a comparison to people: in the terminal, and as one HTML file that needs no network.

This room reads `etude.records.Comparison` and computes nothing that is not in it.
"""

from etude.report.files import open_atomically, write_text_atomically
from etude.report.html import page
from etude.report.terminal import show

__all__ = ["open_atomically", "page", "show", "write_text_atomically"]
