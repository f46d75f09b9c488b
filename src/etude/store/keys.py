"""What a run is trained from, in one text: by it a run that was trained before is found."""

import hashlib
import json


def run_key(
    *,
    fingerprint: str,
    strategy: str,
    seed: int,
    updates: int,
    horizon: int | None,
    batch_size: int,
    device: str,
    engine: str,
    versions: dict[str, str],
) -> str:
    """Give the key of a run: the same task, strategy, seed, budget and versions, the same key.

    Args:
        fingerprint: what identifies the task, with its data.
        strategy: text form of the strategy.
        seed: seed of the run.
        updates: planned updates.
        horizon: length of the run that this one is a shortened copy of; None when it is none.
        batch_size: examples per update.
        device: device that trains, because devices round differently.
        engine: engine that trains, where its last bits are its own.
        versions: version of each package that can change the numbers.

    Returns:
        SHA-256, in hex, of the JSON of all of these with sorted names.
    """
    parts = {
        "fingerprint": fingerprint,
        "strategy": strategy,
        "seed": seed,
        "updates": updates,
        "horizon": horizon,
        "batch_size": batch_size,
        "device": device,
        "engine": engine,
        "versions": versions,
    }
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
