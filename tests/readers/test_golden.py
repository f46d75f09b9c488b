"""Every reader against a log that the real tool wrote: the numbers that went in come out.

`make_golden.py` wrote them and has the functions; TensorBoard keeps single precision.
"""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from etude.readers import diagnose, read

GOLDEN = Path(__file__).parent / "golden"

_spec = importlib.util.spec_from_file_location("make_golden", GOLDEN.parent / "make_golden.py")
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

SINGLE, DOUBLE = 1e-6, 1e-12
LOGS = [
    ("tensorboard/run", "tensorboard", made.loss, "train/loss", "train/lr", "val/loss", SINGLE),
    ("tensorboard/broken", "tensorboard", made.broken, "train/loss", "train/lr", "val/loss",
     SINGLE),
    ("wandb", "wandb", made.broken, "train/loss", "train.lr", "val/loss", DOUBLE),
    ("mlflow", "mlflow", made.broken, "train/loss", "lr", "val_loss", DOUBLE),
    ("huggingface", "huggingface", made.loss, "loss", "learning_rate", "eval_loss", DOUBLE),
    ("lightning", "lightning", made.broken, "train_loss_step", "lr-Adam", "val_loss", DOUBLE),
]  # fmt: skip


def only(path, **options):
    (log,) = read(path, **options).logs
    return log


@pytest.mark.parametrize(("place", "form", "loss", "loss_name", "lr", "val", "precision"), LOGS)
def test_what_the_tool_logged_is_read(place, form, loss, loss_name, lr, val, precision):
    log = only(GOLDEN / place)
    curve = log.curve
    assert log.form == form
    assert log.unit == "update"
    assert (log.columns["loss"], log.columns["lr"], log.columns["val_loss"]) == (loss_name, lr, val)
    assert curve.update.tolist() == list(made.UPDATES)
    np.testing.assert_allclose(curve.loss, list(map(loss, made.UPDATES)), rtol=precision)
    np.testing.assert_allclose(curve.lr, list(map(made.lr, made.UPDATES)), rtol=precision)
    assert curve.eval_update.tolist() == list(made.EVALUATIONS)
    np.testing.assert_allclose(
        curve.val_loss, list(map(made.val_loss, made.EVALUATIONS)), rtol=precision
    )


def test_keras_counts_epochs_with_any_separator():
    found = read(GOLDEN / "keras")
    assert [log.name for log in found.logs] == ["semicolon", "training_log"]
    for log in found.logs:
        assert (log.form, log.unit) == ("keras", "epoch")
        assert log.curve.update.tolist() == list(range(30))
        np.testing.assert_allclose(log.curve.loss, list(map(made.broken, made.UPDATES)))


def test_settings_tell_names_and_rates():
    wandb, mlflow = only(GOLDEN / "wandb"), only(GOLDEN / "mlflow")
    assert (wandb.name, wandb.lr) == ("made-up", 0.01)
    assert (mlflow.name, mlflow.lr) == ("made-up", 0.01)


def test_a_trainers_state_says_that_it_hides_what_is_not_finite():
    log = only(GOLDEN / "huggingface")
    assert "running average" in " ".join(log.notes)
    assert np.isfinite(log.curve.loss).all()
    assert math.isinf(log.curve.grad_norm[-1])
    (run,) = diagnose(log).runs
    assert run.findings[0].message == "the gradient norm is not finite at update 250 after 1"


def test_a_folder_gives_all_runs_in_it_and_no_other_file():
    found = read(GOLDEN)
    assert found.unread == ()
    assert sorted({log.form for log in found.logs}) == [
        "huggingface", "keras", "lightning", "mlflow", "tensorboard", "wandb",
    ]  # fmt: skip
    assert len(found.logs) == 8
