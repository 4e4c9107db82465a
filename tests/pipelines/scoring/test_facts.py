"""Facts of a run: counts by them are those of the snapshot's files, on every store, and nobody sees what is not theirs."""

from __future__ import annotations

import json
import operator
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import ConfigError, FilterError
from tagcast.features.core.schema.profiles import Profiles
from tagcast.models.filters.parser import parse
from tagcast.pipelines.privacy.export import export_profile
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.roles import Person
from tagcast.registry.state.database import open_state
from tagcast.serving.audiences.filter_resolution import columns_of, resolve
from tagcast.serving.audiences.over_time.changes import membership_change
from tagcast.serving.audiences.queries import count, member_query
from tagcast.serving.audiences.saved_audience_actions import save
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.audiences.wording.description import describe
from tagcast.serving.audiences.wording.field_words import words_of
from tagcast.serving.context import ServiceContext
from tagcast.serving.delivery.export_columns import columns_for
from tagcast.serving.filters.limited_reader import LimitedReader
from tagcast.serving.filters.where import names_of
from tagcast.serving.scoring.facts.columns import kept_facts
from tagcast.serving.store.erased import erase_profiles
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.reader_pool import RunReaderPool
from tests.support.shop import shop_lines
from tests.support.source_projects import project, source
from tests.support.stores import EVERY_KIND, KINDS, make_store

DAY, NOW = date(2024, 5, 1), datetime(2024, 5, 1, 6, tzinfo=UTC)
MARKETER, SCIENTIST = Person("mo", "marketer"), Person("ann", "data_scientist")
RULE = """\
kind: rule
name: fresh
title: {en: Fresh, zh: 新鲜}
description: {en: bought lately, zh: 最近购买}
path: [Lifecycle, Stage]
owner: tests
rule: "recency_days <= 30"
"""
CONTRACT = """\
view: contract
title: {en: Contract, zh: 合同}
from: {path: contracts.parquet, key: id, valid_from: since}
columns:
  plan: word
  fee: {kind: number, title: {en: monthly fee, zh: 月费}}
  paperless: flag
  renews: {kind: date, title: {en: renewal, zh: 续约}}
  city: number
"""
TABLES = (
    source(columns={"profile_id": "customer", "event_time": "at", "amount": "price", "category": "kind"})
    + '[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city"]\n'
)


def contracts(ids: list[str]) -> pd.DataFrame:
    """One in six has no contract; plans beyond the two are too rare to have a column."""
    rows = [
        (one, pd.Timestamp("2024-01-01"), plan, 10.0 + k % 7, k % 3 == 0, pd.Timestamp("2024-04-01") + pd.Timedelta(days=k))
        for k, one in enumerate(ids)
        if k % 6
        for plan in [None if k % 11 == 0 else "odd" if k == 1 else "gold" if k % 3 else "basic"]
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["id", "since", "plan", "fee", "paperless", "renews"])
    return frame.assign(city=1.0)


def made(folder, tables: str = ""):
    lines = shop_lines(420, 130)[["customer", "at", "price", "kind"]]
    ids = sorted(lines["customer"].unique())
    people = pd.DataFrame({"id": ids, "city": [["Oslo", "Bergen"][k % 2] for k in range(len(ids))]})
    config = project(
        folder,
        'features = "views"\n' + TABLES + tables,
        shop_parquet=lines,
        people_csv=people,
        contracts_parquet=contracts(ids),
    )
    for place, text in (("models/tags/fresh.yaml", RULE), ("views/contract.yaml", CONTRACT)):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    return open_project(config, folder / "home")


@pytest.fixture(scope="module", params=EVERY_KIND)
def scored(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    workspace = made(folder, '[facts]\nsensitive = ["contract", "profile_activity.spend_all"]\n')
    workspace.__dict__["store"] = make_store(request.param, folder)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    return workspace


def snapshot(workspace) -> pd.DataFrame:
    """What the snapshot's own files say, by profile: read by pandas, all views side by side."""
    spec = workspace.store.current().run.tags[0].feature_set
    found = None
    for manifest in (workspace.settings.home / "features").glob(f"*/as_of={DAY}/snapshot.json"):
        if json.loads(manifest.read_text())["spec"] == spec:
            for view in sorted(
                f.name for f in manifest.parent.iterdir() if f.is_dir() and f.name != "profile_category"
            ):
                one = pd.read_parquet(manifest.parent / view).set_index("profile_id")
                one = one.drop(columns=["event_timestamp", "created_timestamp"]).add_prefix(f"{view}.")
                found = one if found is None else found.join(one, how="outer")
    assert found is not None
    return found.loc[sorted(found.index)]


@pytest.fixture(scope="module")
def frame(scored) -> pd.DataFrame:
    with scored.store.reader() as reader:
        rows = reader.query(exp.select("profile_id").from_("profiles")).read_all()
    return snapshot(scored).reindex(sorted(rows.column(0).to_pylist()))


def counted(workspace, text: str, reader=None) -> int:
    if reader is not None:
        return count(reader, text, NOW).members
    with workspace.store.reader() as opened:
        return count(opened, text, NOW).members


SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counts_by_facts_are_those_of_the_snapshots_files(scored, frame, data) -> None:
    numbers = [f for f in scored.store.current().run.facts if f.kind in {"number", "date"}]
    conditions, expected = [], pd.Series(True, index=frame.index)
    for _ in range(data.draw(st.integers(1, 3))):
        fact = data.draw(st.sampled_from(numbers))
        column = frame[f"{fact.view}.{fact.feature}"]
        known = sorted(column.dropna().unique()) or [0.0]
        value = float(data.draw(st.sampled_from(known) | st.just(known[0] - 1)))
        sign = data.draw(st.sampled_from([*SIGNS, "IS NULL"]))
        name = data.draw(st.sampled_from([fact.name, f"{fact.view}.{fact.feature}"]))
        if sign == "IS NULL":
            conditions.append(f"{name} IS NULL")
            expected &= column.isna()
        else:
            # A figure as a filter writes it reads back as the same number.
            conditions.append(
                f"{name} {sign} {value!r}" if value >= 0 else f"NOT NOT {name} {sign} {value!r}"
            )
            expected &= SIGNS[sign](column, value) & column.notna()
    assert counted(scored, " AND ".join(conditions)) == expected.sum()


def test_facts_say_what_they_are(scored, frame) -> None:
    facts = {fact.name: fact for fact in scored.store.current().run.facts}
    assert {fact.view for fact in facts.values()} == {"profile_activity", "contract"}
    recency = facts["recency_days"]
    assert (recency.role, recency.unit, recency.since, recency.window_days) == (
        "recency",
        "days",
        "last",
        None,
    )
    assert facts["purchase_days_all"].role == "frequency"
    spend = facts["spend_all"]
    assert (spend.role, spend.unit, spend.measure, spend.title_zh) == (
        "value",
        "currency",
        "spend",
        "历史净消费额",
    )
    month = facts["spend_30d"]
    assert (month.window_days, month.measure, month.measure_en) == (30, "spend", "net spend")
    assert facts["basket_mean"].unit == "currency"
    assert facts["recency_over_gap"].unit == "ratio"
    assert facts["lines_30d"].unit == "times"
    assert (facts["plan"].kind, set(facts["plan"].words)) == ("word", {"basic", "gold", "(other)"})
    assert (facts["paperless"].kind, facts["renews"].kind, facts["renews"].unit) == ("flag", "date", "days")
    assert (facts["fee"].title_en, facts["fee"].view_zh) == ("monthly fee", "合同")
    # Facts are no attributes: nothing that goes through those takes them along.
    assert set(scored.store.current().attributes) == {"city"}
    # An attribute is called so: the feature is named with its view.
    assert facts["contract.city"].feature == "city"
    assert "city" not in facts
    # Every feature of a profile is kept, the levels of a word as one.
    levels = {c for c in frame.columns if c.startswith("contract.plan_is_")}
    assert len(facts) == len(frame.columns) - len(levels) + 1


def test_words_and_flags_are_what_the_table_says(scored, frame) -> None:
    ids = list(frame.index)
    table = contracts(ids).set_index("id").reindex(ids)
    for plan in ("basic", "gold"):
        assert counted(scored, f"plan = '{plan}'") == (table["plan"] == plan).sum() > 0
    assert counted(scored, "plan = '(other)'") == (table["plan"] == "odd").sum() == 1
    assert counted(scored, "plan IS NULL") == table["plan"].isna().sum()
    assert counted(scored, "paperless = TRUE") == table["paperless"].eq(True).sum()
    assert counted(scored, "contract.paperless IS NULL") == table["paperless"].isna().sum()
    days = (pd.Timestamp(DAY) - table["renews"]).dt.days
    assert counted(scored, "renews >= 10") == (days >= 10).sum()


def test_tags_and_facts_stand_in_one_filter(scored, frame) -> None:
    recency, fee = frame["profile_activity.recency_days"], frame["contract.fee"]
    both = "fresh = 'yes' AND (fee > 12 OR city = 'Oslo')"
    oslo = pd.Series(range(len(frame)), index=frame.index) % 2 == 0
    assert counted(scored, both) == ((recency <= 30) & ((fee > 12) | oslo)).sum()
    with scored.store.reader() as reader:
        rows = reader.query(member_query(reader, "fee > 12", NOW)).read_all().to_pylist()
        assert [row["profile_id"] for row in rows] == list(fee.index[fee > 12])
        assert [row["fee"] for row in rows] == list(fee[fee > 12])
        # A profile's row stays as wide as its tags: facts are asked for by themselves.
        one = rows[0]["profile_id"]
        assert "fee" not in (reader.row(one) or {})
        assert (reader.facts_of(one) or {})["fee"] == rows[0]["fee"]
        assert reader.facts_of("nobody") is None
        assert len(next(iter(reader.stream(["fee"]))).schema.names) == len(("profile_id", "fee"))


def test_whoever_sees_some_profiles_sees_facts_of_those(scored, frame) -> None:
    with scored.store.reader() as reader:
        shown = exp.column("city").eq(exp.Literal.string("Oslo"))
        limited = LimitedReader(reader, shown, "oslo", len(frame) // 2, 0)
        oslo = pd.Series(range(len(frame)), index=frame.index) % 2 == 0
        fee = frame["contract.fee"]
        assert counted(scored, "fee > 12", limited) == ((fee > 12) & oslo).sum()
        assert limited.facts_of(frame.index[0]) is not None
        assert limited.facts_of(frame.index[1]) is None


def context_of(workspace) -> ServiceContext:
    return ServiceContext(
        workspace.settings, RunReaderPool(workspace.store), open_state(workspace.settings), lambda: NOW
    )


def test_sensitive_views_and_features_are_for_whoever_has_the_right(scored) -> None:
    context = context_of(scored)
    mine, theirs = columns_of(context, MARKETER).facts, columns_of(context, SCIENTIST).facts
    hidden = {f.name for f in scored.store.current().run.facts if f.view == "contract"} | {"spend_all"}
    assert theirs.keys() - mine.keys() == hidden
    for text in ("fee > 3", "contract.fee > 3", "spend_all > 3", "profile_activity.spend_all > 3"):
        with pytest.raises(FilterError, match="unknown field"):
            resolve(context, MARKETER, text)
        assert resolve(context, SCIENTIST, text).tree.text().endswith("> 3")
    assert not hidden & {*columns_for(context, MARKETER)}
    assert hidden < {*columns_for(context, SCIENTIST)}
    context.store.close()


def test_a_threshold_on_a_fact_lies_on_the_grid_for_whoever_sees_no_single_profiles(scored) -> None:
    context = context_of(scored)
    with scored.store.reader() as reader:
        cells = SmallCells(context, reader, 10)
        asked = resolve(context, SCIENTIST, "recency_days <= 33.5")
        (snapped,) = cells.admit(asked)
        assert snapped.whole != asked.whole
        assert count(reader, snapped.whole, NOW).members >= 10
    context.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_of_somebody_holds_their_facts_and_erasure_takes_them(tmp_path, kind) -> None:
    workspace = made(tmp_path)
    workspace.__dict__["store"] = make_store(kind, tmp_path)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    one = next(iter(snapshot(workspace).index[1:]))
    found = export_profile(workspace, one, by=Person("ola", "owner"), now=NOW)["sections"]["facts"]["rows"]
    assert [row["profile_id"] for row in found] == [one]
    assert found[0]["recency_days"] == snapshot(workspace).loc[one, "profile_activity.recency_days"]
    before = counted(workspace, "recency_days >= 0")
    erase_profiles(workspace.store, [one])
    assert counted(workspace, "recency_days >= 0") == before - 1
    with workspace.store.reader() as reader:
        assert reader.facts_of(one) is None


@pytest.mark.parametrize("kind", KINDS)
def test_who_joins_an_audience_by_a_fact_does_so_by_new_data(tmp_path, kind) -> None:
    workspace, before = made(tmp_path), DAY - timedelta(days=14)
    workspace.__dict__["store"] = make_store(kind, tmp_path)
    score_tags(workspace, None, as_of=before, now=NOW - timedelta(days=14))
    save(context_of(workspace), SCIENTIST, "away", "recency_days > 20")
    score_tags(workspace, None, as_of=DAY, now=NOW, force_reason="as it comes")
    lines = pd.read_parquet(tmp_path / "shop.parquet").drop_duplicates()
    away = [
        set((last := lines[lines["at"] < str(day)].groupby("customer")["at"].max())[last.dt.date < day - timedelta(days=20)].index)
        for day in (before, DAY)
    ]  # fmt: skip
    change = membership_change(context_of(workspace), SCIENTIST, "away")
    assert (change.was, change.members) == (len(away[0]), len(away[1]))
    assert (change.joined, change.left) == (len(away[1] - away[0]), len(away[0] - away[1]))
    assert change.joined
    assert change.left
    assert [(one.cause, one.field) for one in change.reasons] == [("data", "recency_days")]


def test_an_attribute_that_is_called_as_a_feature_with_its_view_is_refused() -> None:
    with pytest.raises(ConfigError, match="is called 'profile_activity.spend_all'"):
        kept_facts(
            FeatureSet((7,), ("amount",)), None, ["Spend_All", "profile_activity.spend_all"], {}, strict=True
        )


def test_a_run_keeps_what_the_configuration_names(tmp_path) -> None:
    workspace = made(tmp_path, '[facts]\nkeep = ["contract", "profile_activity.recency_days"]\n')
    score_tags(workspace, None, as_of=DAY, now=NOW)
    names = [fact.name for fact in workspace.store.current().run.facts]
    assert names == ["recency_days", "plan", "fee", "paperless", "renews", "contract.city"]
    config = tmp_path / "tagcast.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("recency_days", "recency_day"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"facts\.keep: there is no view or feature 'profile_activity\.recency_day'"
    ):
        score_tags(open_project(config, tmp_path / "home"), None, as_of=DAY, now=NOW)
    config.write_text(text.replace('["contract", "profile_activity.recency_days"]', "[]"), encoding="utf-8")
    bare = open_project(config, tmp_path / "home")
    score_tags(bare, None, as_of=DAY, now=NOW, force_reason="without facts")
    manifest = bare.store.current()
    assert manifest.run.facts == ()
    # As runs lie there that were published before: they say nothing of facts.
    assert "facts" not in manifest.to_json()["run"]
    assert Manifest.from_json(manifest.to_json()) == manifest
    with bare.store.reader() as reader:
        assert reader.facts_of("c0000") == {}
        assert names_of(reader).facts == {}
        with pytest.raises(FilterError, match="unknown field 'recency_days'"):
            count(reader, "recency_days > 3", NOW)


@pytest.mark.parametrize(
    ("text", "en", "zh"),
    [
        ("recency_days > 20", "the last purchase was more than 20 days ago", "上次购买距今超过20天"),
        ("recency_days IS NULL", "there has never been any purchase", "从未有过购买"),
        ("NOT tenure_days IS NULL", "there has been some purchase", "有过购买"),
        ("tenure_days BETWEEN 30 AND 60", "the first purchase was between 30 and 60 days ago", "首次购买距今30到60天"),
        ("spend_30d >= 200", "net spend, last 30 days is at least 200 NOK", "近30天净消费额不低于200 NOK"),
        ("weekend_share > 0.5", "share of purchase days on a weekend is above 0.5", "周末购买天数占比高于0.5"),
        ("plan = 'gold'", "plan is “gold”", "plan为“gold”"),
        ("paperless = TRUE", "paperless is yes", "paperless为是"),
        ("renews > 10", "days since renewal is above 10 days", "距续约天数高于10天"),
        ("city = 'Oslo'", "home town is “Oslo the great”", "家乡为“奥斯陆”"),
        ("fee IS NULL", "monthly fee is not known", "月费未知"),
    ],
)  # fmt: skip
def test_conditions_on_facts_read_as_people_say_them(scored, text, en, zh) -> None:

    labels = {"city": {"Oslo": {"en": "Oslo the great", "zh": "奥斯陆"}}}
    table = Profiles(
        path="p.csv",
        key="id",
        columns=("city",),
        titles={"city": {"en": "home town", "zh": "家乡"}},
        labels=labels,
    )  # type: ignore[arg-type]
    words = words_of(scored.store.current(), table, "NOK")
    with scored.store.reader() as reader:
        tree = parse(text, names_of(reader))
    assert describe(tree, words, "en") == f"Customers where {en}."
    assert describe(tree, words, "zh") == f"满足以下条件的客户：{zh}。"
