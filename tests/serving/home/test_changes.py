"""What is new on the home page, against the rows of both runs counted one by one; on both stores."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlglot import exp

from tagcast.registry.access.roles import Person, roles_of
from tagcast.serving.home.changes import run_news
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.long_form import predictions
from tests.serving.filters.regions import TAGS, frame, predicted, regions
from tests.support.published import NOW, run_info, staged
from tests.support.stores import KINDS, make_store

DAY = timedelta(days=1)
MIA = Person("mia", "marketer")


@pytest.fixture(params=KINDS)
def context(request, tmp_path):
    """Two regions with two runs, and one more a day later."""
    store = make_store(request.param, tmp_path)
    found = regions(tmp_path / "project", store)
    base, ids = frame(south=True)
    batches = [predicted(tag, 30 + place, ids) for place, tag in enumerate(TAGS)]
    info = run_info("run-3", len(ids), TAGS)
    tags = tuple(replace(t, population=b.num_rows) for t, b in zip(info.tags, batches, strict=True))
    with stage_run(store, "run-3") as staging:
        staging.add(staged(base, *batches))
        staging.publish(replace(info, tags=tags, as_of=info.as_of + DAY, scored_at=NOW + DAY), keep=5)
    yield found
    found.store.close()
    found.state.close()


def rows_of(context, manifest) -> tuple[dict[str, Counter], int]:
    """Return how many profiles of a run have each value of each tag, by its rows, and how many it has."""
    found = {}
    with context.store.store.open(manifest) as reader:
        for tag in TAGS:
            found[tag] = Counter(row["value"] for row in predictions(reader, tag).to_pylist())
        return found, len(reader.query(exp.select("profile_id").from_("profiles")).read_all())


def test_moves_are_what_the_rows_of_both_runs_differ_by(context):
    log = context.store.log()
    (before, _), (now, profiles) = (rows_of(context, entry.run) for entry in log[-2:])
    news = run_news(context, MIA, None)
    assert (news.number, news.runs, news.visited) == (log[-1].run.number, 1, None)
    assert (news.since, news.profiles) == (log[-2].run.run.as_of, profiles)
    assert {move.tag for move in news.moves} == {tag for tag in TAGS if before[tag] != now[tag]} != set()
    for move in news.moves:
        assert (move.before, move.now) == (before[move.tag][move.value], now[move.tag][move.value])
        assert move.before != move.now
    shares = [abs(move.now - move.before) / now[move.tag].total() for move in news.moves]
    assert shares == sorted(shares, reverse=True)


def test_what_is_new_is_held_against_the_run_of_the_last_visit(context):
    first, second, third = context.store.log()
    between = NOW + DAY / 2
    news = run_news(context, MIA, between)
    assert (news.visited, news.since, news.runs) == (between, second.run.run.as_of, 1)
    # Nothing came since: then the run before is the one to compare with, and no visit is spoken of.
    late = run_news(context, MIA, third.at + DAY)
    assert (late.visited, late.since, late.moves) == (None, second.run.run.as_of, news.moves)
    # Before the first run there was nothing to have seen.
    assert run_news(context, MIA, first.at - DAY).visited is None


def test_who_sees_some_profiles_only_or_no_single_ones_learns_no_counts_of_others(context):
    north = roles_of(context.settings.access).person("no", "marketer", rows=["north"])
    limited = run_news(context, north, None)
    assert (limited.moves, limited.profiles) == ((), None)
    cell = context.settings.access.smallest_cell
    viewer = run_news(context, Person("vi", "viewer"), None)
    assert viewer.profiles % cell == 0
    assert all(move.before % cell == move.now % cell == 0 for move in viewer.moves)
