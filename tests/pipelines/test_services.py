"""Feature services that a project declares beside its views: shared by tags, a FeatureService in Feast, followed by plans."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import render
from tagcast.models.definitions.loader import load_definitions, with_services
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tests.support.command_line import Project
from tests.support.shop import CHURN, FIRST_DAY, VALUE, write_shop

NOW = str(FIRST_DAY + timedelta(days=200))
VIEW = """\
view: buying
windows: [30, all]
features:
  big_lines: {count: true, where: "amount > 20"}
  last_category: {last: category}
"""
SERVICES = """\
service: buyers
title: {en: What buyers do, zh: 购买行为}
owner: crm
description: Shared by all tags of buyers
features: [buying, profile_activity.recency_days]
---
service: unused
features: [buying.last_category]
"""
SHARED = {
    "high_value": VALUE.replace("feature_service: value", "feature_service: buyers"),
    "churn_risk": CHURN.replace("feature_service: churn", "features: buyers"),
}


@pytest.fixture
def project(tmp_path) -> Project:
    config = write_shop(tmp_path, customers=200)
    config.write_text('features = "views"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "views").mkdir()
    for file in (tmp_path / "tags").iterdir():
        file.unlink()
    written = Project(config, tmp_path / "home")
    write(written, "views/buying", VIEW)
    write(written, "views/services", SERVICES)
    for name, text in SHARED.items():
        write(written, f"tags/{name}", text)
    return written


def write(project: Project, name: str, text: str) -> None:
    (project.config.parent / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_tags_share_a_service_and_a_changed_list_asks_for_training(project) -> None:
    project.run("train", "--all", "--as-of", NOW, "--trials", "1", "--threads", "1")
    for tag in SHARED:
        project.run("model", "promote", tag, "1", "--force", "--reason", "a small shop")
    first = project.json("score", "--all", "--as-of", NOW)
    opened = open_project(project.config, project.home)
    champions = load_champions(opened, list(SHARED), [])
    assert {champion.model.definition.service for champion in champions} == {"buyers"}
    for champion in champions:
        assert {"recency_days", "big_lines_30d", "big_lines_all"} <= {*champion.model.features}
        assert not {"tenure_days", "spend_30d"} & {*champion.model.features}
    store = opened.repo(champions[0].feature_set).store()
    made = {service.name: service for service in store.list_feature_services()}
    assert {"buyers", "unused", "churn"} <= made.keys()
    assert not {*SHARED} & made.keys()  # they have none of their own
    buyers = made["buyers"]
    assert (buyers.owner, buyers.description) == ("crm", "Shared by all tags of buyers")
    assert (buyers.tags["managed_by"], buyers.tags["title_zh"]) == ("tagcast", "购买行为")
    held = {p.name: [f.name for f in p.features] for p in buyers.feature_view_projections}
    assert held["profile_activity"] == ["recency_days"]
    assert {"big_lines_30d", "big_lines_all"} < {*held["buying"]}
    assert project.json("tag", "plan")["tags"] == []

    write(project, "views/services", SERVICES.replace("profile_activity.recency_days", "profile_activity"))
    plan = project.json("tag", "plan")["tags"]
    assert {change["tag"]: change["train"] for change in plan} == dict.fromkeys(SHARED, True)
    for change in plan:
        (key,) = change["keys"]
        assert key["key"] == "features"
        assert key["was"] == ["buying", "profile_activity.recency_days"]
        assert key["now"] == ["buying", "profile_activity"]
    # What was trained goes on with what it has learned from.
    again = project.json("score", "--all", "--as-of", NOW, "--force", "--reason", "once more")
    assert {t["tag"]: t["predicted"] for t in again["tags"]} == {
        t["tag"]: t["predicted"] for t in first["tags"]
    }


def settings_with(project: Project, services: str = SERVICES, tag: str = SHARED["high_value"]):
    write(project, "views/services", services)
    write(project, "tags/high_value", tag)
    return open_project(project.config, project.home).settings


def test_a_text_in_features_is_the_name_of_a_service(project) -> None:
    by_name = {tag.name: tag for tag in with_services(settings_with(project))}
    chosen = ("buying", "profile_activity.recency_days")
    assert {tag.chosen for tag in by_name.values()} == {chosen}
    assert {tag.feature_service for tag in by_name.values()} == {"buyers"}
    for tag in by_name.values():
        again = type(tag).model_validate_json(tag.model_dump_json())
        assert again == tag


def test_who_has_the_project_open_sees_a_changed_list(project) -> None:
    opened, as_of = open_project(project.config, project.home), FIRST_DAY + timedelta(days=200)
    assert {tag.chosen for tag in opened.definitions(as_of)} == {("buying", "profile_activity.recency_days")}
    write(project, "views/services", SERVICES.replace("[buying, ", "[buying.big_lines, "))
    assert {tag.chosen[0] for tag in opened.definitions(as_of)} == {"buying.big_lines"}


def test_definitions_as_written_do_not_know_the_list(project) -> None:
    assert {tag.features for tag in load_definitions(project.config.parent / "tags")} == {None}


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (("service: buyers", "service: Buyers"), ("services.yaml: Buyers", "service"), ""),
        (("service: buyers", "service: churn"), ("tagcast's own",), ""),
        (("service: buyers", "service: high_value"), ("services.yaml: high_value", "a tag has this name"), "rename"),
        (("service: unused", "service: buyers"), ("services.yaml: buyers", "a second service"), "rename"),
        (("[buying, ", "[buing, "), ("services.yaml: buyers", "features names 'buing'"), "did you mean 'buying'"),
        (("recency_days", "recency_day"), ("no feature 'recency_day'",), "did you mean 'recency_days'"),
        (("[buying.last_category]", "[buying.last_categry]"), ("services.yaml: unused", "last_categry"), "last_category"),
        (("[buying.last_category]", "[buying, buying]"), ("features names one twice",), ""),
        (("[buying.last_category]", "[]"), ("services.yaml: unused", "features"), ""),
        (("owner: crm", "ownr: crm"), ("ownr: unknown key",), ""),
        (("owner: crm", "entity: fund"), ("there is no entity 'fund'",), "profile"),
        (("service: buyers", "service: sellers"), ("high_value", "no feature service 'buyers'"), "views.md"),
        (("[buying, ", "[profile_category, "), ("profile_category need outcome.category",), ""),
    ],
)  # fmt: skip
def test_a_wrong_service_is_one_error(project, change, said, hint) -> None:
    (project.config.parent / "tags" / "churn_risk.yaml").unlink()
    assert change[0] in SERVICES
    settings = settings_with(project, SERVICES.replace(change[0], change[1]))
    with pytest.raises(DefinitionError) as caught:
        with_services(settings)
    for part in said:
        assert part in str(caught.value)
    assert hint in str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "feature_service: byers",
            "there is no feature service 'byers'; did you mean 'buyers'? known: churn, value",
        ),
        ("features: byers", "did you mean 'buyers'?"),
        ("features: buying", "features: [buying]"),
        ("feature_service: buyers\nfeatures: [buying]", "give either feature_service"),
        ("feature_service: value\nfeatures: [buying]", "give either feature_service"),
        ("feature_service: value\nfeatures: buyers", "give either feature_service"),
        ("sensitivity: normal", "give either feature_service"),
    ],
)
def test_a_wrong_name_is_one_error(project, named, said) -> None:
    tag = SHARED["high_value"].replace("feature_service: buyers", named)
    with pytest.raises(DefinitionError) as caught:
        with_services(settings_with(project, tag=tag))
    assert said in f"{caught.value} {caught.value.hint}"
    assert render(caught.value.message, "zh") != str(caught.value.message)
