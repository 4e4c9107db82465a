"""One profile: its tags and their reasons, what they were before, and what the customer did."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.core.engines.key_ranges import PART_FILES
from tagcast.features.ingest.event_log import last_events
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import columns_of, hidden_attributes
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.profiles.profile_query import profile
from tagcast.serving.profiles.purchases import Purchases, purchases_before
from tagcast.serving.profiles.recent_lookups import remember_lookup

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Entry

Cause = Literal["data", "model", "threshold"]
ALL_EVENTS = 100_000
"""More of one profile are a machine's."""
KEY_FEATURES = (
    "recency_days",
    "tenure_days",
    "purchase_days_30d",
    "purchase_days_90d",
    "spend_30d",
    "spend_90d",
    "gap_mean_days",
    "basket_mean",
    "categories_90d",
)


@dataclass(frozen=True)
class Change:
    """A tag's value or band changed when a run was activated.

    ``cause`` is what was different of the tag in that run: its ``model``, else its ``threshold`` (of a rule the rule), else
    nothing but the ``data``.
    """

    at: datetime
    tag: str
    was_value: str | None
    value: str | None
    was_band: str | None
    band: str | None
    cause: Cause = "data"


@dataclass(frozen=True)
class ProfileDetails:
    """One profile.

    Parameters
    ----------
    profile_id : str
        As the active run holds it: of a person who was merged, another one than was asked for.
    as_of : date
        Of what day the tags are.
    attributes : dict
        Attributes that the person may see.
    hidden : tuple of str
        Names of attributes and tags that are there, but sensitive and not for this person; tags that are not published are
        none of these.
    tags : list of dict
        ``tag``, ``title`` (en, zh), ``path``, ``kind``, ``values`` (as in :class:`tagcast.serving.store.schema.TagRun`), ``value``, ``score``, ``lower``, ``upper``, ``confidence``, ``percentile``,
        ``band``, ``unknown_because``, ``in_currency``, ``reasons`` (:func:`tagcast.serving.profiles.profile_query.readable_reasons`),
        ``reasons_method``, ``model_version``, ``scored_at``, ``expires_at``, ``expired``: whether that time is over.
    features : list of dict
        ``feature``, ``title`` (en, zh), ``value``.
    history : tuple of Change
        Newest first.
    events : list of dict
        The last ones, newest first: ``event_time``, ``event``, ``amount`` and the rest of the event log.
    purchases : Purchases or None
        What was bought before that day; None where only tags were asked for.
    """

    profile_id: str
    as_of: date
    attributes: dict[str, Any]
    hidden: tuple[str, ...]
    tags: list[dict[str, Any]]
    features: list[dict[str, Any]]
    history: tuple[Change, ...]
    events: list[dict[str, Any]]
    purchases: Purchases | None = None


def profile_page(
    context: ServiceContext, person: Person, profile_id: str, *, events: int = 50
) -> ProfileDetails:
    """Return what is known of one profile.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    profile_id : str
    events : int
        The most that are shown.

    Raises
    ------
    NotAllowedError
        Without the right "profiles", or without a purpose where one is asked for.
    StoreError
        When there is none of that id.
    """
    page = _tags_of(context, person, profile_id)
    tags = {row["tag"] for row in page.tags} | set(columns_of(context, person).tags)
    data = context.settings.data
    # The event log may be newer than the run, and hold them under the id of today.
    every = last_events(data, context.former_ids.person(page.profile_id), ALL_EVENTS)
    details = ProfileDetails(
        page.profile_id,
        page.as_of,
        page.attributes,
        page.hidden,
        page.tags,
        key_features(data, page.profile_id, page.as_of, hidden_attributes(context, person)),
        tuple(change for change in _history(context, page.profile_id) if change.tag in tags),
        every[:events],
        purchases_before(every, page.as_of),
    )
    remember_lookup(context, person, details.profile_id)
    _record(context, person, details)
    return details


def look_up(context: ServiceContext, person: Person, profile_id: str) -> ProfileDetails:
    """Return attributes and tags alone, from the store within milliseconds; the rest is empty.

    Raises
    ------
    NotAllowedError
        Without the right "profiles", or without a purpose where one is asked for.
    StoreError
        When there is none of that id.
    """
    details = _tags_of(context, person, profile_id)
    _record(context, person, details)
    return details


def _record(context: ServiceContext, person: Person, details: ProfileDetails) -> None:
    """Put on record whom ``person`` is about to be shown, before they are."""
    detail = {"events": len(details.events)}
    record_access(
        context.state,
        now=context.now,
        who=person.name,
        kind="profile",
        ids=[details.profile_id],
        detail=detail,
    )


def _tags_of(context: ServiceContext, person: Person, profile_id: str) -> ProfileDetails:
    require(person, "profiles")
    check_purpose(needed=context.settings.access.ask_purpose)
    names, secret = columns_of(context, person), hidden_attributes(context, person)
    with reader_for(context, person) as reader:
        other_ids = context.former_ids.other_ids
        view = profile(reader, profile_id, tags=names.tags, hidden=secret, other_ids=other_ids)
        run = reader.manifest.run
    about = {tag.tag: tag for tag in run.tags}
    attributes = {name: value for name, value in view.attributes.items() if name in names.attributes}
    sensitive = hidden_tags(context, person)
    hidden = [
        *(n for n in view.attributes if n not in attributes),
        *(t.tag for t in run.tags if t.tag in sensitive),
    ]
    now = context.now
    tags = [
        {
            **row,
            "title": {"en": about[row["tag"]].title_en, "zh": about[row["tag"]].title_zh},
            "path": about[row["tag"]].path,
            "kind": about[row["tag"]].kind,
            "values": about[row["tag"]].values,
            "expired": row["expires_at"] <= now,
        }
        for row in view.predictions
    ]
    return ProfileDetails(view.profile_id, run.as_of, attributes, tuple(hidden), tags, [], (), [])


def _history(context: ServiceContext, profile_id: str) -> list[Change]:
    log = context.store.log()
    entries = {entry.number: (before, entry) for before, entry in zip([None, *log], log, strict=False)}
    return [
        Change(
            entries[row["entry"]][1].at,
            row["tag"],
            row["was_value"],
            row["now_value"],
            row["was_band"],
            row["now_band"],
            _cause(*entries[row["entry"]], row["tag"]),
        )
        for row in context.store.store.changes_of(profile_id, 0)
        if row["entry"] in entries
    ]


def _cause(before: Entry | None, entry: Entry, name: str) -> Cause:
    """Return what of a tag was different in a run from the one that was active before."""
    if before is None:
        return "data"
    was, now = (next((t for t in one.manifest.run.tags if t.tag == name), None) for one in (before, entry))
    if was is None or now is None:
        return "data"
    if was.model_version != now.model_version:
        return "model"
    return "threshold" if was.deciding != now.deciding else "data"


def key_features(
    data: Path, profile_id: str, as_of: date, hidden: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Read a few features of one profile but ``hidden`` from the newest snapshot at ``as_of``, if it is still there.

    Those of tagcast's own of somebody who bought something, then the first known ones of declared views.
    """
    root = data / "features"
    views = sorted(root.glob(f"*/as_of={as_of}/{PROFILE_VIEW}"), key=lambda f: f.stat().st_mtime)
    if not views:
        return []
    folder = views[-1].parent
    spec = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))["spec"]
    feature_set = FeatureSet.parse(spec)
    found = _features_of(folder, PROFILE_VIEW, profile_id, KEY_FEATURES)
    if found.get("recency_days") is None and feature_set.own:
        found = {}
    for view in feature_set.own:
        if len(view.keys) == 1 and len(found) < len(KEY_FEATURES):
            own = _features_of(folder, view.name, profile_id, [feature.name for feature in view.features()])
            found |= {name: value for name, value in own.items() if value is not None}
    titles = feature_set.titles()
    found = {name: value for name, value in found.items() if name not in hidden}
    return [
        {"feature": name, "title": {"en": titles[name].en, "zh": titles[name].zh}, "value": value}
        for name, value in list(found.items())[: len(KEY_FEATURES)]
    ]


def _features_of(folder: Path, view: str, profile_id: str, names: Sequence[str]) -> dict[str, float | None]:
    import pyarrow.dataset as ds

    files = sorted((folder / view).glob(PART_FILES))
    if not files:
        return {}
    data = ds.dataset(files)
    there = [name for name in names if name in data.schema.names]
    rows = data.to_table(columns=there, filter=ds.field("profile_id") == profile_id).to_pylist()
    return dict(rows[0]) if rows else {}
