"""Write the golden logs with the real tools, once: `python tests/readers/make_golden.py`.

Needs `pip install etude[logs]`. Every log holds the same made-up run, so that each reader can be
held to the same numbers: at update t = 0, 10 … 290 the training loss is `loss(t)`, the lr `lr(t)`,
and every hundred updates the validation loss is `val_loss(t)`. Tools that log epochs have 30.
"""

import argparse
import math
import os
import shutil
import sys
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"
UPDATES = range(0, 300, 10)
EVALUATIONS = (100, 200, 290)
NAN_FROM = 250
"""The broken variant of a log has nan from here on."""


def loss(t):
    return 2.5 * math.exp(-t / 100) + 0.3 + 0.02 * math.sin(t)


def lr(t):
    return 0.01 * (1 - t / 300)


def val_loss(t):
    return loss(t) + 0.1


def broken(t):
    return math.nan if t >= NAN_FROM else loss(t)


def write_tensorboard(folder):
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: F401 - tensorboard is there
    from torch.utils.tensorboard import SummaryWriter

    for name, value in (("run", loss), ("broken", broken)):
        with SummaryWriter(str(folder / name)) as writer:
            for t in UPDATES:
                writer.add_scalar("train/loss", value(t), t)
                writer.add_scalar("train/lr", lr(t), t, new_style=True)
            for t in EVALUATIONS:
                writer.add_scalar("val/loss", val_loss(t), t)
            writer.add_histogram("weights", np.array([0.1, 0.2, 0.3]), 0)
            writer.add_text("note", "no scalar", 0)


def write_wandb(folder):
    import wandb

    settings = wandb.Settings(
        x_disable_stats=True, x_disable_meta=True, console="off", disable_git=True,
        save_code=False, host="host",
    )  # fmt: skip
    run = wandb.init(project="golden", name="made-up", dir=str(folder), mode="offline",
                     config={"lr": 0.01, "layers": 2}, settings=settings)  # fmt: skip
    for t in UPDATES:
        row = {"train/loss": broken(t), "train": {"lr": lr(t)}}
        run.log(row | ({"val/loss": val_loss(t)} if t in EVALUATIONS else {}), step=t)
    run.finish()
    wandb.teardown()  # waits until the file is written
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    shutil.copy(file, folder / "made-up.wandb")
    shutil.rmtree(folder / "wandb")


def write_mlflow(folder):
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    import mlflow

    mlflow.set_tracking_uri(folder.absolute().as_uri())
    experiment = mlflow.create_experiment("golden")
    with mlflow.start_run(experiment_id=experiment, run_name="made-up") as run:
        mlflow.log_param("lr", 0.01)
        for t in UPDATES:
            mlflow.log_metric("train/loss", broken(t), step=t)
            mlflow.log_metric("lr", lr(t), step=t)
        for t in EVALUATIONS:
            mlflow.log_metric("val_loss", val_loss(t), step=t)
    made = folder / experiment / run.info.run_id
    kept = folder / "made-up"
    kept.mkdir()
    for part in ("metrics", "params"):
        shutil.copytree(made / part, kept / part)
    lines = (made / "meta.yaml").read_text().splitlines()
    unwanted = ("artifact_uri", "user_id")  # they hold this machine's paths and names
    (kept / "meta.yaml").write_text(
        "\n".join(line for line in lines if not line.startswith(unwanted)) + "\n"
    )
    for other in folder.iterdir():
        if other != kept:
            shutil.rmtree(other)


def write_huggingface(folder):
    from transformers.trainer_callback import TrainerState

    state = TrainerState(global_step=290, max_steps=300, num_train_epochs=3, epoch=2.9)
    for t in UPDATES:
        state.log_history.append(
            {"epoch": t / 100, "grad_norm": 1.0 if t < NAN_FROM else math.nan,
             "learning_rate": lr(t), "loss": loss(t), "step": t}
        )  # fmt: skip
        if t in EVALUATIONS:
            state.log_history.append(
                {"epoch": t / 100, "eval_loss": val_loss(t), "eval_runtime": 1.5, "step": t}
            )
    state.log_history.append({"epoch": 2.9, "step": 290, "total_flos": 1e12, "train_loss": 0.9,
                              "train_runtime": 10.0})  # fmt: skip
    state.save_to_json(str(folder / "trainer_state.json"))


def write_lightning(folder):
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(save_dir=str(folder), name="", version="version_0")
    for t in UPDATES:
        epoch = t // 100
        logger.log_metrics({"lr-Adam": lr(t)}, step=t)
        logger.log_metrics({"train_loss_step": broken(t), "epoch": epoch}, step=t)
        if t in EVALUATIONS:
            logger.log_metrics({"val_loss": val_loss(t), "epoch": epoch}, step=t)
            logger.log_metrics({"train_loss_epoch": 9.0, "epoch": epoch}, step=t)
    logger.save()


def write_keras(folder):
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    for name, separator in (("training_log.csv", ","), ("semicolon.csv", ";")):
        callback = keras.callbacks.CSVLogger(str(folder / name), separator=separator)
        callback.set_model(keras.Sequential([keras.layers.Dense(1)]))
        callback.on_train_begin()
        for epoch, t in enumerate(UPDATES):
            logs = {"loss": broken(t), "val_loss": val_loss(t), "learning_rate": lr(t)}
            callback.on_epoch_end(epoch, logs)
        callback.on_train_end()


WRITERS = {
    "tensorboard": write_tensorboard,
    "wandb": write_wandb,
    "mlflow": write_mlflow,
    "huggingface": write_huggingface,
    "lightning": write_lightning,
    "keras": write_keras,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", default=list(WRITERS), help="Which tools' logs.")
    for tool in parser.parse_args().tools:
        folder = GOLDEN / tool
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        WRITERS[tool](folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        sys.stdout.write(f"{tool}: {size:,} bytes\n")


if __name__ == "__main__":
    main()
