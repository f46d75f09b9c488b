"""Formats whose tools are not installed for tests: their documented columns, written by hand.

Ultralytics: ultralytics/engine/trainer.py, save_metrics (older ones pad the names). mmcv:
TextLoggerHook. mmengine: LocalVisBackend. W&B: what the web page's CSV export writes.
"""

import json

import numpy as np
import pytest

from etude.errors import LogError
from etude.readers import Override, read
from etude.records import Curve, Outcome, Run
from etude.store import Store

ULTRALYTICS = """\
                  epoch,      train/box_loss,      train/cls_loss,    metrics/mAP50(B),        \
val/box_loss,        val/cls_loss,              lr/pg0,              lr/pg1
                      1,                 2.0,                 3.0,                 0.1,        \
         2.5,                 3.5,               0.001,               0.002
                      2,                 1.0,                 2.0,                 0.2,        \
         1.5,                 2.5,              0.0005,               0.001
"""


def only(path, **options):
    (log,) = read(path, **options).logs
    return log


def written(folder, name, content):
    path = folder / name
    path.write_text(content, "utf-8")
    return path


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_ultralytics_losses_are_added_up(tmp_path):
    log = only(written(tmp_path, "results.csv", ULTRALYTICS))
    assert (log.form, log.unit) == ("ultralytics", "epoch")
    assert log.curve.loss.tolist() == [5.0, 3.0]
    assert log.curve.val_loss.tolist() == [6.0, 4.0]
    assert log.curve.lr.tolist() == [0.001, 0.0005]
    assert log.columns["lr"] == "lr/pg0"
    assert any("sum of train/box_loss, train/cls_loss" in note for note in log.notes)


def test_mmcv_iterations_start_anew_with_each_epoch(tmp_path):
    content = lines(
        {"env_info": "sys", "config": "x"},
        {"mode": "train", "epoch": 1, "iter": 50, "lr": 0.02, "loss": 3.0, "grad_norm": 9.0},
        {"mode": "train", "epoch": 1, "iter": 100, "lr": 0.02, "loss": 2.0, "grad_norm": 5.0},
        {"mode": "val", "epoch": 1, "iter": 30, "lr": 0.02, "loss": 2.2},
        {"mode": "train", "epoch": 2, "iter": 50, "lr": 0.02, "loss": 1.5, "grad_norm": 4.0},
        {"mode": "train", "epoch": 2, "iter": 100, "lr": 0.002, "loss": 1.0, "grad_norm": 3.0},
        {"mode": "val", "epoch": 2, "iter": 30, "lr": 0.002, "loss": 1.2},
    )
    log = only(written(tmp_path, "20240101_000000.log.json", content))
    assert log.form == "mmlab"
    assert log.curve.update.tolist() == [50, 100, 150, 200]
    assert log.curve.loss.tolist() == [3.0, 2.0, 1.5, 1.0]
    assert log.curve.grad_norm.tolist() == [9.0, 5.0, 4.0, 3.0]
    assert log.curve.eval_update.tolist() == [100, 200]
    assert log.curve.val_loss.tolist() == [2.2, 1.2]


def test_mmengine_steps_count_on(tmp_path):
    content = lines(
        {"lr": 0.1, "loss": 2.0, "epoch": 1, "iter": 50, "step": 50},
        {"lr": 0.1, "loss": 1.0, "epoch": 2, "iter": 100, "step": 100},
        {"accuracy/top1": 60.0, "step": 2},
    )
    log = only(written(tmp_path, "scalars.json", content))
    assert log.form == "mmlab"
    assert log.curve.update.tolist() == [50, 100]


def test_an_export_of_wandb_has_several_runs(tmp_path):
    content = (
        '"Step","calm-1 - train/loss","calm-1 - train/loss__MIN","calm-1 - train/loss__MAX",'
        '"wild - 2 - train/loss","wild - 2 - train/loss__MIN","wild - 2 - train/loss__MAX"\n'
        '"0","2.0","2.0","2.0","3.0","3.0","3.0"\n"10","1.0","1.0","1.0","","",""\n'
        '"20","0.5","0.5","0.5","NaN","NaN","NaN"\n'
    )
    found = read(written(tmp_path, "wandb_export.csv", content))
    calm, wild = found.logs
    assert (calm.form, calm.name, wild.name) == ("wandb-csv", "calm-1", "wild - 2")
    assert calm.curve.loss.tolist() == [2.0, 1.0, 0.5]
    assert wild.curve.update.tolist() == [0, 20]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_plain_csv_with_any_separator(tmp_path, separator):
    rows = (("iteration", "Train Loss", "learning rate"), ("0", "2", "0.1"), ("5", "1", "0.1"))
    content = "\n".join(separator.join(row) for row in rows)
    log = only(written(tmp_path, "log.csv", content))
    assert log.form == "csv"
    assert log.columns == {"loss": "Train Loss", "lr": "learning rate", "step": "iteration"}
    assert log.curve.loss.tolist() == [2.0, 1.0]


def test_a_decimal_comma_goes_with_semicolons(tmp_path):
    log = only(written(tmp_path, "log.csv", "step;loss\n0;2,5\n1;1,25\n"))
    assert log.curve.loss.tolist() == [2.5, 1.25]


@pytest.mark.parametrize(
    "content",
    [
        lines({"step": 0, "loss": 2.0, "lr": 0.1}, {"step": 1, "loss": float("nan"), "lr": 0.1}),
        json.dumps([{"step": 0, "loss": 2.0, "lr": 0.1}, {"step": 1, "loss": "NaN", "lr": 0.1}]),
        json.dumps({"step": [0, 1], "loss": [2.0, float("nan")], "lr": [0.1, 0.1]}),
        lines(
            {"step": 0, "train": {"loss": 2.0}, "lr": 0.1}, {"step": 1, "train": {"loss": "nan"}}
        ),
    ],
)
def test_json_of_rows_or_columns_with_nan(tmp_path, content):
    log = only(written(tmp_path, "log.jsonl", content))
    assert log.form == "jsonl"
    np.testing.assert_array_equal(log.curve.loss, [2.0, np.nan])
    assert log.curve.lr.tolist() == [0.1, 0.1]


def test_nan_that_means_nothing_logged_is_left_out_but_a_broken_end_stays(tmp_path):
    rows = ["step,loss,val_loss"]
    rows += [f"{t},{1 if t < 6 else 'nan'},{0.5 if t % 3 == 2 else 'nan'}" for t in range(9)]
    log = only(written(tmp_path, "log.csv", "\n".join(rows)))
    assert log.curve.eval_update.tolist() == [2, 5, 8]
    assert np.isnan(log.curve.loss[-3:]).all()
    assert "val_loss" in " ".join(log.notes)


def test_a_resumed_run_counts_what_came_later(tmp_path):
    content = "step,loss\n0,9\n1,8\n2,7\nstep,loss\n1,5\n2,4\n"
    log = only(written(tmp_path, "log.csv", content))
    assert log.curve.update.tolist() == [0, 1, 2]
    assert log.curve.loss.tolist() == [9, 5, 4]
    assert "resume" in " ".join(log.notes)


def test_a_header_that_grows_is_followed(tmp_path):
    log = only(written(tmp_path, "log.csv", "step,loss\n0,3\nstep,loss,val_loss\n1,2,2.5\n"))
    assert log.curve.loss.tolist() == [3, 2]
    assert log.curve.val_loss.tolist() == [2.5]


def test_overrides_are_not_guessed(tmp_path):
    path = written(tmp_path, "log.csv", "n,a,b,loss\n0,5,0.1,1\n10,4,0.2,1\n")
    log = only(path, override=Override(loss="a", lr="b", step="n"))
    assert log.curve.update.tolist() == [0, 10]
    assert log.curve.loss.tolist() == [5, 4]
    assert log.curve.lr.tolist() == [0.1, 0.2]
    with pytest.raises(LogError, match=r"--loss must name a column .* got 'c'; it has a, b, loss"):
        read(path, override=Override(loss="c", step="n"))
    with pytest.raises(LogError, match=r"--step must name a column of the log, got 'm'"):
        read(path, override=Override(step="m"))


def test_the_longest_of_a_trainers_checkpoints_is_read(tmp_path):
    for count in (2, 3):
        folder = tmp_path / f"checkpoint-{count}"
        folder.mkdir()
        history = [{"step": t, "loss": 1.0} for t in range(count)]
        written(folder, "trainer_state.json", json.dumps({"log_history": history}))
    (log,) = read(tmp_path).logs
    assert log.curve.update.size == 3


def test_runs_of_the_store_are_read_with_their_chance(tmp_path):
    run = Run(
        id="abcdef012345", task="digits", strategy="sgd lr=0.1", seed=0, outcome=Outcome.CONVERGED,
        planned=2, updates=2, loss=1.0, metric=0.5, seconds=0.1,
        curve=Curve(update=np.arange(2.0), lr=np.full(2, 0.1), loss=np.array([2.0, 1.0])),
    )  # fmt: skip
    with Store.open(str(tmp_path / "runs.db")) as store:
        store.add(run, key="k", settings={"chance": 2.3})
    log = only(tmp_path / "runs.db")
    assert (log.form, log.name, log.chance) == ("etude", "sgd lr=0.1 seed 0", 2.3)
    assert log.curve.loss.tolist() == [2.0, 1.0]
