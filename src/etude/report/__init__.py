"""Shows answers to people: in the terminal, and as one HTML file that needs no network.

This room reads `etude.records.Comparison`, `Found` and `Diagnosis`, and computes nothing that is
not in them.
"""

from etude.report.diagnosis import show_diagnosis
from etude.report.diagnosis_page import diagnosis_page
from etude.report.files import open_atomically, write_text_atomically
from etude.report.found import show_found
from etude.report.found_page import found_page
from etude.report.html import page
from etude.report.probed import probe_page, probe_svg, show_probe
from etude.report.terminal import show

__all__ = [
    "diagnosis_page",
    "found_page",
    "open_atomically",
    "page",
    "probe_page",
    "probe_svg",
    "show",
    "show_diagnosis",
    "show_found",
    "show_probe",
    "write_text_atomically",
]
