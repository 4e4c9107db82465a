"""What speaks for a tag: its features, grade, drivers, versions and decisions, and what its model promised in the test."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError, ModelError
from tagcast.features.core.messages import Joined, Message, Text, msg
from tagcast.models.definitions.diff import overlaid
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.stats.metrics import CalibrationBin
from tagcast.registry.governance.applied_definitions import active
from tagcast.registry.governance.observed_accuracy import PromiseRow, promise_rows
from tagcast.registry.governance.shadows import standings
from tagcast.serving.catalog.stored_models import StoredModel, card_facts, plots_of, stored_model
from tagcast.serving.publishing.quality_over_runs import retraining_advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.models.definitions.definition import Definition
    from tagcast.models.definitions.rule_tag import RuleDefinition
    from tagcast.registry.versions.decision_log import Decision
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.catalog.known_tags import KnownTag
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.publishing.quality_over_runs import RunQuality

log = logging.getLogger("tagcast")


@dataclass(frozen=True)
class SourceFeature:
    """A feature or an attribute that a tag looks at, with its title by language."""

    name: str
    title: dict[str, str]


@dataclass(frozen=True)
class DriverRow:
    """A feature's part in the score.

    Parameters
    ----------
    title : dict of str to str
    size : float
        Mean |contribution|: in log-odds, of an amount in its logarithm.
    share : float
        Of the sizes of all features listed, in [0, 1].
    direction : str
        ``rises``, ``falls``, ``mixed``; empty where it was not measured.
    sentence : dict of str to str
        The same in words; empty for an amount.
    quartiles : (float or None, float or None)
        The lower and the upper one among those it was measured on.
    """

    feature: str
    title: dict[str, str]
    size: float
    share: float
    direction: str
    sentence: dict[str, str]
    quartiles: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class VersionRow:
    """One version of the model, with its metrics of the test snapshot and the last decision on it."""

    version: int
    created: datetime
    aliases: tuple[str, ...]
    grade: str | None
    metrics: dict[str, float]
    decision: str
    reason: Text | Joined
    checks: tuple[dict[str, Any], ...]
    reservations: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecisionRow:
    """Who decided what on which version, when and why."""

    version: int
    action: str
    how: str
    by: str
    reason: Text | Joined
    at: datetime


@dataclass(frozen=True)
class ShadowRow:
    """How a challenger does beside the champion in the shadow.

    Parameters
    ----------
    since : date
        As of which run it was scored beside this champion first.
    judged : int
    difference, low, high : float or None
        Its loss minus the champion's over these runs, with a 95 % interval; None while none was judged.
    is_better : bool
        Whether it is better beyond chance.
    text : Message
        All of it in words.
    """

    version: int
    champion: int
    since: date
    judged: int
    difference: float | None
    low: float | None
    high: float | None
    is_better: bool
    text: Text


@dataclass(frozen=True)
class Evidence:
    """The evidence for a tag; the fields are those of :class:`tagcast.serving.catalog.tag_details.TagPage`."""

    features: tuple[SourceFeature, ...] = ()
    grade_reasons: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    drivers: tuple[DriverRow, ...] = ()
    versions: tuple[VersionRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    promise: tuple[PromiseRow, ...] = ()
    shadows: tuple[ShadowRow, ...] = ()


def evidence_of(context: ServiceContext, tag: KnownTag) -> Evidence:
    """Return the evidence for ``tag``: of its champion, else of its newest version.

    A model whose files were changed or lost shows what is left; the log holds the reason.
    """
    if tag.definition is not None and tag.definition.kind == "rule":
        return Evidence(features=_rule_features(context, tag.definition, tag))
    if not tag.versions:
        return Evidence()
    version = tag.champion or tag.versions[0]
    versions = tuple(_version_row(v) for v in tag.versions)
    decisions, shadows = _decisions(context, tag.name), _shadows(context, tag)
    try:
        model = stored_model(context, version)
        facts, plots = card_facts(context, version), plots_of(context, version)
    except ModelError as error:
        log.warning(
            msg("the page of {tag} goes without its model: {problem}", tag=tag.name, problem=error.message)
        )
        return Evidence(versions=versions, decisions=decisions, shadows=shadows)
    titles = _titles(model.feature_set)
    return Evidence(
        features=tuple(SourceFeature(name, _title(titles, name)) for name in model.features),
        grade_reasons=tuple(facts.get("grade", {}).get("reasons", ())),
        plots=plots,
        calibration=tuple(CalibrationBin(**one) for one in facts.get("calibration", ())),
        drivers=_drivers(facts.get("drivers", ()), titles),
        versions=versions,
        decisions=decisions,
        promise=_promise(version, model),
        shadows=shadows,
    )


def active_definition(context: ServiceContext, tag: KnownTag) -> Definition | None:
    """Return the definition by which the active run scored ``tag``; of a tag that it lacks, that of the files.

    Of a model it is the one it was trained with, and what was activated between its training and the run; a file
    that was changed since is none of it.
    """
    if tag.run is None:
        return tag.definition
    manifest = context.store.current()
    line = active(context.state, manifest.run.scored_at if manifest else None, tag=tag.name).get(tag.name)
    if tag.kind == "rule":
        return line.definition if line is not None else tag.definition
    version = next((v for v in tag.versions if str(v.version) == tag.run.model_version), None)
    if version is None:
        return tag.definition
    try:
        trained = stored_model(context, version).definition
    except ModelError:
        return tag.definition
    if line is not None and line.how == "applied" and line.at > version.created:
        return overlaid(trained, line.definition) if isinstance(line.definition, TagDefinition) else trained
    return trained


def advice_of(context: ServiceContext, tag: KnownTag, runs: Sequence[RunQuality]) -> Message | None:
    """Return why ``tag`` should be trained anew; None where nothing asks for it, and where nights train it."""
    definition = tag.definition
    if tag.champion is None or not isinstance(definition, TagDefinition) or definition.retrain is not None:
        return None
    return retraining_advice(runs, tag.champion, tag.versions[0], context.now)


def decision_text(decision: Decision) -> str:
    """Return who decided what: ``promoted by Ann Lee against beats_rfm``."""
    if decision.how == "shadow":
        return f"{decision.action}, better in the shadow"
    if decision.how == "gate":
        waits = f", by {decision.by}" if decision.action == "proposed" else ""
        return f"{decision.action} by the gate{waits}"
    against = decision.figures.get("forced") if decision.how == "force" else None
    return f"{decision.action} by {decision.by}" + (f" against {', '.join(against)}" if against else "")


def _version_row(v: Version) -> VersionRow:
    decision = v.decision
    return VersionRow(
        v.version,
        v.created,
        v.aliases,
        v.grade,
        dict(v.metrics),
        decision_text(decision) if decision else "",
        decision.reason if decision else "",
        tuple(decision.figures.get("checks", ())) if decision else (),
        v.reservations,
    )


def _decisions(context: ServiceContext, name: str) -> tuple[DecisionRow, ...]:
    tracking = context.tracking
    made = tracking.decisions.history(name) if tracking else []
    return tuple(
        DecisionRow(d.version, d.action, d.how, d.by, d.reason, d.decided_at) for d in reversed(made)
    )


def _shadows(context: ServiceContext, tag: KnownTag) -> tuple[ShadowRow, ...]:
    rows = []
    for one in standings(context.state, tag.versions):
        difference, low, high = one.difference or (None, None, None)
        about = (one.version, one.champion, one.since, len(one.runs))
        rows.append(ShadowRow(*about, difference, low, high, one.is_better, one.message))
    return tuple(rows)


def _promise(version: Version, model: StoredModel) -> tuple[PromiseRow, ...]:
    test = date.fromisoformat(model.test)
    due = test + timedelta(days=model.definition.horizon_days)
    return tuple(promise_rows(version.tag, version.version, test, due, version.metrics, observed=False))


def _drivers(drivers: Any, titles: dict[str, Any]) -> tuple[DriverRow, ...]:
    whole = sum(d["size"] for d in drivers) or 1.0
    return tuple(
        DriverRow(
            d["feature"],
            _title(titles, d["feature"]),
            d["size"],
            d.get("share") or d["size"] / whole,
            d.get("direction", ""),
            {language: d[language] for language in ("en", "zh") if language in d},
            (d.get("low"), d.get("high")),
        )
        for d in drivers
    )


def _rule_features(context: ServiceContext, rule: RuleDefinition, tag: KnownTag) -> tuple[SourceFeature, ...]:
    """Return the fields that a rule uses; nothing where the active run knows no such feature or attribute."""
    from tagcast.models.definitions.rule_tag import resolve, rule_names

    manifest = context.store.current()
    if manifest is None:
        return ()
    sets = [tag.run.feature_set] if tag.run else sorted({t.feature_set for t in manifest.run.tags})
    for spec in filter(None, sets):
        features = FeatureSet.parse(spec)
        try:
            entity = rule.pair.entity if rule.pair else None
            names = rule_names(features, manifest.attributes, entity=entity)
            used = resolve(rule, names).fields
        except DefinitionError:
            continue
        titles = _titles(spec)
        return tuple(SourceFeature(name, _title(titles, name)) for name in used)
    return ()


def _titles(feature_set: str) -> dict[str, Any]:
    return dict(FeatureSet.parse(feature_set).titles()) if feature_set else {}


def _title(titles: dict[str, Any], name: str) -> dict[str, str]:
    title = titles.get(name)
    return {"en": title.en if title else name, "zh": title.zh if title else name}
