"""The corpus lies beside its tests, where the benchmark finds it as well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
