"""The conventions table of the docs, from the importers themselves.

python -m etude.schedules.conventions                      # prints the tables
python -m etude.schedules.conventions docs/schedules.md    # puts them into the page
"""

import re
from collections.abc import Iterator

from etude.schedules.conventions.calls import LIBRARIES, read

UPDATES = 10
SHOWN = (0, 1, 2, 3, 4, 9, 10, 11)
SAME_WORDS = (
    "warmup 3 -> cosine",
    "torch: SequentialLR([LinearLR(0.1, total_iters=3), CosineAnnealingLR(7)], milestones=[3])",
    "torch: OneCycleLR(max_lr=1, total_steps=10, cycle_momentum=False)",
    "hf: cosine warmup=3",
    "hf: cosine_warmup_with_min_lr warmup=3 min_lr=0",
    "timm: cosine warmup=3",
    "timm: cosine warmup=3 total=7 warmup_prefix=true",
    "optax: warmup_cosine_decay_schedule(0, 1, 3, 10)",
    "keras: CosineDecay(0, 7, warmup_target=1, warmup_steps=3)",
    "megatron: cosine warmup=3",
    "deepspeed: WarmupCosineLR warmup=3 cos_min_ratio=0",
    "deepspeed: WarmupCosineLR warmup=3 cos_min_ratio=0 warmup_type=linear",
)
"""A warmup of 3 and a cosine to 0 at 10, as each library writes it."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "torch": (
        "StepLR(30, gamma=0.5)",
        "MultiStepLR([30, 60])",
        "ConstantLR(0.1, total_iters=5)",
        "LinearLR(0.1, total_iters=5)",
        "ExponentialLR(0.99)",
        "PolynomialLR(50, power=2)",
        "CosineAnnealingLR(100)",
        "CosineAnnealingWarmRestarts(10, T_mult=2)",
        "CyclicLR(0.1, 1, step_size_up=10)",
        "OneCycleLR(1, total_steps=100)",
        "SWALR(0.05, anneal_epochs=10)",
        "SequentialLR([LinearLR(0.1, total_iters=5), ExponentialLR(0.9)], milestones=[5])",
        "ChainedScheduler([LinearLR(0.1, total_iters=5), CosineAnnealingLR(100)])",
    ),
    "hf": (
        "linear warmup=10",
        "cosine warmup=10",
        "cosine_with_restarts warmup=10 num_cycles=3",
        "polynomial warmup=10 power=2",
        "constant",
        "constant_with_warmup warmup=10",
        "inverse_sqrt warmup=10",
        "cosine_with_min_lr warmup=10 min_lr_rate=0.1",
        "cosine_warmup_with_min_lr warmup=10 min_lr_rate=0.1",
        "warmup_stable_decay warmup=10 num_decay_steps=20",
    ),
    "timm": (
        "cosine warmup=5 warmup_lr_init=0.01",
        "cosine total=20 cycle_mul=2 cycle_limit=2",
        "tanh",
        "step decay_t=30 decay_rate=0.1 warmup=5",
        "multistep decay_t=[30,60] decay_rate=0.1",
        "poly power=2",
        "wsd decay_t=20 warmup=5",
    ),
    "optax": (
        "constant_schedule(0.1)",
        "linear_schedule(1, 0, 100)",
        "polynomial_schedule(1, 0, 2, 100)",
        "piecewise_constant_schedule(1, {30: 0.1, 60: 0.1})",
        "piecewise_interpolate_schedule('linear', 1, {30: 0.5, 60: 0.1})",
        "exponential_decay(1, 10, 0.5, end_value=0.1)",
        "cosine_decay_schedule(1, 100, alpha=0.1)",
        "linear_onecycle_schedule(100, 1)",
        "cosine_onecycle_schedule(100, 1)",
        "warmup_constant_schedule(0, 1, 10)",
        "warmup_cosine_decay_schedule(0, 1, 10, 100)",
        "warmup_exponential_decay_schedule(0, 1, 10, 10, 0.5)",
        "sgdr_schedule([{'init_value': 0, 'peak_value': 1, 'warmup_steps': 5, 'decay_steps': 40}])",
        "join_schedules([linear_schedule(0, 1, 10), cosine_decay_schedule(1, 90)], [10])",
    ),
    "keras": (
        "ExponentialDecay(1, 10, 0.5)",
        "PiecewiseConstantDecay([30, 60], [1, 0.1, 0.01])",
        "PolynomialDecay(1, 100, 0)",
        "InverseTimeDecay(1, 10, 0.5)",
        "CosineDecay(0, 90, warmup_target=1, warmup_steps=10)",
        "CosineDecayRestarts(1, 10)",
        "constant(0.1)",
    ),
    "deepspeed": (
        "WarmupLR warmup=10",
        "WarmupDecayLR warmup=10",
        "WarmupCosineLR warmup=10",
        "LRRangeTest lr_range_test_step_size=10",
        "OneCycle cycle_min_lr=0.1 cycle_max_lr=1 cycle_first_step_size=10",
    ),
    "megatron": (
        "constant warmup=10",
        "linear warmup=10",
        "cosine warmup=10",
        "inverse-square-root warmup=10",
        "WSD warmup=10 wsd_decay_steps=20 lr_wsd_decay_style=exponential",
    ),
}
"""A call of every importer, for a run of 100 updates."""

BEGIN, END = "<!-- conventions: generated -->", "<!-- conventions: end -->"


def markdown() -> str:
    """Give the tables in Markdown."""
    return "\n".join([*_same_words(), "", *_every_name(), ""])


def inserted(page: str) -> str:
    """Give a page with the tables between its two marks."""
    return re.sub(
        f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{markdown()}\n{END}", page, flags=re.DOTALL
    )


def _same_words() -> Iterator[str]:
    curves = {text: read(text, UPDATES) for text in SAME_WORDS}
    rows = {
        text: tuple(round(found.schedule(t), 9) for t in range(SHOWN[-1] + 1))
        for text, found in curves.items()
    }
    yield (
        f"### The same words, {len(set(rows.values()))} curves\n\n"
        "A warmup of 3 updates and a cosine to 0 at update 10, as each library writes it; the "
        "multiplier of update *t*, also past the end.\n"
    )
    yield f"| written | {' | '.join(map(str, SHOWN))} | what is otherwise |"
    yield f"|---|{'--:|' * len(SHOWN)}---|"
    for text, found in curves.items():
        cells = " | ".join(_short(rows[text][t]) for t in SHOWN)
        yield f"| `{text}` | {cells} | {'; '.join(found.differences(UPDATES)) or '–'} |"


def _every_name() -> Iterator[str]:
    yield "### Every name that is read\n"
    yield "An example each, in a run of 100 updates, with what it is in étude's words.\n"
    for library in LIBRARIES:
        yield f"| `{library}:` | étude | what is otherwise |"
        yield "|---|---|---|"
        for call in EXAMPLES[library]:
            found = read(f"{library}: {call}", 100)
            told = "; ".join(found.differences(100)) or "–"
            yield f"| `{call}` | `{found.schedule}` | {told} |"
        yield ""


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value else "0"
