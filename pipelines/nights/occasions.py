"""What somebody should hear of a night, found in what is on record: a kill between an occasion and its notification loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Joined, Text, msg, render
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.nights.notify import News
from tagcast.registry.governance.night_record import notified, steps_since
from tagcast.registry.governance.observed_accuracy import broken_since
from tagcast.registry.governance.saved_audiences import all_saved
from tagcast.registry.operations.floors import FloorRow, observed_floors
from tagcast.serving.audiences.over_time.alerts import alert_of
from tagcast.serving.audiences.over_time.words import alert_words
from tagcast.serving.campaigns.words import floor_words

if TYPE_CHECKING:
    from tagcast.features.core.schema.operation import Occasion
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.governance.observed_accuracy import PromiseRow

NEWS_DAYS = 7
"""What is older is no news: nobody hears of it once [notify] is configured, or its server answers again."""


def unsent(project: Project, now: datetime) -> list[News]:
    """Return what nobody has heard of yet: of the steps of the last days, of broken promises, expired tags, sudden
    changes of audiences and waiting reviews.

    Parameters
    ----------
    project : Project
        Of one entity.
    now : datetime
    """
    since = now - timedelta(days=NEWS_DAYS)
    recorded = [News.from_json(one) for step in steps_since(project.state, since) for one in step.news]
    floors = [row for row in observed_floors(project.state) if row.due >= since.date() and row.is_broken]
    broken = [broken_promise(project, row) for row in (*broken_since(project.state, since.date()), *floors)]
    every = [*recorded, *broken, *_expired(project, now), *_audiences(project), *_reviews(project)]
    sent = notified(project.state)
    return list({one.id: one for one in every if one.id not in sent}.values())


def failure(
    project: Project, occasion: Occasion, step: str, due: datetime, inputs: str, text: Text | Joined
) -> News:
    """Return the news of a step that failed, or whose run was refused."""
    return _news(project, occasion, "", text, f"{step}:{due:%Y%m%dT%H%M}:{inputs}")


def broken_promise(project: Project, row: PromiseRow) -> News:
    """Return the news of a broken promise, or of a floor that a campaign broke."""
    if isinstance(row, FloorRow):
        text = msg(
            "its floor did not hold on the campaign {name}: {figures}",
            name=row.name,
            figures=floor_words(row),
        )
        return _news(project, "promise_broken", row.tag, text, f"{row.as_of}:{row.version}:{row.campaign}")
    text = msg(
        "the promise of {as_of} was broken: {promised:.3f} promised, {right:.3f} right",
        as_of=row.as_of,
        promised=row.promised,
        right=row.right,
    )
    return _news(project, "promise_broken", row.tag, text, f"{row.as_of}:{row.version}")


def filling_disk(project: Project, warning: Text | Joined, day: date) -> News:
    """Return the news of a disk that is nearly full, or soon will be: the same all week, so that somebody hears of it once in each."""
    return _news(project, "disk", "", warning, f"{day:%G-W%V}")


def waiting_review(project: Project, tag: str, version: int, text: Text | Joined) -> News:
    """Return the news of a version that waits for a person."""
    return _news(project, "review_needed", tag, text, str(version))


def _expired(project: Project, now: datetime) -> Iterator[News]:
    """Yield the tags of the active run that have expired."""
    active = project.store.current()
    for tag in active.run.tags if active is not None else ():
        if tag.expires_at <= now:
            day = f"{tag.expires_at:%Y-%m-%d}"
            text = msg("expired on {day}: nothing is known by it", day=day)
            yield _news(project, "stale", tag.tag, text, day)


def _audiences(project: Project) -> Iterator[News]:
    """Yield the saved audiences whose size changed suddenly with the active run."""
    log, share = project.store.log(), project.settings.notify.audience_change
    for audience in all_saved(project.state) if log else ():
        alert = alert_of(project.state, audience, log, share)
        if alert is not None:
            key = f"{alert.as_of}:{alert.run}:{audience.name}"
            yield _news(project, "audience_changed", "", alert_words(alert), key)


def _reviews(project: Project) -> Iterator[News]:
    """Yield the versions of the entity's tags that wait for a person."""
    from tagcast.registry.versions.promotion import pending
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of

    settings = project.settings
    if not tracking_exists(settings.whole.home, settings.mlflow):
        return
    for version in pending(tracking_of(settings)):
        reason = version.decision.reason if version.decision is not None else ""
        yield waiting_review(project, version.tag, version.version, reason)


def _news(project: Project, occasion: Occasion, tag: str, text: Text | Joined, key: str) -> News:
    entity = project.settings.entity
    about = " ".join(part for part in ("" if entity == PROFILE else entity, tag) if part)
    said = render(text, "en")
    name = ":".join(part for part in (occasion, entity, tag, key) if part)
    return News(occasion, entity, tag, f"{about}: {said}" if about else said, name)
