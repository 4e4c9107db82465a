"""The goal of a campaign: an outcome in the words of a tag, counted for each member alone, and whether more or less of it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import yaml
from pydantic import TypeAdapter, ValidationError

from tagcast.features.core.errors import DefinitionError, NotFoundError, TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.core.raw_errors import yaml_problem
from tagcast.features.core.validation import at, explained
from tagcast.models.definitions.outcomes import Predicted
from tagcast.models.definitions.window_outcomes import Label, Outcome, with_kind
from tagcast.serving.catalog.known_tags import find_tag, known_tags, may_see

if TYPE_CHECKING:
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

Wanted = Literal["more", "less"]
WANTED: tuple[Wanted, ...] = ("more", "less")
LONGEST_GOAL = 5_000
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
_EXAMPLE = "{kind: any_event, event: purchase, horizon_days: 30}"


@dataclass(frozen=True)
class Goal:
    """What a campaign is to achieve.

    Parameters
    ----------
    outcome : Outcome
        Of yes and no, of each member alone.
    wanted : {"more", "less"}
    tag : str
        Whose score tells it; empty: none is known to.
    predicted : bool
        Whether that score is the chance of this very outcome.
    """

    outcome: Predicted
    wanted: Wanted
    tag: str = ""
    predicted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a tag's file would say it."""
        written: dict[str, Any] = self.outcome.model_dump(mode="json", exclude_none=True)
        return written

    def lasting(self, days: int) -> Goal:
        """Return it counted over so many days, of which no tag may know the chance."""
        same = days == self.outcome.horizon_days
        outcome = self.outcome.model_copy(update={"horizon_days": days})
        return Goal(outcome, self.wanted, self.tag, self.predicted and same)


def outcome_from(goal: Mapping[str, Any]) -> Outcome:
    """Return the outcome that :meth:`Goal.to_json` wrote."""
    return _OUTCOME.validate_python(goal)


def goal_of_filter(context: ServiceContext, person: Person, tags: Sequence[str]) -> Goal | None:
    """Return the outcome of the first model tag among those of a filter whose outcome a campaign can have; None where none has."""
    for name in tags:
        try:
            return goal_of_tag(context, person, name)
        except (DefinitionError, NotFoundError):
            continue  # a rule, labels of a table, or a tag that only the run knows
    return None


def goal_of_tag(context: ServiceContext, person: Person, name: str) -> Goal:
    """Return the outcome of a tag as a goal.

    Spend, and being among those who spend most, become a purchase at all: money is measured beside every goal.

    Raises
    ------
    DefinitionError
        Where its outcome cannot be counted of each member alone.
    NotFoundError, NotAllowedError
        As of :func:`tagcast.serving.catalog.known_tags.find_tag`.
    """
    definition = find_tag(context, person, name).definition
    if definition is None or definition.kind == "rule":
        raise DefinitionError(
            msg("{tag} has no outcome: no model predicts it", tag=name),
            hint=msg("name a tag that a model predicts, or an outcome: {example}", example=_EXAMPLE),
        )
    goal = _countable(definition.outcome, None, name, msg("the outcome of {tag}", tag=name))
    # The score of an uplift tag is what an approach adds to the chance.
    return goal if definition.treatment is None else replace(goal, predicted=False)


def goal_tags(context: ServiceContext, person: Person) -> dict[str, dict[str, str]]:
    """Return the tags whose outcome can be a goal, each with its title by language, in order of name."""
    found = {}
    for name, tag in known_tags(context).items():
        if not may_see(person, tag) or tag.definition is None or tag.definition.kind == "rule":
            continue
        outcome = tag.definition.outcome
        if not isinstance(outcome, Label) and outcome.bound is None:
            found[name] = tag.title
    return found


def read_goal(context: ServiceContext, person: Person, requested: str | Mapping[str, Any]) -> Goal:
    """Return a goal as people give it: the name of a tag, or an outcome as a tag's file would say it, as YAML or a mapping.

    Beside the keys of ``outcome`` it may say ``wanted: less`` or ``wanted: more``.

    Raises
    ------
    DefinitionError
        Naming the key, what was found and what would be right.
    """
    if isinstance(requested, str):
        text = requested.strip()
        if "{" not in text and ":" not in text:
            return goal_of_tag(context, person, text)
        requested = _read(text)
    raw = dict(requested)
    wanted = raw.pop("wanted", None)
    if wanted is not None and wanted not in WANTED:
        raise _wrong(msg("wanted: expected more or less, found {found!r}", found=wanted))
    try:
        outcome = _OUTCOME.validate_python(with_kind(_with_tiers(raw)))
    except ValidationError as error:
        raise _wrong(_problem(error)) from error
    return _countable(outcome, wanted, "", msg("this goal"))


def check_goal(goal: Goal, log: EventLog) -> None:
    """Check that the event log has what a goal names.

    Raises
    ------
    DefinitionError
        For an event that never happened, or a column that is not there.
    """
    from tagcast.features.compute.window_aggregates import WindowRule, check_window
    from tagcast.features.core.duckdb import connect
    from tagcast.features.core.validation import suggested

    rule = goal.outcome.rule
    if isinstance(rule, WindowRule):
        check_window(connect().read_parquet(log.glob), rule, "goal", log.event_names)
    elif rule.event not in log.event_names:
        raise DefinitionError(
            msg("goal.event: no event is called {event!r}", event=rule.event),
            hint=suggested(rule.event, sorted(log.event_names)),
        )


def _read(text: str) -> Mapping[str, Any]:
    if len(text) > LONGEST_GOAL:
        raise _wrong(msg("a goal has at most {most:,} characters", most=LONGEST_GOAL))
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(yaml_problem(error)) from error
    if not isinstance(found, Mapping):
        raise _wrong(msg("expected keys and values, found {found!r}", found=text))
    return found


def _with_tiers(raw: dict[str, Any]) -> dict[str, Any]:
    """Let an amount do without the tiers that a tag would need."""
    return {"tiers": {"none": 0, "some": 1}, **raw} if raw.get("kind") == "amount" else raw


def _countable(outcome: Outcome, wanted: Wanted | None, tag: str, what: Message) -> Goal:
    """Return an outcome as a goal, where it can be counted of each member alone."""
    if isinstance(outcome, Label):
        raise DefinitionError(
            msg("{what} is read from a table of labels, which does not say what a campaign did", what=what),
            hint=msg("name an outcome that is counted from events: {example}", example=_EXAMPLE),
        )
    if outcome.bound is not None:
        raise DefinitionError(
            msg(
                "{what} is held against {bound}, which is another number for each",
                what=what,
                bound=outcome.bound,
            ),
            hint=msg("name an outcome with a number for all: {example}", example=_EXAMPLE),
        )
    counted = outcome.of_each
    predicted = bool(tag) and counted is outcome
    return Goal(counted, wanted or ("less" if counted.is_loss else "more"), tag, predicted)


def _problem(error: ValidationError) -> Any:
    problems = []
    for one in error.errors(include_url=False):
        place = ".".join(str(part) for part in one["loc"] if part not in _KINDS)
        missing = one["type"] == "missing"
        problems.append(msg("{key} is missing", key=place) if missing else at(place, explained(dict(one))))
    return listed(problems, "sentences")


_KINDS = {get_args(one.model_fields["kind"].annotation)[0] for one in get_args(get_args(Outcome)[0])}
"""What pydantic writes before the key of an outcome."""


def _wrong(problem: Any) -> TagcastError:
    return DefinitionError(
        msg("goal: {problem}", problem=problem),
        hint=msg("name a tag, or an outcome in its words: {example}", example=_EXAMPLE),
    )
