"""Hugging Face's `trainer_state.json`: the `log_history` that a Trainer saves.

Its Trainer replaces a loss that is not finite by the running average before it logs it
(`logging_nan_inf_filter`, on by default), so such steps show in the gradient norm alone.
"""

from pathlib import Path
from typing import Any

from etude.errors import LogError
from etude.readers.series import Raw, from_rows, number

FORM = "huggingface"


def claims(document: Any) -> bool:
    """Tell a trainer's state by its history."""
    return isinstance(document, dict) and isinstance(document.get("log_history"), list)


def read(path: Path, document: dict[str, Any], step: str | None = None) -> list[Raw]:
    """Read the history; `train_loss`, the mean of the whole run that its last entry has, is none.

    Raises:
        LogError: it is empty.
    """
    rows = [_row(entry) for entry in document["log_history"] if isinstance(entry, dict)]
    if not any(rows):
        raise LogError(f"a trainer's state must have a log_history with entries; {path} has none")
    series, unit, counter, notes = from_rows(rows, step=step)
    filtered = (
        "Hugging Face's Trainer logs the running average in place of a loss that is not finite;"
        " only grad_norm shows such steps"
    )
    return [Raw(path.parent.name, str(path), FORM, series, unit, counter, notes=(*notes, filtered))]


def _row(entry: dict[str, Any]) -> dict[str, float]:
    row = {str(key): number(value) for key, value in entry.items() if key != "train_loss"}
    return {key: value for key, value in row.items() if value is not None}
