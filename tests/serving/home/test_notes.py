"""Notes of the home page: what waits for whom, promises, campaigns; first steps and pins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import render
from tagcast.features.ingest.event_log import active_log
from tagcast.models.stats.lift.estimates import Lift
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.lifecycle import transition
from tagcast.registry.governance.observed_accuracy import PromiseRow, record_promises
from tagcast.registry.governance.saved_audiences import SavedAudience, save
from tagcast.registry.operations.campaigns import Campaign, save_campaign
from tagcast.registry.state.id_lists import packed
from tagcast.serving.campaigns.figures import Figures
from tagcast.serving.context import open_context
from tagcast.serving.home.campaigns import campaign_notes
from tagcast.serving.home.first_steps import first_steps
from tagcast.serving.home.overview import home
from tagcast.serving.home.pinned import pin_audience, pin_tag
from tagcast.serving.home.promises import promise_notes
from tagcast.serving.home.waiting import draft_notes, review_notes
from tagcast.serving.rule_drafts import draft
from tests.support.champion import DAY, NOW, TAG, shop_with_champion
from tests.support.rule_tags import tree_of
from tests.support.shop import write_shop

pytestmark = [pytest.mark.xdist_group("home"), pytest.mark.slow]
MIA, ANN, BOB = Person("mia", "marketer"), Person("ann", "data_scientist"), Person("bob", "data_scientist")
VIC = Person("vic", "viewer")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A shop with one scored champion, where a second person has to agree."""
    folder = tmp_path_factory.mktemp("home")
    score_tags(shop_with_champion(folder), [TAG], as_of=DAY, now=NOW)
    config = folder / "tagcast.toml"
    config.write_text(
        config.read_text(encoding="utf-8") + "\n[review]\nsecond_person = true\n", encoding="utf-8"
    )
    found = open_context(open_project(config, folder / "home").settings, lambda: NOW)
    yield found
    found.store.close()
    found.state.close()


def words(notes) -> list[str]:
    return [render(note.text, "en") for note in notes]


def test_what_waits_is_shown_to_who_can_decide_it(context):
    for step, by in (("suspended", ANN), ("in_review", ANN)):
        transition(context.state, TAG, step, by=by, reason="r", now=NOW, second_person=True, published=True)
    assert words(review_notes(context, BOB)) == ["1 tag waits for your review"]
    assert words(review_notes(context, replace(ANN, name="ANN"))) == [], "whoever put it there cannot agree"
    assert review_notes(context, MIA) == []
    transition(context.state, TAG, "draft", by=ANN, reason="r", now=NOW, second_person=True)
    assert words(review_notes(context, ANN)) == ["1 tag is scored and not published yet"]
    for step, by in (("in_review", ANN), ("published", BOB)):
        transition(context.state, TAG, step, by=by, reason="r", now=NOW, second_person=True)
    assert review_notes(context, BOB) == []


def test_drafts_wait_for_who_wrote_them(context):
    rule = {
        "name": "oslo", "title": {"en": "In Oslo"}, "description": {"en": "Lives in Oslo"}, "path": ["A", "B"], "owner": "mia",
        "rule": "city = 'Oslo'",
    }  # fmt: skip
    draft(context, MIA, rule, "for the tests")
    (note,) = draft_notes(context, MIA)
    assert (note.subject["en"], note.path) == ("In Oslo", "/rules/new?draft=oslo")
    assert draft_notes(context, BOB) == []
    transition(context.state, "oslo", "in_review", by=MIA, reason="r", now=NOW, second_person=True)
    assert draft_notes(context, MIA) == []


def promise(tag, due, promised, right, predicted=1000) -> PromiseRow:
    return PromiseRow(tag, 1, due - timedelta(days=30), due, True, 0.0, predicted, promised, right)


def test_promises_are_told_once_their_window_has_closed_and_broken_ones_first(context):
    rows = [
        promise(TAG, DAY - timedelta(days=40), 0.9, 0.5),  # broken, and no news any more
        promise(TAG, DAY - timedelta(days=9), 0.9, 0.5),
        promise(TAG, DAY - timedelta(days=2), 0.8, 0.79),  # the newest counts: fewer, by chance
        promise("high_value", DAY - timedelta(days=3), 0.8, 0.7),
        promise("unheard_of", DAY - timedelta(days=3), 0.8, 0.7),
    ]
    record_promises(context.state, rows)
    broken, kept = promise_notes(context, MIA)
    assert (broken.path, broken.tone, kept.path, kept.tone) == (
        "/tags/high_value",
        "bad",
        f"/tags/{TAG}",
        "good",
    )
    assert "80% right promised, 70% came true" in render(broken.text, "en")
    assert "79% came true" in render(kept.text, "en")
    # Of fewer than a smallest cell nothing is shown to who may not look at single customers.
    record_promises(
        context.state, [promise("high_value", DAY, 0.8, 0.1, context.settings.access.smallest_cell - 1)]
    )
    assert [note.path for note in promise_notes(context, VIC)] == [f"/tags/{TAG}"]


def campaign(context, identity, starts, days=20, final=None) -> None:
    made = Campaign(
        identity, identity, "profile", NOW, "mia", "age > 30", ("age",), "", {"kind": "no_event", "horizon_days": days}, "less", "",
        starts, days, 0.2, 1, False, 80, 20, 0, 1, DAY, {"expected": None, "tags": {}}, final, NOW if final else None,
    )  # fmt: skip
    save_campaign(context.state, made, packed(()), packed(()))


def test_campaigns_are_told_by_the_days_of_the_data(context):
    until: date = active_log(context.settings.data).observed_until
    lift = Lift(80, 20, 0.2, 0.3, -0.1, -0.15, -0.05, "newcombe")
    figures = Figures("closed", until, 20, 20, 80, 20, lift=lift)
    campaign(context, "ahead", until + timedelta(days=3))
    campaign(context, "running", until - timedelta(days=5))
    campaign(context, "closed", until - timedelta(days=25))
    campaign(context, "measured", until - timedelta(days=25), final=figures.to_json())
    campaign(context, "long ago", until - timedelta(days=90))
    found = {note.subject["en"]: render(note.text, "en") for note in campaign_notes(context, MIA)}
    assert set(found) == {"ahead", "running", "closed", "measured"}
    assert found["running"] == "running, day 5 of 20: 80 given, 20 held out"
    assert "window has closed" in found["closed"]
    assert found["measured"] == "measured: it worked, \u221210.0 points (\u221215.0 … \u22125.0)"
    assert f"{until + timedelta(days=3)}" in found["ahead"]
    assert campaign_notes(context, VIC) == []


def test_first_steps_end_with_the_first_audience_and_pins_stand_on_the_home_page(context):
    assert [(step.name, step.done, step.next) for step in first_steps(context, MIA)][-2:] == [
        ("score", True, False),
        ("audience", False, True),
    ]
    audience = SavedAudience("Old", MIA.name, "", "city = 'Oslo'", "dynamic", NOW, NOW)
    save(context.state, audience, tree_of("city = 'Oslo'"), MIA, NOW)
    assert first_steps(context, MIA) == []
    pin_tag(context, MIA, TAG, on=True)
    pin_audience(context, MIA, "Old", on=True)
    with pytest.raises(NotFoundError):
        pin_audience(context, MIA, "New", on=True)
    with pytest.raises(NotFoundError):
        pin_tag(context, MIA, "nothing", on=True)
    found = home(context, MIA)
    assert ([one.row.name for one in found.tags], [one.name for one in found.audiences]) == ([TAG], ["Old"])
    assert home(context, BOB).tags == ()
    pin_tag(context, MIA, TAG, on=False)
    assert home(context, MIA).tags == ()


def test_an_empty_project_begins_with_its_data(tmp_path):
    settings = open_project(write_shop(tmp_path, customers=10), tmp_path / "home").settings
    context = open_context(settings, lambda: NOW)
    assert [(step.done, step.next) for step in first_steps(context, MIA)] == [
        (False, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip
    found = home(context, MIA)
    assert (found.news, found.notes) == (None, ())
    context.state.close()
