"""Experiments with a planted effect, as training takes them: one campaign on one day, or several."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import blake2b

import numpy as np
import pandas as pd

from tagcast.models.definitions.loader import parse_definition
from tagcast.models.training.dataset import TrainingFrame
from tagcast.models.training.splits import Split

DAY, HORIZON_DAYS = date(2024, 4, 1), 14
SPEC = "7,30,90;amount;"
TAG = """
name: mail_effect
title: {en: Persuaded, zh: 可打动}
description: {en: Who comes because of it, zh: 因此而来}
path: [Campaigns, Mail]
owner: crm
kind: uplift
treatment: {approached: "event = 'mail'", control: "event = 'none'"}
outcome: {kind: any_event, event: visit, horizon_days: 14}
features: [profile_activity]
"""
DEFINITION = parse_definition(TAG, "tests")
NOT_AT_RANDOM = parse_definition(TAG.replace("'none'\"}", "'none'\", random: false}"), "tests")


def planted(n: int, gain: float, seed: int, *, chosen: bool = False, base: float = 0.25):
    """Return features, arms, outcomes, and the true effect of each row: ``gain`` times the first feature's sign and size.

    ``chosen``: those likelier to come anyway are approached more often, so that the arms are not alike.
    """
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"recency": rng.uniform(1, 60, n), "spend": rng.lognormal(3, 1, n), "noise": rng.normal(size=n)}
    )
    pull = (np.log(X["spend"]) - 3).clip(-2, 2).to_numpy()
    effect = gain * (60 - X["recency"].to_numpy()) / 60
    before = np.clip(base + 0.08 * pull, 0.02, 0.6)
    share = np.clip(0.5 + 0.2 * pull, 0.1, 0.9) if chosen else np.full(n, 0.5)
    treated = rng.random(n) < share
    y = rng.random(n) < before + effect * treated
    return X, treated.astype(np.int8), y.astype(np.int8), effect


def experiment(n: int = 3000, gain: float = 0.3, seed: int = 0, *, chosen: bool = False):
    """Return a frame and its split, all approached on one day."""
    X, treated, y, _ = planted(n, gain, seed, chosen=chosen)
    who = np.array([f"c{i:06d}" for i in range(n)], object)
    first = DAY - timedelta(days=HORIZON_DAYS)
    kept = [blake2b(f"held back: {one}".encode(), digest_size=8).digest()[0] % 5 == 0 for one in who]
    frame = TrainingFrame(
        X=X,
        y=y,
        as_of=np.where(kept, np.datetime64(DAY), np.datetime64(first)).astype("datetime64[D]"),
        profile_id=who,
        rfm=X[["recency"]],
        treated=treated,
        propensity=np.full(n, np.nan if chosen else treated.mean()),
    )
    return frame, Split((first, DAY), HORIZON_DAYS, one_day=True)
