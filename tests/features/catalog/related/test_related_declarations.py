"""What is refused in views of figures of what is related, and what each message names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
from tagcast.features.catalog.attribute_views import Attribute, AttributeView
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.catalog.related.declaration import RelatedDeclaration
from tagcast.features.catalog.related.view import settled_relation
from tagcast.features.catalog.view_files import declared_views
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.settings import load_settings
from tagcast.features.entities.relations import Relation
from tagcast.features.ingest.aggregates import settled
from tests.support.source_projects import source

KEYS = source("app", 'keys = { fund = "fund" }')
TABLES = f"""
features = "views"
{KEYS}
[entities.fund]
table = {{ path = "funds.parquet", key = "code", columns = ["risk"] }}
[entities.manager]
of = "fund"
key = "run_by"
table = {{ path = "m.parquet", key = "m", columns = ["risk"] }}
[entities.house]
of = "manager"
key = "house"
"""
BASE = """
view: flows
entity: fund
windows: [30, all]
features: {f: {count: true}, last: {last: channel}, pace: {trend: f}}
---
view: own
features: {n: {count: true}}
---
"""
DOWN = "view: v\nrelated: {entity: fund}\ncolumns: {x: flows.f_30d}"
UP = "view: v\nentity: fund\nrelated: {entity: profile}\nfeatures: {x: {mean: own.n}}"


def views(folder: Path, text: str):
    (folder / "views").mkdir()
    (folder / "views" / "v.yaml").write_text(BASE + text, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(f'name = "small"\n{TABLES}', encoding="utf-8")
    return declared_views(load_settings(config, folder / "home", folder))


@pytest.mark.parametrize(
    "text",
    [
        DOWN,
        UP,
        DOWN.replace("fund}", "fund, by: most}"),
        DOWN.replace("f_30d", "last_is_web"),
        DOWN.replace("f_30d", "pace_7_30d"),
        DOWN.replace("flows.f_30d", "profile_activity.recency_days"),
        DOWN.replace("flows.f_30d", "profile_activity.login_days_30d"),
        DOWN.replace("fund", "manager").replace("flows.f_30d", "profile_activity.recency_days"),
        UP.replace("profile}", "profile, within_days: 30}"),
        UP.replace("mean: own.n", "count: true"),
        UP.replace("mean: own.n", "share: 'own.n > -1.5 AND NOT (own.n >= 3 OR 7 = own.n)'"),
    ],
)
def test_what_is_right_is_read(tmp_path, text) -> None:
    views(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DOWN.replace("entity: fund", "entity: fond"), "there is no entity 'fond'.*did you mean 'fund'"),
        (DOWN.replace("entity: fund", "entity: profile"), "is the view's own entity"),
        (DOWN.replace("flows", "flow"), "columns.x: there is no view 'flow' of fund.*did you mean 'flows'"),
        (DOWN.replace("flows.f_30d", "own.n"), "columns.x: there is no view 'own' of fund"),
        (DOWN.replace("f_30d", "f_7d"), "columns.x: the view flows has no feature 'f_7d'"),
        (DOWN.replace("f_30d", "f"), "has no feature 'f'.*'f_30d'|has no feature 'f'.*known"),
        (DOWN.replace("flows.f_30d", "f_30d"), "expected view.feature"),
        (DOWN.replace("flows.f_30d", "profile_activity.recency"), "has no feature 'recency'"),
        (DOWN.replace("fund}", "fund, within_days: 3}"), "related.within_days is of features"),
        (UP.replace("profile}", "profile, by: last}"), "related.by is of columns"),
        (UP.replace("profile}", "profile, within_days: 0}"), "greater than 0"),
        (UP + "\ncolumns: {y: own.n}", "either columns .* or features"),
        ("view: v\nrelated: {entity: fund}", "either columns .* or features"),
        (UP.replace("mean: own.n", "mean: own.n, max: own.n"), "features.x: expected one of count, mean"),
        (UP.replace("mean: own.n", "share: own.n"), "expected features compared to numbers"),
        (UP.replace("mean: own.n", "share: own.n > 'x'"), "expected features compared to numbers"),
        (UP.replace("mean: own.n", "share: n > 1"), "expected features compared to numbers"),
        (UP.replace("mean: own.n", "share: own.n > (SELECT 1)"), "expected features compared to numbers"),
        (UP.replace("mean: own.n", "share: 'own.n > 1; own.n > 2'"), "expected features compared to numbers"),
        (UP.replace("mean: own.n", "share: own.m > 1"), "features.x.share: the view own has no feature 'm'"),
        (UP.replace("entity: fund", "entity: [fund, category]"), "of one entity"),
        (UP.replace("x:", "X:"), "lower-case"),
        (
            "view: v\nentity: manager\nrelated: {entity: house}\ncolumns: {x: profile_activity.recency_days}",
            "no event names both a manager and a house",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, text, said) -> None:
    with pytest.raises(DefinitionError) as found:
        views(tmp_path, text)
    assert re.search(said, f"{found.value.message} {found.value.hint}"), (
        found.value.message,
        found.value.hint,
    )
    assert "v.yaml" in str(found.value.message)


def test_views_that_need_one_another_are_refused_with_their_files(tmp_path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "w.yaml").write_text(
        UP.replace("own.n", "v.x").replace("view: v", "view: w").replace("x:", "z:"), encoding="utf-8"
    )
    (tmp_path / "views" / "v.yaml").write_text(DOWN.replace("flows.f_30d", "w.z"), encoding="utf-8")
    config = tmp_path / "tagcast.toml"
    config.write_text(f'name = "small"\nfeatures = "views"\n{KEYS}\n[entities.fund]\n', encoding="utf-8")
    with pytest.raises(DefinitionError) as found:
        declared_views(load_settings(config, tmp_path / "home", tmp_path))
    said = str(found.value.message)
    assert "each of these views needs the next" in said
    assert "v.yaml: v" in said
    assert "w.yaml: w" in said


def test_a_window_that_no_history_fills_takes_what_is_made_of_it_along() -> None:
    view = RelatedDeclaration.model_validate(
        yaml.safe_load(DOWN.replace("f_30d}", "f_30d, y: flows.f_all, z: flows.f_7d}"))
    )
    aggregates = AggregatesDeclaration.model_validate(
        {"view": "flows", "windows": [7, 30, "all"], "features": {"f": {"count": True}}}
    )
    source = FeatureSet((7,), (), (), (settled(aggregates, (), 10, {}),))
    made = settled_relation(view, Relation(own=True, column="fund"), source)
    assert [(f.name, f.growing) for f in made.features()] == [("y", True), ("z", False)]
    assert FeatureSet.parse(FeatureSet((7,), (), (), (made,)).spec).own == (made,)


def test_a_word_is_named_by_its_level() -> None:
    view = RelatedDeclaration.model_validate(yaml.safe_load(DOWN.replace("f_30d", "plan")))
    plan = AttributeView("flows", (Attribute("plan", "word", "plan", "plan", ("basic", "gold")),))
    with pytest.raises(DefinitionError) as found:
        settled_relation(view, Relation(own=True, column="fund"), FeatureSet((7,), (), (), (plan,)))
    assert "flows.plan is a word" in str(found.value.message)
    assert "plan_is_gold" in str(found.value.hint)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("{n: churn.value}", ""),
        ("{n: churn.x.score}", ""),
        ("{n: churn.x}", "expected churn_risk.score"),
        ("{n: {mean: churn.value}}", "expected churn_risk.score"),
        ("{n: {share: churn}}", "expected a condition on a tag"),
        ("{n: {share: \"churn = 'a' OR 1\"}}", "expected a condition on a tag"),
        ("{n: {count: true, share: \"churn = 'a'\"}}", "expected one of value, count, mean, share"),
        ("{n: churn.value, m: {count: true}}", "tags.m: tags are of the one"),
        ("{x: churn.value}", "both features and tags"),
        ("{risk: churn.value}", "tags.risk: the table of profile has an attribute"),
    ],
)
def test_tags_of_others_are_checked_when_they_are_read(tmp_path, tags, said) -> None:
    text = (UP if "mean" in tags or "share" in tags else DOWN) + f"\ntags: {tags}"
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "v.yaml").write_text(BASE + text, encoding="utf-8")
    config = tmp_path / "tagcast.toml"
    own = '[profiles]\npath = "p.parquet"\nkey = "id"\ncolumns = ["risk"]\n'
    config.write_text(f'name = "small"\n{TABLES}\n{own}', encoding="utf-8")
    settings = load_settings(config, tmp_path / "home", tmp_path)
    if not said:
        assert [view.tags["n"].tag for view in declared_views(settings) if view.view == "v"] == [
            tags[4:].rpartition(".")[0]
        ]
        return
    with pytest.raises(DefinitionError) as found:
        declared_views(settings)
    assert said in str(found.value.message)
