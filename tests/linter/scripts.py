"""Scripts with mistakes as one meets them, by someone who had not read the rules.

`scripts_first.py` and `scripts_second.py` have them, in the manner of public code for PyTorch,
Lightning, transformers, accelerate and timm. What no rule sees has no code: timm's `step()` without
an epoch, and milestones beyond epochs where both are defaults of argparse.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """A script with a mistake."""

    name: str
    code: str
    """The rule that sees it; empty where none does."""
    wrong: str
    cures: tuple[tuple[str, str], ...]
    """What is wrong, and what to write there instead."""

    @property
    def right(self) -> str:
        """The script without the mistake."""
        text = self.wrong
        for wrong, right in self.cures:
            if wrong not in text:
                raise ValueError(f"{self.name} has no {wrong!r}")
            text = text.replace(wrong, right)
        return text
