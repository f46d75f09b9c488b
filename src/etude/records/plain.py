"""From records to what JSON can hold."""

from enum import StrEnum
from typing import Any

import numpy as np


def finite(value: float) -> float | None:
    """Give a number that JSON can hold: itself when finite, else None."""
    return value if np.isfinite(value) else None


def plain(value: Any) -> Any:
    """Turn a record's parts into what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, StrEnum):
        return str(value)
    return finite(value) if isinstance(value, float) else value
