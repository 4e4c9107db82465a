"""The catalogue on a small shop: what is listed, found, hidden; steps that are on record; pages of tags."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from tagcast.features.core.errors import (
    ConflictError,
    FilterError,
    NotAllowedError,
    NotFoundError,
    StoreError,
    TagcastError,
)
from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.filters.parser import parse
from tagcast.models.stats.metrics import Estimate
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.observed_metrics import metric_rows, record_metrics
from tagcast.registry.governance.saved_audiences import SavedAudience, save
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.catalog.tag_actions import rate_tag, transition_tag
from tagcast.serving.catalog.tag_details import card_html, dependents, plot, tag_details
from tagcast.serving.context import ServiceContext, open_context
from tagcast.serving.store.manifest import Entry
from tests.support.champion import DAY, METRICS, NOW, TAG, shop_with_champion
from tests.support.rule_tags import tree_of

pytestmark = [pytest.mark.xdist_group("catalogue"), pytest.mark.slow]

VIC, MIA = Person("vic", "viewer"), Person("mia", "marketer")
ANN, BOB = Person("ann", "data_scientist"), Person("bob", "owner")
SECRET = "sensitivity: sensitive\n"


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A home with one scored champion; other tags are defined alone."""
    folder = tmp_path_factory.mktemp("catalogue")
    score_tags(shop_with_champion(folder), [TAG], as_of=DAY, now=NOW)
    return folder


@pytest.fixture
def folder(scored, tmp_path):
    """A copy of it, to take steps in."""
    copy = tmp_path / "shop"
    shutil.copytree(scored, copy)
    return copy


@pytest.fixture
def context(folder) -> ServiceContext:
    return with_context(folder)


def with_context(folder, extra: str = "", now=NOW) -> ServiceContext:
    config = folder / "tagcast.toml"
    config.write_text(config.read_text(encoding="utf-8") + extra, encoding="utf-8")
    return open_context(open_project(config, folder / "home").settings, lambda: now)


def names(rows) -> list[str]:
    return [row.name for row in rows]


def test_every_tag_is_listed_with_what_is_known_of_it(context) -> None:
    rows = {row.name: row for row in catalogue.tags(context, MIA)}
    assert set(rows) == {TAG, "high_value"}, "members of a family by the data are known once they are trained"
    scored, defined = rows[TAG], rows["high_value"]
    assert (scored.status, defined.status) == ("published", "draft")
    assert scored.title == {"en": "Churn risk", "zh": "流失风险"}
    assert sum(scored.predicted.values()) == scored.population
    assert (scored.champion, scored.quality, scored.grade) == (1, METRICS, None)
    assert (scored.refreshed_at, scored.expired) == (NOW, False)
    assert (defined.population, defined.predicted, defined.champion, defined.quality) == (None, {}, None, {})
    assert catalogue.owners(context) == ["tests"]
    assert [leaf.tags for leaf in catalogue.tree_leaves(context)] == [1, 1]
    assert "Lifecycle › Retention holds only 1 tag" in str(catalogue.tree_warnings(context)[0])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("churn", [TAG]), ("CHRUN", [TAG]), ("risk churn", [TAG]), ("流失", [TAG]), ("险", [TAG]), ("流失风硷", [TAG]),
        ("Hihg valeu", ["high_value"]), ("spend most", ["high_value"]), ("lifecycle", [TAG]), ("coffee", []),
        ("", [TAG, "high_value"]), ("  ", [TAG, "high_value"]), ("'; DROP", []), ("x", []), ("!", [TAG, "high_value"]),
    ],
)  # fmt: skip
def test_tags_are_found_by_what_is_nearly_right(context, query, found) -> None:
    assert names(catalogue.tags(context, VIC, query=query)) == found


def test_the_nearest_comes_first_and_other_conditions_hold(context) -> None:
    assert names(catalogue.tags(context, VIC, status="draft")) == ["high_value"]
    assert names(catalogue.tags(context, VIC, path=("Value",))) == ["high_value"]
    assert names(catalogue.tags(context, VIC, query="value", path=("Lifecycle",))) == []
    assert catalogue.tags(context, VIC, owner="nobody") == []


def test_only_published_tags_can_be_filtered_by_marketers(context) -> None:
    for person in (VIC, MIA, ANN):
        assert list(catalogue.visible_names(context, person).tags) == [TAG]
    transition_tag(context, ANN, TAG, "suspended", "the feed is broken")
    assert list(catalogue.visible_names(context, MIA).tags) == []
    assert list(catalogue.visible_names(context, ANN).tags) == [TAG]
    with pytest.raises(TagcastError, match="is suspended"):
        parse(f"{TAG} = 'yes'", catalogue.visible_names(context, VIC))
    transition_tag(context, BOB, TAG, "published", "fixed")
    assert list(catalogue.visible_names(context, MIA).tags) == [TAG]


def refusal(context, person, text):
    with pytest.raises(FilterError) as caught:
        parse(text, catalogue.visible_names(context, person))
    return caught.value


@pytest.mark.parametrize("form", ["{}", "{}.score", '"{}"', '"{}".band'])
def test_a_filter_by_a_tag_that_waits_says_what_it_waits_for(context, form) -> None:
    high_value, churn = form.format("high_value"), form.format(TAG)
    # Never scored: the marketer's draft waits for people, whoever may review waits for the run.
    assert "'high_value' is a draft" in str(
        refusal(context, MIA, f"age = 1 AND {high_value} IS NULL").message
    )
    assert "has not been scored yet" in str(refusal(context, ANN, f"{high_value} IS NULL").message)
    transition_tag(context, ANN, "high_value", "in_review", "ready")
    assert "'high_value' is still in review" in str(refusal(context, MIA, f"{high_value} IS NULL").message)
    transition_tag(context, BOB, "high_value", "published", "ready")
    unscored = refusal(context, MIA, f"{high_value} IS NULL")
    assert "has not been scored yet" in str(unscored.message)
    assert unscored.position == 0
    # Taken out of use by somebody.
    for step, state in (("suspended", "is suspended"), ("retired", "is retired")):
        transition_tag(context, BOB, TAG, step, "the feed is broken")
        error = refusal(context, MIA, f"{churn} IS NULL")
        assert state in str(error.message)
        assert "tagcast " not in str(error.hint), "nobody is sent to a shell"
        assert error.rendered("zh") != error.rendered("en")
    assert "unknown field" in str(refusal(context, MIA, "high_valu = 'yes'").message)


def test_a_sensitive_tag_is_unknown_to_who_may_not_see_it(folder) -> None:
    file = folder / "tags" / "high_value.yaml"
    file.write_text(file.read_text(encoding="utf-8") + SECRET, encoding="utf-8")
    context = with_context(folder)
    assert "unknown field 'high_value'" in str(refusal(context, MIA, "high_value = 'yes'").message)
    assert "draft" in str(refusal(context, replace(MIA, sensitive=True), "high_value = 'yes'").message)


def test_an_expired_tag_stays_and_says_so(folder) -> None:
    context = with_context(folder, now=NOW + timedelta(days=99))
    assert list(catalogue.visible_names(context, MIA).tags) == [TAG]
    (row,) = catalogue.tags(context, MIA, query=TAG)
    assert row.expired


def test_what_is_sensitive_is_for_who_has_the_right(folder) -> None:
    file = folder / "tags" / "high_value.yaml"
    file.write_text(file.read_text(encoding="utf-8") + SECRET, encoding="utf-8")
    context = with_context(folder)
    assert names(catalogue.tags(context, MIA)) == [TAG]
    trusted = replace(MIA, sensitive=True)
    assert names(catalogue.tags(context, trusted)) == [TAG, "high_value"]
    with pytest.raises(NotAllowedError, match="marked sensitive"):
        tag_details(context, MIA, "high_value")
    assert tag_details(context, trusted, "high_value").row.sensitivity == "sensitive"
    with pytest.raises(NotFoundError) as caught:
        tag_details(context, MIA, "high_valu")
    assert "high_value" not in str(caught.value.hint), "a suggestion tells nothing either"


def test_a_project_without_anything_made_has_a_catalogue(folder) -> None:
    shutil.rmtree(folder / "home")
    context = with_context(folder)
    assert [row.status for row in catalogue.tags(context, VIC)] == ["draft", "draft"]
    assert tag_details(context, VIC, TAG).versions == ()
    assert tag_details(context, VIC, TAG).last_run is None
    with pytest.raises(StoreError, match="nothing has been published"):
        catalogue.visible_names(context, VIC)
    assert not (folder / "home").exists(), "looking makes nothing"


def test_a_wrong_file_does_not_hide_what_is_published(folder) -> None:
    (folder / "tags" / "wrong.yaml").write_text("name: [", encoding="utf-8")
    assert names(catalogue.tags(with_context(folder), VIC)) == [TAG]


def test_steps_are_on_record_with_who_and_why(context) -> None:
    step = transition_tag(context, BOB, TAG, "suspended", "the feed is broken")
    assert (step.was, step.to, step.at) == ("published", "suspended", NOW)
    (line,) = entries(context.state, action="tag.step")
    assert (line.who, line.subject) == ("bob", TAG)
    assert line.detail == {"was": "published", "to": "suspended", "reason": "the feed is broken"}
    page = tag_details(context, VIC, TAG)
    assert [s.to for s in page.history] == ["suspended"]
    assert page.next_steps == ("published", "in_review", "retired")


def test_a_step_that_is_refused_leaves_nothing(context) -> None:
    for person, to, error in ((MIA, "suspended", NotAllowedError), (BOB, "draft", ConflictError)):
        with pytest.raises(error):
            transition_tag(context, person, TAG, to, "why not")
    with pytest.raises(NotFoundError, match="no tag 'churn_rik'"):
        transition_tag(context, BOB, "churn_rik", "retired", "why not")
    assert entries(context.state) == []


def test_a_second_person_publishes_where_the_configuration_says_so(folder) -> None:
    context = with_context(folder, "\n[review]\nsecond_person = true\n")
    assert list(catalogue.visible_names(context, MIA).tags) == [TAG], "what was published stays so"
    transition_tag(context, BOB, TAG, "suspended", "the feed is late")
    assert list(catalogue.visible_names(context, MIA).tags) == []
    with pytest.raises(ConflictError):
        transition_tag(context, BOB, TAG, "published", "it came")
    transition_tag(context, ANN, TAG, "in_review", "ready")
    with pytest.raises(NotAllowedError, match="somebody else"):
        transition_tag(context, ANN, TAG, "published", "ready")
    transition_tag(context, BOB, TAG, "published", "read the card")
    assert list(catalogue.visible_names(context, MIA).tags) == [TAG]


def test_a_page_tells_what_is_said_and_of_whom(context) -> None:
    page = tag_details(context, MIA, TAG)
    assert page.question["en"] == "no purchase within 30 days"
    assert "60天" in page.population["zh"]
    assert sum(v.members for v in page.values) == page.row.population
    assert sum(v.share for v in page.values) == pytest.approx(1)
    (point,) = page.trend
    assert (point.as_of, point.population) == (DAY, page.row.population)
    assert point.shares == {v.value: v.share for v in page.values if v.members}
    assert [f.name for f in page.features] == ["recency_days"]
    assert page.features[0].title["zh"]
    (version,) = page.versions
    assert (version.aliases, version.decision) == (("champion",), "promoted by tests against not judged")
    assert [d.by for d in page.decisions] == ["tests"]
    assert page.last_run is not None
    assert page.last_run.as_of == DAY
    assert (page.expires_after_days, page.refresh) == (30, "0 3 * * *")


def test_a_page_tells_what_a_run_expected_beside_what_was_measured(context, folder) -> None:
    measured = {"auc": Estimate(0.74, 0.7, 0.78), "rate": Estimate(0.4, 0.35, 0.45)}
    record_metrics(context.state, metric_rows(TAG, DAY, 1, 400, measured, {}))
    page = tag_details(context, MIA, TAG)
    (run,) = page.quality
    assert (run.as_of, run.version, run.measured) == (DAY, "1", {"auc": 0.74, "rate": 0.4})
    assert run.expected == page.last_run.expected is not None
    assert run.drift.rows == run.drift.explained == page.row.population
    assert [(one.feature, one.weight) for one in run.drift.features] == [("recency_days", 1.0)]
    assert page.advice is None
    few = with_context(folder, "\n[access]\nsmallest_cell = 20\n")
    assert tag_details(few, VIC, TAG).quality == ()


def test_runs_that_recorded_neither_drift_nor_season_are_read_as_before(context) -> None:
    (entry,) = context.log
    (about,) = entry.manifest.run.tags
    season = SeasonOffset(-0.37, 0.29, DAY)
    seasonal = replace(entry.manifest.run, tags=(replace(about, season=season),))
    entry = replace(entry, manifest=replace(entry.manifest, run=seasonal))
    assert Entry.parse(entry.text()) == entry
    old = json.loads(entry.text())
    for name in ("drift", "season", "expected"):
        del old["manifest"]["run"]["tags"][0][name]
    (read,) = Entry.parse(json.dumps(old)).manifest.run.tags
    assert read == replace(about, drift=None, season=None, expected=None)


def test_who_may_not_see_single_profiles_learns_nothing_of_a_few_from_a_tag(context, folder) -> None:
    exact, page = tag_details(context, MIA, TAG), tag_details(context, VIC, TAG)
    sizes = {v.value: v.members for v in exact.values}
    assert any(n % 10 for n in sizes.values()), "or rounding would not be seen"
    assert {v.value: v.members for v in page.values} == {v: n // 10 * 10 for v, n in sizes.items()}
    assert page.row.predicted == {v: n // 10 * 10 for v, n in exact.row.predicted.items()}
    total = exact.row.population // 10 * 10
    assert page.row.population == page.trend[0].population == total
    assert page.trend[0].shares == {
        v: n // 10 * 10 / total for v, n in sizes.items() if v in page.trend[0].shares
    }
    # A mean over few tells single ones; rounded down it stays the floor that it is read as.
    assert exact.row.mean_confidence - 0.05 < page.row.mean_confidence <= exact.row.mean_confidence
    assert page.row.mean_confidence * 20 == pytest.approx(round(page.row.mean_confidence * 20))
    (row,) = [r for r in catalogue.tags(context, VIC) if r.name == TAG]
    assert row == page.row
    assert page.last_run.profiles == exact.last_run.profiles // 10 * 10
    # A group of fewer than the smallest is none at all.
    wide = with_context(folder, "\n[access]\nsmallest_cell = 200\n")
    assert {v.members for v in tag_details(wide, VIC, TAG).values} == {0}


@pytest.mark.parametrize(
    "query",
    [
        "buy",
        "buys",
        "active customer",
        "will not buy",
        "next days",
        "customers",
        "purchase",
        "不再购买",
        "活跃",
        "30天",
    ],
)
def test_words_of_what_a_tag_means_find_it(context, query) -> None:
    assert TAG in names(catalogue.tags(context, MIA, query=query))


@pytest.mark.parametrize("query", ["coffee", "weather", "but", "咖啡"])
def test_words_that_no_tag_means_find_none(context, query) -> None:
    assert TAG not in names(catalogue.tags(context, MIA, query=query))


def test_a_page_speaks_of_what_is_in_force_and_not_of_a_file_changed_since(folder) -> None:
    file = folder / "tags" / "churn_risk.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("threshold: 0.5", "threshold: 0.9"), encoding="utf-8")
    assert tag_details(with_context(folder), VIC, TAG).decision["en"] == "yes if score ≥ 0.5"


def test_a_model_without_card_or_plots_says_so(context) -> None:
    assert tag_details(context, VIC, TAG).plots == ()
    with pytest.raises(NotFoundError, match="v1 has no card"):
        card_html(context, VIC, TAG)
    with pytest.raises(NotFoundError, match="no version 7"):
        card_html(context, VIC, TAG, 7)
    for which in ("calibration", "../../model"):
        with pytest.raises(NotFoundError, match="has no plot"):
            plot(context, VIC, TAG, which)


def test_a_page_shows_what_is_left_where_the_model_was_damaged(folder) -> None:
    (model,) = (folder / "home").rglob("model.json")  # a copied home reads its own files
    text = model.read_bytes()
    model.write_text("{}", encoding="utf-8")
    try:
        page = tag_details(with_context(folder), VIC, TAG)
    finally:
        model.write_bytes(text)
    assert page.features == ()
    assert page.row.population
    assert [v.version for v in page.versions] == [1]


def test_what_depends_on_a_tag(context) -> None:
    assert dependents(context, TAG) == []
    for name, text in (
        ("quiet", f"{TAG}.score > 0.5"),
        ("both", "IN AUDIENCE 'quiet'"),
        ("else", "city = 'Oslo'"),
    ):
        save(
            context.state,
            SavedAudience(name, "", "", text, "dynamic", NOW, NOW),
            tree_of(text, TAG),
            MIA,
            NOW,
        )
    assert dependents(context, TAG) == ["both", "quiet"]
    assert tag_details(context, VIC, TAG).uses.audiences == ("both", "quiet")


def test_what_people_think_is_on_the_page(context) -> None:
    with pytest.raises(NotAllowedError):
        rate_tag(context, VIC, TAG, 5)
    with pytest.raises(NotFoundError):
        rate_tag(context, MIA, "nothing", 5)
    rate_tag(context, MIA, TAG, 2, "too many unknown")
    rate_tag(context, MIA, TAG, 4, "better now")
    feedback = tag_details(context, VIC, TAG).feedback
    assert (feedback.mean, feedback.count) == (4, 1)
    assert feedback.comments[0].text == "better now"
