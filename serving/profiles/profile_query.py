"""One profile from an open run: its tags and their reasons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import msg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.models.inference.rule_evaluator import term_words
from tagcast.serving.store.long_form import predictions_in
from tagcast.serving.store.schema import Kind

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class ProfileView:
    """One profile: its attributes and its tags with reasons (:func:`readable_reasons`)."""

    profile_id: str
    attributes: dict[str, Any]
    predictions: list[dict[str, Any]]


def no_others(_profile_id: str) -> Sequence[str]:
    """Return no other id: nobody was merged."""
    return ()


def profile(
    reader: StoreReader,
    profile_id: str,
    *,
    tags: Collection[str] | None = None,
    hidden: Collection[str] = (),
    other_ids: Callable[[str], Sequence[str]] = no_others,
) -> ProfileView:
    """Return one profile with its tags, under the id that the run holds of the person.

    Parameters
    ----------
    reader : StoreReader
    profile_id : str
    tags : collection of str, optional
        Only these; None takes all.
    hidden : collection of str
        Features that no reason may name.
    other_ids : callable
        Other ids of the same person (:meth:`tagcast.features.loads.former_ids.FormerIds.other_ids`), asked where the run
        does not hold this one.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    # What cannot be written as UTF-8 (a stray byte of a terminal) is nobody's id, and no database takes it.
    is_text = profile_id.encode(errors="ignore").decode() == profile_id
    found = reader.row(profile_id) if is_text else None
    if found is None and is_text:
        rows = ((other, reader.row(other)) for other in other_ids(profile_id))
        profile_id, found = next(((other, row) for other, row in rows if row is not None), (profile_id, None))
    if found is None:
        sample = reader.query(exp.select("profile_id").from_("profiles").limit(10_000)).read_all()
        near = get_close_matches(profile_id, sample.column(0).to_pylist(), n=1)
        hint = msg("{command} lists some", command="tagcast audience show")
        if near:
            hint = msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=hint)
        raise NotFoundError(msg("there is no profile {profile!r}", profile=profile_id), hint=hint)
    attributes = {name: found[name] for name in reader.manifest.attributes}
    about = {t.tag: t for t in reader.manifest.run.tags}
    predictions = predictions_in(found, reader.manifest.run, tags)
    for row in predictions:
        tag = about[row["tag"]]
        row["in_currency"], row["is_difference"] = tag.scale.in_currency, tag.scale.is_difference
        reasons = [reason for reason in row["reasons"] or () if reason["feature"] not in hidden]
        row["reasons"] = readable_reasons(reasons, tag.feature_set, tag.kind)
    return ProfileView(profile_id, attributes, predictions)


@lru_cache(maxsize=64)
def _titles(feature_set: str) -> dict[str, Feature]:
    return FeatureSet.parse(feature_set).titles() if feature_set else {}


def readable_reasons(
    reasons: Sequence[Mapping[str, Any]], feature_set: str, kind: Kind = "model"
) -> list[dict[str, Any]]:
    """Return reasons as people read them.

    Parameters
    ----------
    reasons : sequence of mapping
        ``feature``, ``value`` and ``contribution``, as the store holds them: of the log-odds, of the logarithm of
        an amount, or a rule's term with 1 where it held and -1 where it did not.
    feature_set : str
        ``FeatureSet.spec`` of the model or rule; empty where it is not known, names stand for titles then.
    kind : {"model", "amount", "uplift", "rule"}
        What predicted the tag.

    Returns
    -------
    list of dict
        In their order, each with ``title`` (en, zh), ``direction`` (``towards yes`` or ``towards no``; of an
        amount ``more`` or ``less``, of an uplift ``more persuaded`` or ``less persuaded``, of a rule ``holds`` or ``does not hold``) and ``size`` (|contribution|) beside
        what was given.
    """
    titles = _titles(feature_set)
    up, down = SCALES[kind].directions
    rows = []
    for reason in reasons:
        name, contribution = reason["feature"], reason["contribution"]
        title = titles.get(name)
        plain = {"en": title.en if title else name, "zh": title.zh if title else name}
        rows.append(
            {
                "feature": name,
                "title": term_words(name, titles) if kind == "rule" else plain,
                "value": reason["value"],
                "contribution": contribution,
                "direction": up if contribution > 0 else down,
                "size": abs(contribution),
            }
        )
    return rows
