"""`python -m etude.linter docs/lint.md` puts the rules' pages into the docs."""

import sys
from pathlib import Path

from etude.linter.manual import inserted, markdown

if len(sys.argv) > 1:
    page = Path(sys.argv[1])
    page.write_text(inserted(page.read_text(encoding="utf-8")), encoding="utf-8")
else:
    sys.stdout.write(markdown())
