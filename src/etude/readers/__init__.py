"""Other tools' logs, and étude's own store, as runs: one format a file.

A reader gives named series; `columns.py` guesses which of them is what, for all formats alike.
Nothing that is read is executed: there is no pickle here, and no length is believed.
"""

from etude.readers.answer import diagnose, stored_logs
from etude.readers.columns import Override
from etude.readers.find import FORMS, Found, read

__all__ = ["FORMS", "Found", "Override", "diagnose", "read", "stored_logs"]
