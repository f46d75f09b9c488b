"""The rules, one per file; a file's docstring is the rule's manual page.

Codes are stable for ever: a rule that goes leaves its number empty.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from etude.linter.facts import Facts
from etude.linter.record import Remark
from etude.linter.rules import (
    lr101_wrong_keyword,
    lr102_never_stepped,
    lr103_scheduler_first,
    lr104_unit_mismatch,
    lr105_other_optimizer,
    lr106_no_zero_grad,
    lr107_plateau_misused,
    lr108_one_cycle_length,
    lr109_optimizer_rebuilt,
    lr110_unusual_rate,
    lr111_swapped_positions,
    lr112_scheduler_not_saved,
    lr113_clip_misplaced,
    lr114_clip_scaled,
    lr115_accumulation,
    lr116_outdated_call,
    lr117_wrong_length,
    lr118_lightning_interval,
    lr119_warmup_ignored,
    lr120_decay_per_batch,
    lr121_no_warmup,
    lr122_no_such_class,
    lr123_cycle_overwrites,
    lr124_chained_override,
    lr125_two_schedulers,
    lr126_resume_order,
    lr127_negated_metric,
    lr128_impossible_rate,
    lr129_adam_without_schedule,
    lr130_rate_not_multiplier,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A code, what it is called, its page, and the question that it asks."""

    code: str
    name: str
    page: str
    check: Callable[[Facts], Iterator[Remark]]

    @property
    def title(self) -> str:
        """The first sentence of its page."""
        return self.page.split("\n", 1)[0]


def _rule(module: ModuleType) -> Rule:
    return Rule(module.CODE, module.NAME, (module.__doc__ or "").strip(), module.check)


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in map(
        _rule,
        (
            lr101_wrong_keyword,
            lr102_never_stepped,
            lr103_scheduler_first,
            lr104_unit_mismatch,
            lr105_other_optimizer,
            lr106_no_zero_grad,
            lr107_plateau_misused,
            lr108_one_cycle_length,
            lr109_optimizer_rebuilt,
            lr110_unusual_rate,
            lr111_swapped_positions,
            lr112_scheduler_not_saved,
            lr113_clip_misplaced,
            lr114_clip_scaled,
            lr115_accumulation,
            lr116_outdated_call,
            lr117_wrong_length,
            lr118_lightning_interval,
            lr119_warmup_ignored,
            lr120_decay_per_batch,
            lr121_no_warmup,
            lr122_no_such_class,
            lr123_cycle_overwrites,
            lr124_chained_override,
            lr125_two_schedulers,
            lr126_resume_order,
            lr127_negated_metric,
            lr128_impossible_rate,
            lr129_adam_without_schedule,
            lr130_rate_not_multiplier,
        ),
    )
}
"""Every rule by its code."""


def pages() -> dict[str, tuple[str, str]]:
    """Give the title and the manual page of every rule, by its code."""
    return {rule.code: (rule.title, rule.page) for rule in RULES.values()}
