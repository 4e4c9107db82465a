"""Features of another Feast repo: as of a midnight and no later, whatever is wrong there said at once, and nothing of it changed."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tagcast.features.core.errors import ConfigError, DataError, DefinitionError
from tagcast.features.core.messages import render
from tagcast.features.feast_store.quiet import quiet_feast
from tagcast.pipelines.project.project import open_project
from tests.support.source_projects import COLUMNS, source

ZONE = "America/New_York"
DAYS = (date(2024, 3, 1), date(2024, 4, 1))
MIDNIGHT = pd.Timestamp(DAYS[0], tz=ZONE).tz_convert("UTC").tz_localize(None)
INSTANT, DAY = pd.Timedelta(microseconds=1), pd.Timedelta(days=1)
PEOPLE = ("1", "2", "3", "4", "5", "06", "late")
VIEW = 'view: company\nfrom: {feast: "${THEIRS}", service: %s}\n'
ALL = VIEW % "all" + (
    "columns: {nps: number, share: number, vip: flag, plan: word, since: {kind: date, column: signed_at}, vip_number: {kind: number, column: vip}}"
)


def answers(text_ids: bool) -> pd.DataFrame:
    """Return rows on both sides of the first midnight: asked, written, nps, plan."""
    rows = [
        ("1", MIDNIGHT - 5 * DAY, MIDNIGHT - 5 * DAY, 3, "basic"),
        ("1", MIDNIGHT - INSTANT, MIDNIGHT - INSTANT, 7, "plus"),
        ("1", MIDNIGHT, MIDNIGHT, 9, "never"),
        ("2", MIDNIGHT, MIDNIGHT, 4, "never"),
        ("3", MIDNIGHT - 9 * DAY, MIDNIGHT - 9 * DAY, 5, " basic "),
        ("3", MIDNIGHT - 2 * DAY, MIDNIGHT + 9 * DAY, 1, "later"),  # typed in afterwards, and dated back
        ("4", MIDNIGHT - 400 * DAY, MIDNIGHT - 400 * DAY, 2, "old"),
        ("999", MIDNIGHT - DAY, MIDNIGHT - DAY, 8, "nobody"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "asked_at", "written_at", "nps", "plan"])
    frame["vip"], frame["score"], frame["tags"] = frame["nps"] > 4, 1.5, [["x"]] * len(frame)
    frame["signed_at"] = MIDNIGHT - 10 * DAY
    times = dict.fromkeys(("asked_at", "written_at", "signed_at"), "datetime64[us]")
    ids = {} if text_ids else {"customer_id": "int64"}
    return frame.astype({**times, **ids})


def make_repo(folder: Path, *, text_ids: bool = True) -> Path:
    """Write a Feast repo with several services and return its feature_store.yaml."""
    with quiet_feast():
        from feast import (
            Entity,
            FeatureService,
            FeatureStore,
            FeatureView,
            Field,
            FileSource,
            PushSource,
            RequestSource,
            ValueType,
        )
        from feast.on_demand_feature_view import on_demand_feature_view
        from feast.types import Array, Bool, Float64, Int64, String, UnixTimestamp

        folder.mkdir()
        answers(text_ids).to_parquet(folder / "answers.parquet")
        file = folder / "feature_store.yaml"
        file.write_text(
            "project: theirs\nprovider: local\nregistry: registry.db\noffline_store: {type: duckdb}\n"
            "online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n"
        )
        kind = ValueType.STRING if text_ids else ValueType.INT64
        customer = Entity(name="customer", join_keys=["customer_id"], value_type=kind)
        shop = Entity(name="shop", join_keys=["shop_id"], value_type=ValueType.STRING)
        table = FileSource(
            name="answers",
            path=str(folder / "answers.parquet"),
            timestamp_field="asked_at",
            created_timestamp_column="written_at",
        )
        kinds = {
            "nps": Int64,
            "plan": String,
            "vip": Bool,
            "score": Float64,
            "signed_at": UnixTimestamp,
            "tags": Array(String),
        }
        fields = [Field(name=name, dtype=dtype) for name, dtype in kinds.items()]
        survey = FeatureView(
            name="survey",
            entities=[customer],
            ttl=timedelta(days=200),
            schema=fields,
            source=PushSource(name="push", batch_source=table),
        )
        shops = FeatureView(
            name="shops", entities=[shop], schema=[Field(name="Size", dtype=Float64)], source=table
        )
        asked = RequestSource(name="asked", schema=[Field(name="basket", dtype=Float64)])

        @on_demand_feature_view(sources=[survey], schema=[Field(name="share", dtype=Float64)])
        def shares(inputs: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"share": inputs["nps"] / 10})

        @on_demand_feature_view(sources=[survey, asked], schema=[Field(name="fit", dtype=Float64)])
        def fits(inputs: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"fit": inputs["basket"]})

        services = {
            "all": [survey, shares],
            "survey": [survey[["nps", "plan", "score"]]],
            "words": [survey[["plan"]]],
            "requests": [fits],
            "shops": [shops],
            "both": [survey, shops],
        }
        made = [FeatureService(name=name, features=features) for name, features in services.items()]
        FeatureStore(repo_path=str(folder)).apply([customer, shop, survey, shops, shares, fits, *made])
    return file


@pytest.fixture(scope="module")
def theirs(tmp_path_factory) -> Path:
    return make_repo(tmp_path_factory.mktemp("theirs") / "repo")


@pytest.fixture
def project(tmp_path, theirs, monkeypatch):
    """Return what opens a project whose view is a text."""
    monkeypatch.setenv("THEIRS", str(theirs))
    at = pd.to_datetime(["2024-01-05"] * 6 + ["2024-03-05"])
    lines = pd.DataFrame({"id": PEOPLE, "at": at, "price": 1.0})
    lines.to_parquet(tmp_path / "shop.parquet")
    for name in ("views", "tags"):
        (tmp_path / name).mkdir()
    shop = source(columns=COLUMNS)
    config = tmp_path / "tagcast.toml"
    config.write_text(f'name = "small"\ntimezone = "{ZONE}"\nfeatures = "views"\ntags = "tags"\n{shop}')

    def opened(view: str):
        (tmp_path / "views" / "company.yaml").write_text(view, encoding="utf-8")
        return open_project(config, tmp_path / "home")

    return opened


def built(project, days=DAYS) -> tuple[list[date], dict[date, pd.DataFrame]]:
    """Return the dates that were built, and the view's snapshot at each date by profile."""
    snapshots = project.snapshots(project.widest_set(max(days)))
    made = snapshots.ensure(days)
    stamps = ["event_timestamp", "created_timestamp"]
    return made, {
        day: pd.read_parquet(snapshots.path("company", day)).drop(columns=stamps).set_index("profile_id")
        for day in days
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_known_before_midnight_is_taken_and_nothing_of_theirs_is_changed(project, theirs) -> None:
    before = contents(theirs.parent)
    _, found = built(project(ALL))
    first, second = found[DAYS[0]], found[DAYS[1]]
    assert list(first.index) == ["06", "1", "2", "3", "4", "5"]
    assert first["nps"].dropna().to_dict() == {"1": 7, "3": 5}
    assert first["share"].dropna().to_dict() == {"1": 0.7, "3": 0.5}
    assert first["vip"].dropna().to_dict() == {"1": 1, "3": 1}
    assert first["vip_number"].dropna().to_dict() == {"1": 1, "3": 1}
    assert first["since"].dropna().to_dict() == {"1": 10, "3": 10}
    # Words have the levels of the last day.
    assert {name for name in first.columns if name.startswith("plan")} == {"plan_is_never", "plan_is_later"}
    assert first["plan_is_never"].dropna().to_dict() == {"1": 0, "3": 0}
    assert second["plan_is_never"].dropna().to_dict() == {"1": 1, "2": 1, "3": 0}
    assert second["plan_is_later"].dropna().to_dict() == {"1": 0, "2": 0, "3": 1}
    assert second["nps"].dropna().to_dict() == {"1": 9, "2": 4, "3": 1}
    assert "late" in second.index
    assert contents(theirs.parent) == before


def test_ids_that_are_numbers_there_meet_those_that_are_written_so(project, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("THEIRS", str(make_repo(tmp_path / "numbered", text_ids=False)))
    _, found = built(project(VIEW % "survey"))
    assert found[DAYS[0]].to_dict() == {
        "nps": pytest.approx({"06": float("nan"), "1": 7, "2": float("nan"), "3": 5, "4": float("nan"), "5": float("nan")}, nan_ok=True),
        "score": pytest.approx({"06": float("nan"), "1": 1.5, "2": float("nan"), "3": 1.5, "4": float("nan"), "5": float("nan")}, nan_ok=True),
    }  # fmt: skip


def test_what_they_change_builds_the_days_anew_that_it_concerns(project, tmp_path, monkeypatch) -> None:
    repo = make_repo(tmp_path / "changing")
    monkeypatch.setenv("THEIRS", str(repo))
    view = VIEW % "survey"
    assert built(project(view))[0] == list(DAYS)
    assert built(project(view))[0] == []
    more = answers(text_ids=True)
    more.loc[len(more)] = more.loc[0]
    more.loc[len(more) - 1, ["customer_id", "asked_at", "written_at", "nps"]] = [
        "5",
        *[MIDNIGHT + DAY] * 2,
        10,
    ]
    more.to_parquet(repo.parent / "answers.parquet")
    made, found = built(project(view))
    assert made == [DAYS[1]]
    assert found[DAYS[1]].loc["5", "nps"] == 10
    more.loc[0, "nps"] = 6  # an answer of old, which a newer one hides
    more.to_parquet(repo.parent / "answers.parquet")
    assert built(project(view))[0] == []


def test_a_store_that_does_not_answer_for_everybody_is_refused(project, monkeypatch) -> None:
    with quiet_feast():
        from feast import FeatureStore

    whole = FeatureStore.get_historical_features

    class Dropping:
        def __init__(self, job) -> None:
            self.job = job

        def to_arrow(self):
            return self.job.to_arrow().slice(1)

    monkeypatch.setattr(
        FeatureStore, "get_historical_features", lambda *given, **more: Dropping(whole(*given, **more))
    )
    with pytest.raises(DataError, match=r"company: their offline store answered 5 rows of 5 ids for 6 ids"):
        built(project(VIEW % "survey"), DAYS[:1])


WRONG = {
    VIEW % "churn": ("from.service: there is no feature service 'churn'", "known: all, both"),
    VIEW % "survey" + "columns: {npss: number}": ("columns.npss: the service survey has no feature 'npss'", "did you mean 'nps'"),
    VIEW % "survey" + "columns: {plan: number}": ("columns.plan: expected a number, the service gives word", "as it is there"),
    VIEW % "all" + "columns: {tags: word}": ("columns.tags: expected a word, the service gives something else", "lists and structures"),
    VIEW % "words": ("the service words has no number", "list columns: plan"),
    VIEW % "requests": ("fits needs data of a request: basket", "without it"),
    VIEW % "shops": ("a feature's name is lower-case letters", "Size"),
    VIEW % "both" + "columns: {nps: number}": ("key: the service both is of customer_id, shop_id", "of one entity"),
    VIEW % "survey" + "key: person": ("key: the service survey is of customer_id", "of one entity"),
    VIEW % "survey" + "---\nview: other\nfeatures: {nps: {count: true, windows: none}}": ("the service gives 'nps', and other has", "of your own"),
    VIEW % "survey" + "columns: {NPS: number}": ("a feature's name is lower-case", "'NPS'"),
    VIEW % "survey" + "entity: [profile, category]": ("of one entity, as in [profile]", ""),
    VIEW % "survey" + "columns: {nps: numbr}": ("columns.nps.kind: expected one of", ""),
    'view: company\nfrom: {feast: "${THEIRS}"}': ("from.service: is missing", ""),
    'view: company\nfrom: {feast: "${NOWHERE_SET}", service: all}': ("NOWHERE_SET", ""),
    'view: company\nfrom: {feast: nowhere.yaml, service: all}': ("from.feast: there is no file", "name the feature_store.yaml"),
}  # fmt: skip


@pytest.mark.parametrize(("view", "said"), list(WRONG.items()), ids=range(len(WRONG)))
def test_what_is_wrong_is_one_error_before_any_source_is_read(project, view, said, tmp_path) -> None:
    opened = project(view)
    (tmp_path / "shop.parquet").unlink()
    with pytest.raises((ConfigError, DefinitionError)) as caught:
        _ = opened.events
    for part in said:
        assert part in f"{caught.value}"
    assert str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("offline_store: {type: duckdb}\n", "", "their offline_store is dask"),
        ("{type: duckdb}", "{type: file}", "their offline_store is file"),
        ("registry.db", "elsewhere.db", "there is no registry"),
        ("project: theirs", "project: [", "Feast cannot read it"),
        ("project: theirs", "project: others", "there is no feature service 'survey'"),
    ],
    ids=["default", "file", "registry", "yaml", "project"],
)
def test_a_repo_that_cannot_be_read_rightly_is_refused(
    project, theirs, tmp_path, monkeypatch, old, new, said
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(theirs.parent, copied)
    file = copied / "feature_store.yaml"
    file.write_text(file.read_text().replace(old, new))
    monkeypatch.setenv("THEIRS", str(file))
    before = contents(copied)
    with pytest.raises((DataError, DefinitionError), match=said) as caught:
        _ = project(VIEW % "survey").events
    assert "company.yaml: company" in str(caught.value)
    assert contents(copied) == before
