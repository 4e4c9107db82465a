"""What a monitoring system watches of the nights, as Prometheus reads it: ages, durations, outcomes, promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.schema.entities import PROFILE
from tagcast.models.definitions.rule_tag import sensitivity_of
from tagcast.registry.governance.night_record import Outcome, last_done, newest_steps
from tagcast.registry.governance.observed_accuracy import promises_judged
from tagcast.registry.governance.rule_drafts import published_rules
from tagcast.registry.operations.floors import observed_floors
from tagcast.serving.catalog.known_tags import hidden_tags, written_tags
from tagcast.serving.filters.sensitive_fields import marked_sensitive
from tagcast.serving.monitoring.due import due_among, scored_at
from tagcast.serving.monitoring.machine_metrics import Machine

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OUTCOMES: tuple[Outcome, ...] = ("done", "nothing", "refused", "failed")


def metrics_text(context: ServiceContext, person: Person) -> bytes:
    """Return the metrics of every entity in Prometheus' text format; of tags those that ``person`` may see.

    Raises
    ------
    StateError, StoreError
        When state or store do not answer.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=True)
    registry.register(_Nights(context, person))
    registry.register(Machine(context))
    return bytes(generate_latest(registry))


class _Nights:
    """A collector: what is asked is read when it is asked for."""

    def __init__(self, context: ServiceContext, person: Person) -> None:
        self._contexts = {PROFILE: context, **context.entities}
        self._person = person

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily as Gauge

        run = Gauge("tagcast_run_age_seconds", "Since the active run was scored.", labels=["entity"])
        data = Gauge(
            "tagcast_data_age_seconds",
            "Since the day of the active run's data began (UTC).",
            labels=["entity"],
        )
        profiles = Gauge("tagcast_run_profiles", "Profiles of the active run.", labels=["entity"])
        left = Gauge(
            "tagcast_tag_expires_in_seconds",
            "Until nothing is known by a tag any more; negative since then.",
            labels=["entity", "tag"],
        )
        overdue = Gauge(
            "tagcast_tag_overdue_seconds",
            "Since the refresh of a tag, or family, that no run has followed yet; 0 of one that is not due.",
            labels=["entity", "tag"],
        )
        judged = Gauge(
            "tagcast_promises_judged",
            "Runs of a tag whose promise was judged, or campaigns that judged its floor.",
            labels=["entity", "tag"],
        )
        broken = Gauge(
            "tagcast_promises_broken",
            "Of these, those that broke it by more than chance.",
            labels=["entity", "tag"],
        )
        seconds = Gauge(
            "tagcast_night_step_seconds",
            "How long a step of tagcast run due took the last time.",
            labels=["entity", "step"],
        )
        started = Gauge(
            "tagcast_night_step_timestamp_seconds",
            "When the night began that did a step last.",
            labels=["entity", "step"],
        )
        scored = Gauge(
            "tagcast_tag_run_age_seconds",
            "Since a tag was last scored in a published run.",
            labels=["entity", "tag"],
        )
        loaded = Gauge(
            "tagcast_load_age_seconds",
            "Since the night began that loaded events last without a fault.",
            labels=["entity"],
        )
        outcome = Gauge(
            "tagcast_night_step_outcome",
            "1 for how a step ended the last time.",
            labels=["entity", "step", "outcome"],
        )
        for entity, context in self._contexts.items():
            now = context.now
            hidden = hidden_tags(context, self._person)
            active = _current(context)
            if active is not None:
                last = scored_at(context.store.log())
                run.add_metric([entity], (now - active.run.scored_at).total_seconds())
                day = datetime.combine(active.run.as_of, datetime.min.time(), now.tzinfo)
                data.add_metric([entity], (now - day).total_seconds())
                if not self._person.limits:  # else a number of profiles that they do not see
                    profiles.add_metric([entity], active.profiles)
                for tag in active.run.tags:
                    if tag.tag not in hidden:
                        left.add_metric([entity, tag.tag], (tag.expires_at - now).total_seconds())
                        at = last.get(tag.tag, active.run.scored_at)
                        scored.add_metric([entity, tag.tag], (now - at).total_seconds())
            for tag_name, late in _overdue(context, now, hidden).items():
                overdue.add_metric([entity, tag_name], late)
            for tag_name, (of_all, of_broken) in _judged(context).items():
                if tag_name not in hidden:
                    judged.add_metric([entity, tag_name], of_all)
                    broken.add_metric([entity, tag_name], of_broken)
            if (at_last := last_done(context.state, "load")) is not None:
                loaded.add_metric([entity], (now - at_last.started_at).total_seconds())
            for step in newest_steps(context.state):
                seconds.add_metric([entity, step.step], step.seconds)
                started.add_metric([entity, step.step], step.started_at.timestamp())
                for one in OUTCOMES:
                    outcome.add_metric([entity, step.step, one], float(step.outcome == one))
        yield from (
            run,
            data,
            profiles,
            left,
            overdue,
            judged,
            broken,
            seconds,
            started,
            scored,
            loaded,
            outcome,
        )


def _current(context: ServiceContext) -> Manifest | None:
    """Return the active run; None too where the store does not answer, which a metric of its own says."""
    try:
        return context.store.current()
    except StoreError:
        return None


def _judged(context: ServiceContext) -> dict[str, tuple[int, int]]:
    """Return of each tag how many runs were judged, of an uplift tag how many campaigns, and how many broke what was promised."""
    found = promises_judged(context.state)
    for row in observed_floors(context.state):
        of_all, of_broken = found.get(row.tag, (0, 0))
        found[row.tag] = of_all + 1, of_broken + row.is_broken
    return found


def _overdue(context: ServiceContext, now: datetime, hidden: frozenset[str]) -> dict[str, float]:
    """Return for how many seconds each tag or family that a person may see has been due, by name."""
    tags = [
        tag
        for tag in (*written_tags(context), *published_rules(context.state))
        if tag.name not in hidden
        and (not hidden or sensitivity_of(tag, marked_sensitive(context)) == "normal")
    ]
    try:
        log = context.store.log()
    except StoreError:
        return {}
    due = due_among(tags, context.state, log, now, context.settings.timezone)
    return {tag.name: 0.0 for tag in tags} | {one.tag: (now - one.since).total_seconds() for one in due}
