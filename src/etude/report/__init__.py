"""Shows answers to people: in the terminal, and as one HTML file that needs no network.

This room reads `etude.records.Comparison`, `Found` and `Diagnosis`, and computes nothing that is
not in them. Pages and charts are loaded when they are first asked for: `etude lint` needs neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etude.report.diagnosis import show_diagnosis
    from etude.report.diagnosis_html import diagnosis_page
    from etude.report.files import open_atomically, write_text_atomically
    from etude.report.found import show_found
    from etude.report.found_html import found_page
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

_WHERE = {  # no file has a function's name, or importing it would put it in the function's place
    "diagnosis_page": "diagnosis_html",
    "found_page": "found_html",
    "open_atomically": "files",
    "page": "html",
    "probe_page": "probed",
    "probe_svg": "probed",
    "show": "terminal",
    "show_diagnosis": "diagnosis",
    "show_found": "found",
    "show_probe": "probed",
    "write_text_atomically": "files",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    if name in _WHERE:
        return getattr(import_module(f"etude.report.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'etude.report' has no attribute {name!r}")
