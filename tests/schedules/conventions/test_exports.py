import pytest
import torch
from torch.optim import SGD

from etude.errors import ScheduleError
from etude.schedules import function, parse
from etude.schedules.conventions import read
from etude.schedules.conventions.exports import to_hf_code, to_torch_code

PEAK, UPDATES = 0.3, 40
NATIVE = {
    "constant": "ConstantLR",
    "0.5": "ConstantLR",
    "warmup 3 -> cosine": "SequentialLR",
    "warmup 1 -> linear to 0.2": "SequentialLR",
    "warmup 3 start=0.2 -> constant -> linear 20%": "SequentialLR",
    "warmup 3 -> cosine to 0.1": "SequentialLR",
    "cosine": "CosineAnnealingLR",
    "cosine-wave 5": "CosineAnnealingLR",
    "step 7 gamma=0.5": "StepLR",
    "multistep 3 7": "MultiStepLR",
    "exponential gamma=0.1": "ExponentialLR",
    "exponential gamma=0.9 every=2": "ExponentialLR",
    "polynomial power=2": "PolynomialLR",
    "restarts 3 mult=2 end=0.1": "CosineAnnealingWarmRestarts",
    "cyclic 3 down=5 mode=triangular2": "CyclicLR",
    "one-cycle": "OneCycleLR",
    "one-cycle three_phase=true up=0.4 shape=linear": "OneCycleLR",
    "wsd": None,
    "warmup 5 start=0 -> inverse-sqrt 5": None,
    "0.5 * cosine": None,
    "restarts 3 decay=0.5": None,
    "(cosine 50)[3:]": None,
    "one-cycle up=0.01": None,
}


@pytest.mark.parametrize(("text", "name"), NATIVE.items())
def test_torch_code_gives_the_same_rates(text, name):
    schedule = parse(text).bind(UPDATES)
    written = to_torch_code(schedule, peak_lr=PEAK)
    assert written.name == name
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK, momentum=0.9)
    names = {"optimizer": optimizer}
    exec(written.code, names)
    for t in range(UPDATES):
        lr = optimizer.param_groups[0]["lr"]
        assert lr == pytest.approx(PEAK * schedule(t), rel=1e-6, abs=1e-10)
        optimizer.step()
        names["scheduler"].step()
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_without_a_peak_no_class_with_absolute_rates_is_chosen():
    for text in ("cosine to 0.1", "one-cycle", "cyclic 3"):
        assert to_torch_code(parse(text).bind(40)).name is None


def test_torch_code_says_what_comes_after_the_end():
    said = " ".join(to_torch_code(parse("warmup 3 -> cosine").bind(40)).differences)
    assert "after the schedule's end torch climbs back" in said
    said = " ".join(to_torch_code(parse("one-cycle").bind(40), peak_lr=1.0).differences)
    assert "holds absolute rates" in said
    assert "raises an error two updates after the end" in said
    assert to_torch_code(parse("wsd").bind(40)).differences == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("constant", "constant"),
        ("warmup 3 start=0 -> constant", "constant_with_warmup"),
        ("warmup 3 start=0 -> linear", "linear"),
        ("linear", "linear"),
        ("warmup 3 start=0 -> cosine", "cosine"),
        ("warmup 3 start=0 -> cosine to 0.1", "cosine_with_min_lr"),
        ("cosine-wave 10", "cosine"),
        ("warmup 3 start=0 -> cosine-wave 9 end=0.1", "cosine_with_min_lr"),
        ("warmup 3 start=0 -> inverse-sqrt 5", "inverse_sqrt"),
        ("polynomial power=2", "polynomial"),
        ("warmup 3 start=0 -> constant -> 1-sqrt 8", "warmup_stable_decay"),
        ("warmup 3 start=0.2 -> constant -> cosine 8 end=0.2", "warmup_stable_decay"),
        ("hf-restarts 40 cycles=3", "cosine_with_restarts"),
    ],
)
def test_a_name_of_transformers_is_given_where_its_values_are_the_same(text, name):
    schedule = parse(text).bind(UPDATES)
    written = to_hf_code(schedule, UPDATES, peak_lr=PEAK)
    assert written.name == name
    assert f"lr_scheduler_type={name!r}" in written.code
    assert written.differences == ()
    compile(written.code, "code", "exec")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        # hf starts at 0 where étude has 1/3, and so at every update of the warmup
        ("warmup 3 -> cosine", "'cosine' is nearest: 0.333 of the peak apart at update 0"),
        ("step 30", "transformers has nothing like it"),
    ],
)
def test_where_no_name_is_the_same_the_code_uses_etude(text, nearest):
    written = to_hf_code(parse(text).bind(UPDATES), UPDATES)
    assert written.name is None
    assert "optimizers=(optimizer, Scheduler(optimizer, schedule))" in written.code
    assert nearest in written.differences[0]


@pytest.mark.parametrize("name", ["linear", "cosine", "inverse_sqrt", "cosine_with_restarts"])
def test_what_came_from_transformers_goes_back(name):
    found = read(f"hf: {name} warmup=4", UPDATES)
    assert to_hf_code(found.schedule, UPDATES).name == name


def test_what_is_not_bound_or_has_no_name_cannot_be_written():
    with pytest.raises(ScheduleError, match=r"call .bind"):
        to_torch_code(parse("cosine"))
    with pytest.raises(ScheduleError, match="importable by name"):
        to_torch_code(function(lambda t: 1.0))
