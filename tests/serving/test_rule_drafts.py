"""Rules that people draft: checked, kept, published by review, then said like those of files."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tagcast.features.core.errors import ConflictError, DefinitionError, NotAllowedError, NotFoundError
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.lifecycle import history
from tagcast.registry.state.database import State
from tagcast.serving.catalog.catalog import tags, visible_names
from tagcast.serving.catalog.known_tags import find_tag
from tagcast.serving.catalog.tag_actions import transition_tag
from tagcast.serving.context import ServiceContext
from tagcast.serving.rule_drafts import draft, draft_of, drafts, fields, submit
from tagcast.serving.store.reader_pool import RunReaderPool
from tests.support.champion import DAY, NOW
from tests.support.rule_tags import STAGE, shop_with_rules

MO, LI = Person("mo", "marketer"), Person("li", "marketer")
ANN, BO, VI = Person("ann", "data_scientist"), Person("bo", "data_scientist"), Person("vi", "viewer")
FIELDS = {
    "name": "weekly_in_oslo",
    "title": {"en": "Weekly in Oslo", "zh": "奥斯陆每周购买"},
    "description": {"en": "Buys every week, lives in Oslo", "zh": "每周购买，住在奥斯陆"},
    "path": ["Lifecycle", "Habits"],
    "owner": "crm",
    "rule": "purchase_days_7d >= 1 AND city = 'Oslo'",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drafts")
    project = shop_with_rules(folder, customers=80)
    score_tags(project, None, as_of=DAY, now=NOW)
    return project


@pytest.fixture
def context(shop, tmp_path):
    """The service context of the shop, with a state of its own."""
    state = State(f"sqlite:///{tmp_path / 'state.db'}", "drafts")
    return ServiceContext(shop.settings, RunReaderPool(shop.store), state, lambda: NOW + timedelta(hours=1))


@contextmanager
def state_of(shop, context: ServiceContext):
    """The shop with the state of a service context; what it published meanwhile is gone afterwards."""
    shop.__dict__["state"] = context.state
    try:
        yield
    finally:
        del shop.__dict__["state"]
        score_tags(shop, None, as_of=DAY, now=NOW)


def with_settings(context: ServiceContext, section: str, **more) -> ServiceContext:
    changed = getattr(context.settings, section).model_copy(update=more)
    return replace(context, settings=context.settings.model_copy(update={section: changed}))


def test_a_draft_goes_through_review_and_is_said_then(shop, context) -> None:
    kept = draft(context, MO, FIELDS, "a campaign in Oslo")
    assert (kept.tag, kept.who, kept.status, kept.reason) == (
        "weekly_in_oslo",
        "mo",
        "draft",
        "a campaign in Oslo",
    )
    with state_of(shop, context):
        assert "weekly_in_oslo" not in {t.name for t in shop.tags(DAY)}
        assert submit(context, MO, kept.tag, "please look").to == "in_review"
        with pytest.raises(NotAllowedError):
            transition_tag(context, MO, kept.tag, "published", "looks good to me")
        transition_tag(context, ANN, kept.tag, "published", "right as it is")
        run = score_tags(shop, None, as_of=DAY, now=NOW + timedelta(minutes=1))
        (about,) = (t for t in run.tags if t.tag == "weekly_in_oslo")
        assert about.kind == "rule"
        assert 0 < about.predicted["yes"] < about.population
        assert "weekly_in_oslo" in visible_names(replace(context, store=RunReaderPool(shop.store)), VI).tags
    assert [s.to for s in history(context.state, kept.tag)] == ["in_review", "published"]
    actions = [(e.who, e.action) for e in entries(context.state, subject=kept.tag)]
    assert actions == [("ann", "tag.step"), ("mo", "rule.submit"), ("mo", "rule.draft")]
    with pytest.raises(ConflictError, match="is published"):
        draft(context, MO, FIELDS, "another wording")


def test_a_draft_has_a_population_of_its_own_which_is_checked_like_its_rule(shop, context) -> None:
    """A name that is not there would stop the scoring of all tags once the draft is published."""
    for population, said in (
        ("purchase_days_7 >= 1", "population: unknown field 'purchase_days_7'"),
        ("city = 1", "'city' is what [profiles] say today"),
        ("lifecycle_stage = 1", "'lifecycle_stage' is a tag"),
    ):
        with pytest.raises(DefinitionError) as error:
            draft(context, MO, {**FIELDS, "population": population}, "a campaign in Oslo")
        assert said in str(error.value)
    kept = draft(context, MO, {**FIELDS, "population": "spend_all > 30"}, "a campaign in Oslo")
    submit(context, MO, kept.tag, "please look")
    with state_of(shop, context):
        transition_tag(context, ANN, kept.tag, "published", "right as it is")
        run = score_tags(shop, None, as_of=DAY, now=NOW + timedelta(minutes=1))
        (about,) = (t for t in run.tags if t.tag == kept.tag)
        assert 0 < about.population < run.profiles


def test_the_catalogue_knows_drafts(context) -> None:
    draft(context, MO, FIELDS, "a campaign in Oslo")
    (row,) = tags(context, VI, query="weekly_in_oslo", status="draft")
    assert (row.kind, row.title["zh"], row.population) == ("rule", "奥斯陆每周购买", None)
    assert find_tag(context, VI, "weekly_in_oslo").definition.rule == FIELDS["rule"]
    assert [d.tag for d in drafts(context, VI)] == ["weekly_in_oslo"]


def test_what_is_reviewed_is_what_was_read(context) -> None:
    draft(context, MO, FIELDS, "a campaign in Oslo")
    submit(context, MO, "weekly_in_oslo", "please look")
    again = draft(context, MO, {**FIELDS, "rule": "purchase_days_30d >= 4"}, "a better rule")
    assert again.status == "draft"
    assert draft_of(context, VI, "weekly_in_oslo").definition.rule == "purchase_days_30d >= 4"


def test_a_draft_is_its_authors_and_the_reviewers(context) -> None:
    draft(context, MO, FIELDS, "a campaign in Oslo")
    with pytest.raises(NotAllowedError, match="draft of mo"):
        draft(context, LI, FIELDS, "mine now")
    assert draft(context, ANN, FIELDS, "fixed").who == "ann"
    with pytest.raises(NotAllowedError):
        draft(context, VI, {**FIELDS, "name": "other"}, "no right")
    with pytest.raises(NotFoundError):
        submit(context, MO, "no_draft", "please look")


def test_a_second_person_publishes_where_the_configuration_says_so(context) -> None:
    context = with_settings(context, "review", second_person=True)
    draft(context, ANN, FIELDS, "a campaign in Oslo")
    submit(context, ANN, "weekly_in_oslo", "please look")
    with pytest.raises(NotAllowedError):
        transition_tag(context, ANN, "weekly_in_oslo", "published", "my own")
    assert transition_tag(context, BO, "weekly_in_oslo", "published", "right").to == "published"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "lifecycle_stage"}, ConflictError, "there is a tag lifecycle_stage already"),
        ({"rule": "recency = 3"}, DefinitionError, "unknown field"),
        ({"rule": "age = 3 AND income = 3"}, DefinitionError, "unknown field 'income'"),
        ({"rule": "category_recency_days < 9"}, DefinitionError, "unknown field"),
        ({"of": {"fnd": "x"}}, DefinitionError, "weekly_in_oslo: of: there is no entity 'fnd'"),
        ({"of": {"a": "x", "b": "y"}}, DefinitionError, "of names one"),
        ({"kind": "model"}, DefinitionError, "the draft"),
        (
            {"name": "x.{category}", "category": "{category}", "family": {"top": 3}},
            DefinitionError,
            "no family",
        ),
        ({"title": {}}, DefinitionError, "title"),
    ],
)
def test_what_is_wrong_with_a_draft_is_said(context, change, error, message) -> None:
    with pytest.raises(error) as wrong:
        draft(context, MO, {**FIELDS, **change}, "a campaign in Oslo")
    assert message in str(wrong.value.message)
    assert not drafts(context, VI)


def test_a_draft_can_be_written_as_a_file(context) -> None:
    text = STAGE.replace("lifecycle_stage", "stage_of_mo").replace("kind: rule\n", "")
    assert draft(context, MO, text, "my own stages").definition.values == ("new", "lapsed", "returning")
    with pytest.raises(DefinitionError, match="YAML"):
        draft(context, MO, "name: [", "broken")
    with pytest.raises(DefinitionError):
        draft(context, MO, "[" * 20_000, "deep")
    bomb = "\n".join(f"k{n}: &k{n} [*k{n - 1}, *k{n - 1}]" for n in range(1, 40))
    with pytest.raises(DefinitionError) as wrong:
        draft(context, MO, f"k0: &k0 x\n{bomb}\nowner: *k39", "bomb")
    assert len(str(wrong.value.message)) < 50_000


def test_what_a_rule_may_speak_of_has_titles_and_leaves_out_what_is_sensitive(context) -> None:
    found = {f.name: f for f in fields(context, MO)}
    assert found["recency_days"].title["zh"] == "距上次购买天数"
    assert (found["recency_days"].source, found["category_recency_days"].source) == ("feature", "category")
    assert (found["city"].kind, found["city"].source) == ("text", "attribute")
    assert found["purchase_days_365d"].kind == "number"
    context = with_settings(context, "profiles", sensitive=("age",))
    assert "age" not in {f.name for f in fields(context, MO)}
    with pytest.raises(DefinitionError, match="unknown field 'age'"):
        draft(context, MO, {**FIELDS, "rule": "age >= 40"}, "older people")


def test_what_is_retired_is_not_said_any_more(shop, context) -> None:
    transition_tag(context, ANN, "quiet", "retired", "nobody uses it")
    with state_of(shop, context):
        run = score_tags(shop, None, as_of=DAY, now=NOW + timedelta(minutes=2))
        assert "quiet" not in {t.tag for t in run.tags}
        with pytest.raises(DefinitionError, match="quiet: retired"):
            score_tags(shop, ["quiet"], as_of=DAY, now=NOW)


def test_a_run_keeps_that_a_rule_names_something_sensitive(shop, context, monkeypatch) -> None:
    """Whoever reads the run later knows it, whatever the rule says by then."""
    profiles = shop.settings.profiles.model_copy(update={"sensitive": ("city",)})
    monkeypatch.setattr(shop, "settings", shop.settings.model_copy(update={"profiles": profiles}))
    with state_of(shop, context):
        kept = draft(context, ANN, FIELDS, "a campaign in Oslo")
        submit(context, ANN, kept.tag, "please look")
        transition_tag(context, ANN, kept.tag, "published", "fine")
        score_tags(shop, None, as_of=DAY, now=NOW)
        manifest = shop.store.current()
        marked = {tag.tag: tag.sensitivity for tag in manifest.run.tags}
    assert marked["weekly_in_oslo"] == "sensitive"
    assert "normal" in marked.values()
