import pytest

from etude.errors import ScheduleError
from etude.schedules import cosine, parse, step, warmup
from etude.schedules.conventions import read


def test_etude_s_own_text_is_bound_to_the_run():
    found = read("warmup 5% -> cosine", 100)
    assert (found.library, found.peak_lr, found.notes) == ("étude", None, ())
    assert found.schedule == warmup(5) >> cosine(95)
    assert read("warmup 1ep -> cosine", 100, epoch=10).schedule == warmup(10) >> cosine(90)
    assert read("points 0:0.1,50%:1", 100).library == "étude"


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("torch: StepLR(30, gamma=0.5)", "step 30 gamma=0.5"),
        ("  torch :  StepLR step_size=30 gamma=0.5 ", "step 30 gamma=0.5"),
        ("pytorch: torch.optim.lr_scheduler.StepLR(optimizer, 30)", "step 30"),
        ("torch: StepLR(optimizer=opt, step_size=30)", "step 30"),
        ("Torch: StepLR(step_size\n=30,)", "step 30"),
        ("hf: cosine warmup=3 total=10", "warmup 3 start=0 -> cosine-wave 7"),
        ("transformers: cosine(num_warmup_steps=3)", "warmup 3 start=0 -> cosine-wave 37"),
        ("timm: wsd total=40 decay_t=3 decay_fn=1-sqrt", "constant 37 -> 1-sqrt 3"),
        ("timm: multistep decay_t=[30, 60]", "multistep 29,59 gamma=1"),
        ("timm: cosine warmup=3 warmup_prefix=true", "warmup 3 start=0 -> cosine 40"),
        (
            "optax: piecewise_constant_schedule(1.0, {30: 0.5, 60: 0})",
            "constant 30 -> constant 30 value=0.5 -> constant value=0",
        ),
        (
            "megatron: WSD warmup=3 wsd_decay_steps=7 lr_wsd_decay_style=linear",
            "warmup 3 start=0 -> constant 30 -> linear 7",
        ),
        ("megatron: inverse-square-root(lr_warmup_steps=4, lr_decay_steps=9)", None),
    ],
)
def test_a_library_s_schedule_reads_as_words_or_as_a_call(text, schedule):
    found = read(text, 40)
    if schedule is not None:
        assert str(found.schedule) == str(parse(schedule))


def test_the_run_and_the_lr_fill_in_what_a_library_asks_for():
    assert read("hf: linear", 70).end == 70
    assert read("hf: linear total=30", 70).end == 30
    assert read("torch: OneCycleLR(max_lr=0.1)", 70).end == 69
    cosine = "torch: CosineAnnealingLR(9, eta_min=0.01{})"
    assert read(cosine.format(""), 70, lr=0.1).schedule(9) == pytest.approx(0.1)
    assert read(cosine.format(", lr=1"), 70, lr=0.1).schedule(9) == pytest.approx(0.01)


def test_a_scheduler_in_another_reads_as_a_call():
    text = "torch: SequentialLR([LinearLR(0.1, total_iters=3), StepLR(5)], milestones=[3])"
    assert read(text, 40).schedule == warmup(3, start=0.1) >> step(5)
    joined = "optax: join_schedules([optax.linear_schedule(0, 2, 9), constant_schedule(1)], [9])"
    found = read(joined, 40)
    assert (found.peak_lr, found.schedule(9)) == (2.0, 0.5)


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("torhc: StepLR(3)", "unknown library 'torhc'; did you mean 'torch'", 0),
        ("torch: StepLr(3)", "unknown schedule 'StepLr'; did you mean 'StepLR'", 7),
        ("torch:", "unknown schedule ''", 6),
        ("torch: StepLR(3, gama=.1)", "StepLR has no 'gama'; did you mean 'gamma'", 17),
        ("torch: StepLR(3, gamma=x)", "expected a number, a word in quotes", 23),
        ("torch: StepLR(__import__('os').system('x'))", "unknown schedule", 14),
        ("torch: StepLR(3 + 4)", "expected a number, a word in quotes", 14),
        ("torch: StepLR([t for t in 'x'])", "expected a number, a word in quotes", 14),
        ("torch: StepLR(**{'step_size': 3})", "expected key=value here", 16),
        ("torch: StepLR({x: 1})", "expected a number or a word in quotes as key", 14),
        ("torch: StepLR(3, 0.1, 7)", "takes at most 2 values without a name", 7),
        ("torch: StepLR(3, step_size=4)", "has its step_size already", 17),
        ("torch: StepLR()", "StepLR needs step_size", 7),
        ("torch: StepLR(3,", "expected a Python value", 13),
        ("torch: StepLR(3)(4)", "expected one call and no more", 7),
        ("torch: StepLR('a')", "step_size must be a whole number of updates, got 'a'", 7),
        ("torch: MultiStepLR(3)", "has a setting of the wrong kind", 7),
        ("torch: SequentialLR([StepLR(0)], [])", "step_size must be at least 1", 21),
        ("hf: cosine warmup", "expected key=value here", 11),
        ("hf: cosine warmup=", "expected a value for warmup", 18),
        ("hf: cosine warmup=3 warmup=4", "has its num_warmup_steps already", 20),
        ("hf: cosine warmup=3)", "expected a Python value", 19),
        ("hf: greedy", "greedy reacts to a metric", 4),
        ("timm: plateau", "plateau reacts to a metric", 6),
        ("hf: cosine_with_min_lr", "exactly one of min_lr and min_lr_rate", 4),
        ("optax: constant_schedule(value=0)", "value must be a rate above 0", 7),
        ("hf: çosine", "unknown schedule 'çosine'", 4),
        ("torch: StepLR('é', gama=3)", "has no 'gama'", 19),
    ],
)
def test_a_mistake_is_pointed_at(text, why, at):
    with pytest.raises(ScheduleError) as caught:
        read(text, 40)
    message, shown, pointer = str(caught.value).splitlines()
    assert why in message
    assert shown == f"  {text}"
    assert pointer.index("^") - 2 == at


@pytest.mark.parametrize("text", ["torch: StepLR(" + "[" * 3000, "torch: S(" + "-" * 3900 + "1)"])
def test_a_text_that_would_exhaust_the_parser_is_refused(text):
    with pytest.raises(ScheduleError):
        read(text, 40)
    with pytest.raises(ScheduleError, match="at most 4000 characters"):
        read("torch: StepLR(" + " " * 5000 + "3)", 40)


@pytest.mark.parametrize(
    "growing", ["torch: ExponentialLR(1.5)", "keras: ExponentialDecay(1, 1, 9)"]
)
def test_growth_holds_at_the_end_of_the_run_or_is_refused(growing):
    found = read(growing, 20)
    assert found.schedule(20) == found.schedule(99)
    with pytest.raises(ScheduleError, match="outgrows a float"):
        read(growing, 100_000)
