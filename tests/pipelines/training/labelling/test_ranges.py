"""Labels that are counted range by range, and rows that are drawn from ranges, are those of everybody at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tagcast.features.core.engines.engine import ONE_MACHINE
from tagcast.features.core.schema.operation import Train
from tagcast.models.stats import draws
from tagcast.models.stats.draws import draw, quotas
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.labelling import label_files
from tests.pipelines.training.app import app_events
from tests.support.engines.labelled_app import (
    OUTCOMES,
    PEOPLE,
    assert_same,
    labelled_app,
    labels_of,
)
from tests.support.engines.split_machine import SplitMachine
from tests.support.experiments.mailing import write_mailing


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return labelled_app(tmp_path_factory.mktemp("app"))


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_kind_of_outcome(app, monkeypatch, name) -> None:
    monkeypatch.setattr(draws, "MOST_ROWS", 100)
    monkeypatch.setattr(draws, "MODEL_ROWS", 60)
    whole = labels_of(app, name)
    assert_same(labels_of(app, name, SplitMachine(3)), whole)
    rows = whole.rows
    by_outcome = name != "worth"
    wanted = quotas(Counter(zip(rows["as_of"], rows["y"], strict=True)), by_outcome=by_outcome)
    digests = [
        hashlib.md5(f"{day} {who}".encode(), usedforsecurity=False).hexdigest()
        for day, who in zip(rows["as_of"], rows["profile_id"], strict=True)
    ]
    place = np.array([int(digest[:13], 16) for digest in digests])
    found = draw(place, rows["as_of"].to_numpy(object), rows["y"].to_numpy("int8"), wanted)
    alone = rows.iloc[found.rows].assign(weight=found.weight).reset_index(drop=True)
    pd.testing.assert_frame_equal(whole.drawn, alone, check_exact=True)
    assert len(whole.drawn) < len(rows)
    assert not any((app.settings.home / "scratch" / "read").iterdir())


def test_ranges_may_lie_anywhere(app) -> None:
    people = sorted(app_events(people=PEOPLE)["user"].unique())
    borders = ["", people[3], people[3] + "x", people[120], "~"]
    for name in ("best", "said_once", "more"):
        assert_same(labels_of(app, name, SplitMachine(1, borders)), labels_of(app, name))


def test_who_was_approached_and_who_was_left_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(draws, "MOST_ROWS", 100)
    monkeypatch.setattr(draws, "MODEL_ROWS", 60)
    project = open_project(write_mailing(tmp_path, customers=400), tmp_path / "home")
    whole, parted = (
        labels_of(project, "mail_effect", engine, project.observed_until)
        for engine in (ONE_MACHINE, SplitMachine(3))
    )
    assert_same(parted, whole)
    mails = pd.read_parquet(tmp_path / "mails.parquet")
    assert set(parted.rows["propensity"]) == {(mails["arm"] == "sent").mean()}


def test_a_top_share_is_one_of_everybody(app) -> None:
    events = app_events(people=PEOPLE)
    events["day"] = events["at"].dt.date
    rows = labels_of(app, "best", SplitMachine(3)).rows
    for as_of, some in rows.groupby("as_of"):
        ahead = events[(events["day"] >= as_of) & (events["day"] < as_of + timedelta(days=28))]
        spent = ahead[ahead["type"] == "purchase"].groupby("user")["paid"].sum().round(4)
        net = some["profile_id"].map(spent).fillna(0.0).sort_values(ascending=False)
        last = net.iloc[int(np.ceil(round(0.13 * len(net), 9))) - 1]
        assert some.loc[net[(net >= last) & (net > 0)].index, "y"].all()
        assert some["y"].sum() == ((net >= last) & (net > 0)).sum() > 5


def test_a_bound_that_was_too_low_is_raised(app, monkeypatch) -> None:
    monkeypatch.setattr(draws, "MOST_ROWS", 100)
    monkeypatch.setattr(draws, "MODEL_ROWS", 60)
    wanted = labels_of(app, "comes").drawn
    monkeypatch.setattr(draws.Quota, "below", lambda quota, times=1: 2**40 if times < 4 else None)
    pd.testing.assert_frame_equal(labels_of(app, "comes", SplitMachine(2)).drawn, wanted, check_exact=True)


def test_some_of_many_who_were_approached(app, monkeypatch) -> None:
    every = labels_of(app, "silent").reached
    assert len(every) > 30
    monkeypatch.setattr(label_files, "MOST_LOOKED_AT", 20)
    some = labels_of(app, "silent", SplitMachine(3)).reached
    evenly = every.iloc[np.linspace(0, len(every) - 1, 20).astype(int)].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, evenly, check_exact=True)


def test_each_snapshot_gives_as_many_rows_as_the_configuration_allows(app, monkeypatch) -> None:
    few = Train.model_construct(most_rows_per_snapshot=40)
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"train": few}))
    whole = labels_of(app, "often")
    assert set(Counter(whole.drawn["as_of"]).values()) == {40}
    counts = whole.counts.learned(approached=False)
    for key, some in whole.drawn.groupby(["as_of", "y"]):
        assert some["weight"].sum() == pytest.approx(counts[key])
    assert_same(labels_of(app, "often", SplitMachine(3)), whole)
