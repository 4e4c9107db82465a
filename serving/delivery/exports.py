"""Exports of an audience's members: chosen columns, a share held out, consent and sensitivity honoured, on record.

What cannot be recorded is not handed out: the line of the audit log is written before a file gets its name.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.accessed_profiles import Digests, all_of, digests_of
from tagcast.registry.access.audit_log import count_use, flush_uses, record
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.registry.operations.campaigns import save_campaign
from tagcast.registry.state.id_lists import packed
from tagcast.serving.audiences.filter_resolution import names_for, resolve
from tagcast.serving.delivery.consent import consents_to, count_rows, require_purpose
from tagcast.serving.delivery.draw import draw_arms, given_rows
from tagcast.serving.delivery.export_columns import check_alive, chosen_columns
from tagcast.serving.delivery.file_writer import written
from tagcast.serving.delivery.frequency import is_contact, keep_contacts, recent_contacts
from tagcast.serving.delivery.holdouts import save_holdout
from tagcast.serving.delivery.new_campaign import keep_members, new_campaign, plan_campaign
from tagcast.serving.filters.filter_sql import complement
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import tags_of, where_in

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.registry.access.roles import Person
    from tagcast.registry.state.database import State
    from tagcast.serving.context import ServiceContext

Format = Literal["csv", "parquet"]
_SHOWN = 2_000  # characters of a filter in the audit log


@dataclass(frozen=True)
class ExportRecord:
    """What was exported, as the audit log records it.

    Parameters
    ----------
    id : str
        Names the export and its holdout.
    rows : int
        Written.
    held_out : int
        Members held out at random, to compare with.
    standing : int
        Members left out since they belong to the standing control group.
    without_consent : int
        Members left out since they do not consent to the channel.
    hidden : tuple of str
        Columns left out since the person may not see them.
    columns : tuple of str
        Written beside ``profile_id``.
    sha256 : str
        Of the file.
    seed : int
        Chose who is held out.
    goal : dict or None
        Of the campaign that it is, an outcome in the words of a tag; None of an export that is no campaign.
    starts : date or None
        First day of the campaign.
    contacted, at_limit, rested : int
        Members who were contacted of late, as often as they may be, and of these who were left out for that.
    """

    id: str
    rows: int
    held_out: int
    standing: int
    without_consent: int
    hidden: tuple[str, ...]
    columns: tuple[str, ...]
    sha256: str
    seed: int
    goal: dict[str, Any] | None = None
    starts: date | None = None
    contacted: int = 0
    at_limit: int = 0
    rested: int = 0


def format_of(file: Path) -> Format:
    """Return the format that a file's name implies.

    Raises
    ------
    TagcastError
        For a name that ends otherwise.
    """
    for kind in get_args(Format):
        if file.suffix.lower() == f".{kind}":
            format_: Format = kind
            return format_
    raise TagcastError(
        msg("cannot write {file!r}: unknown kind of file", file=file.name),
        hint=msg("give a name that ends in .csv or .parquet"),
    )


def export(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    to: Path | IO[bytes],
    *,
    format: Format = "csv",  # noqa: A002 (it is what people call it)
    columns: Sequence[str] | None = None,
    holdout: float = 0.0,
    seed: int | None = None,
    channel: str | None = None,
    no_contact: bool = False,
    name: str = "",
    goal: str | Mapping[str, Any] | None = None,
    starts: date | None = None,
    days: int | None = None,
) -> ExportRecord:
    """Write the members to a file or stream.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    to : Path or binary stream
        A file is written whole or not at all.
    format : {"csv", "parquet"}
        In CSV a text that a spreadsheet would take for a formula gets a ``'`` before it.
    columns : sequence of str, optional
        Beside ``profile_id``, of :func:`columns_for`; None takes attributes and the parts of the filter's tags.
    holdout : float
        Share of the members held out at random, recorded.
    seed : int, optional
        Chooses them; without one it is drawn for this export alone, so that campaigns do not share a control group. With
        the seed of an earlier export the same persons are held out, also those whose accounts were merged since.
    channel : str, optional
        Of ``[consent]``: members without consent to it are left out and counted.
    no_contact : bool
        Whether the export is declared to contact nobody; where consent is configured, either this or a channel is needed.
    name : str
        Of the saved audience or the campaign, for the audit log.
    goal : str or mapping, optional
        What a campaign is to achieve (:func:`tagcast.serving.campaigns.goals.read_goal`). An export is a campaign where a goal is
        given, or where a share is held out and the filter names a tag whose outcome can be its goal; never with
        ``no_contact``.
    starts : date, optional
        First local day of the campaign; default: today. Not before the day of the data.
    days : int, optional
        For which the goal is counted; default: its horizon.

    Raises
    ------
    NotAllowedError
        Without the right "export", or without a purpose where one is asked for.
    ConflictError
        Where a tag that it uses has expired: nobody knows any more who is meant.
    TagcastError
        For an unknown column, channel or format, a share beyond 0 to 1, or a purpose left open where consent is configured.
    """
    require(person, "export")
    check_purpose(needed=context.settings.access.ask_purpose)
    require_purpose(context.settings, channel, no_contact=no_contact)
    if not 0 <= holdout < 1:
        raise TagcastError(
            msg("expected a share from 0 to below 1 to hold out, found {share:g}", share=holdout),
            hint=msg("as in {example}", example="0.1"),
        )
    resolved, now, export_id = resolve(context, person, tree), context.now, secrets.token_hex(8)
    names = names_for(context, person)
    with reader_for(context, person) as reader:
        chosen, hidden = chosen_columns(reader, names, resolved, columns)
        check_alive(
            reader, {*tags_of(resolved.whole), *(tag for c in chosen.values() for tag in c.tags)}, now
        )
        plan = None
        if not no_contact or goal is not None or starts is not None or days is not None:
            plan = plan_campaign(
                context, person, reader.manifest, resolved, name=name,
                goal=goal, starts=starts, days=days, holdout=holdout, no_contact=no_contact,
            )  # fmt: skip
        _, where = where_in(reader, resolved.whole, now, resolved.frozen)
        consents = consents_to(context, reader, channel)
        without = 0
        if consents is not None:
            without = count_rows(reader, exp.and_(where, complement(consents)))
            where = exp.and_(where, consents)
        tags, floors = (plan.tags, plan.floors) if plan else ((), ())
        contact = is_contact(context.settings, channel, no_contact=no_contact)
        recent = recent_contacts(context, no_contact=not contact, starts=plan.starts if plan else None)
        arms = draw_arms(context, reader, where, tags, share=holdout, seed=seed, floors=floors, recent=recent)
        new = None
        if plan:
            new = new_campaign(
                context, person, plan, arms, reader.manifest,
                id=export_id, name=name, filter=resolved.tree.text(), channel=channel or "", share=holdout,
            )  # fmt: skip
        query = (
            exp.select("profile_id", *[column.expression for column in chosen.values()])
            .from_("profiles")
            .where(where)
            .order_by("profile_id")
        )
        given_ids = packed(arms.ids(given=True) if recent is not None and new is None else ())
        rows = reader.query(query)
        kept = keep_members(context, export_id, plan, arms) if plan else nullcontext()
        given: list[Digests] = []
        batches = _noted(context.state, given_rows(rows, arms), given)
        with kept, written(rows.schema, batches, to, format) as file:
            exported = ExportRecord(
                export_id, file.rows, len(arms.held_out), arms.standing, without, hidden, tuple(chosen),
                file.sha256, arms.seed, plan.goal.to_json() if plan else None, plan.starts if plan else None,
                **asdict(arms.contacted),
            )  # fmt: skip
            detail = {
                **asdict(exported),
                "filter": resolved.tree.text()[:_SHOWN],
                "format": format,
                "holdout": holdout,
                "channel": channel,
                "no_contact": no_contact,
                "run": reader.manifest.number,
            }
            with context.state.writing():
                if new:
                    save_campaign(context.state, new.campaign, new.given, new.held_out)
                else:
                    save_holdout(context.state, export_id, arms.held_out)
                    if recent is not None:
                        keep_contacts(context, export_id, channel, given_ids)
                record(
                    context.state,
                    now=now,
                    who=person.name,
                    action="export",
                    subject=name or export_id,
                    detail=detail,
                )
                record_access(
                    context.state,
                    now=now,
                    who=person.name,
                    kind="export",
                    digests=all_of(given),
                    detail={"export": export_id},
                )
    used = {*tags_of(resolved.whole), *(tag for column in chosen.values() for tag in column.tags)}
    for tag in sorted(used):
        count_use(context.state, tag, "export", now)
    flush_uses(context.state)  # a command ends here, and what it counted with it
    return exported


def _noted(state: State, batches: Iterable[pa.RecordBatch], given: list[Digests]) -> Iterator[pa.RecordBatch]:
    """Yield batches as they come, and note whom they hold."""
    for batch in batches:
        given.append(digests_of(state, batch.column("profile_id").to_pylist()))
        yield batch
