"""The dashboard and the alerting rules ask for metrics and labels that the server has, and say what Grafana and Prometheus expect."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tagcast.registry.governance.night_record import NightStep, record_step
from tagcast.registry.governance.observed_accuracy import PromiseRow, record_promises
from tagcast.registry.operations.home_sizes import record_sizes
from tests.support.faults.wrong_data import STAGE
from tests.support.web import Clock, key_of, make_desk, served

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "tagcast.json").read_text(encoding="utf-8"))
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
ADDED = {"instance", "job"}
"""Labels that Prometheus adds to every sample."""


@pytest.fixture(scope="module")
def exposed(tmp_path_factory) -> dict[str, set[str]]:
    """Every metric that a server exposes of which all is known, with its labels."""
    context = make_desk(tmp_path_factory.mktemp("served"), Clock())
    tag, now = context.store.current().run.tags[0].tag, context.now
    record_step(context.state, NightStep(now, "load", "done", now, 1.0, "events"))
    record_promises(context.state, [PromiseRow(tag, 1, now.date(), now.date(), True, 0.0, 400, 0.8, 0.9)])
    record_sizes(context.state, {"runs": (1_000, 2)}, now)
    rule = STAGE.replace("name: stage", f"name: {tag}")
    (context.settings.tags_folder / f"{tag}.yaml").write_text(rule, encoding="utf-8")
    with served(context, console=False) as client:
        text = client.get("/metrics", headers=key_of(context, "viewer")).text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> list[str]:
    """Every question that the dashboard or a rule asks."""
    of_panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    of_variables = [v["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
    return [*of_panels, *of_variables, *(rule["expr"] for rule in RULES)]


def test_every_metric_that_is_asked_for_is_there_and_every_one_there_is_shown(exposed) -> None:
    asked = {name for text in expressions() for name in re.findall(r"\btagcast_\w+", text)}
    assert asked == set(exposed)


def test_every_label_that_is_asked_for_is_one_of_its_metric(exposed) -> None:
    for text in expressions():
        for name, inside in re.findall(r"\b(tagcast_\w+)\{([^}]*)\}", text):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside))
            assert labels <= exposed[name] | ADDED, text
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            (name,) = set(re.findall(r"\btagcast_\w+", target["expr"]))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= exposed[name]
    for rule in RULES:
        labels = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        names = re.findall(r"\btagcast_\w+", rule["expr"])
        assert labels <= set.intersection(*[exposed[n] for n in names] or [set()]) | ADDED, rule["alert"]


def test_panels_lie_beside_one_another_and_have_ids_of_their_own() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_rules_have_what_prometheus_knows() -> None:
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Tagcast[A-Z]\w+", rule["alert"])
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "description"} == set(rule["annotations"])
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
    if tool := shutil.which("promtool"):
        subprocess.run([tool, "check", "rules", str(ALERTS)], check=True, capture_output=True)
