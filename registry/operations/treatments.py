"""Whom campaigns with a holdout approached by chance, and whom they left alone: what effects are learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.validation import suggested
from tagcast.registry.operations.approaches import approaches
from tagcast.registry.operations.campaigns import all_campaigns

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.registry.state.database import State

_ON_RECORD = msg("{command} shows those on record", command="tagcast campaign list")


def drawn_treatments(
    state: State,
    former: FormerIds,
    names: Sequence[str],
    where: str,
    elsewhere: Iterable[tuple[str, State]] = (),
) -> pd.DataFrame:
    """Return who was approached when, and who was left alone, in campaigns that held somebody out.

    Parameters
    ----------
    state : State
        Of the entity whose members are asked for.
    former : FormerIds
        Members get the ids that they have today.
    names : sequence of str
        Names or ids. Of several campaigns of one name those with a holdout count.
    where : str
        Names the place in errors.
    elsewhere : iterable of (str, State)
        Other entities of the project, looked at where a campaign is not found.

    Returns
    -------
    DataFrame
        As :func:`tagcast.features.compute.treatments.treatments`, by day and profile: ``profile_id``, ``day`` (the campaign's first),
        ``treated`` (int8), ``propensity`` (as it was drawn: 1 less the share to hold out). Who is a member of several of the
        campaigns of a day is left out: nobody could tell which of them did it.

    Raises
    ------
    DataError
        For a campaign that is not there, or held nobody out.
    """
    import pandas as pd

    every = all_campaigns(state)
    chosen: set[str] = set()
    for name in names:
        called = [one for one in every if name in {one.id, one.name}]
        if not called:
            raise _unknown(name, every, where, elsewhere)
        with_holdout = {one.id for one in called if one.held_out and 0 < one.share < 1}
        if not with_holdout:
            raise DataError(
                msg("{where}: the campaign {name!r} held nobody out", where=where, name=name),
                hint=msg(
                    "without a control group nobody can tell what an approach changed; export the next one with --holdout"
                ),
            )
        chosen |= with_holdout
    table = approaches(state, former, chosen).select(["profile_id", "first_day", "held_out", "propensity"])
    rows: pd.DataFrame = table.to_pandas().rename(columns={"first_day": "day"})
    rows = rows.assign(day=pd.to_datetime(rows["day"]).dt.date, treated=(~rows["held_out"]).astype("int8"))
    alone = ~rows.duplicated(["profile_id", "day"], keep=False)
    return (
        rows.loc[alone, ["profile_id", "day", "treated", "propensity"]]
        .sort_values(["day", "profile_id"])
        .reset_index(drop=True)
    )


def _unknown(
    name: str, every: Sequence[Campaign], where: str, elsewhere: Iterable[tuple[str, State]]
) -> DataError:
    """Return the error of a campaign that is not on record, with those that are."""
    problem = msg("{where}: there is no campaign {name!r}", where=where, name=name)
    for entity, state in elsewhere:
        if any(name in {one.id, one.name} for one in all_campaigns(state)):
            return DataError(
                problem,
                hint=msg(
                    "it is one of the entity {entity}: give the tag entity: {entity}, or name one of its own",
                    entity=entity,
                ),
            )
    hint: Text = msg(
        "no campaign is on record yet: one is an export with --goal and --holdout (docs/how-to/measure-a-campaign.md)"
    )
    if every:
        known = sorted({one.name for one in every})
        hint = msg("{meant}; {all}", meant=suggested(name, known), all=_ON_RECORD)
    return DataError(problem, hint=hint)
