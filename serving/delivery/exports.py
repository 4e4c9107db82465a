"""Exports of an audience's members: chosen columns, a share held out, consent and sensitivity honoured, on record.

What cannot be recorded is not handed out: the line of the audit log is written before a file gets its name.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from tagcast.features.core.errors import ConflictError, TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.features.loads.former_ids import FormerIds
from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.fields import PARTS
from tagcast.registry.access.audit_log import count_use, flush_uses, record
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import ResolvedFilter, names_for, resolve
from tagcast.serving.audiences.filter_sql import complement
from tagcast.serving.audiences.queries import (
    expired_sentences,
    expired_tags,
    export_column,
    names_of,
    quoted,
    tags_of,
    where_in,
)
from tagcast.serving.delivery.consent import consents_to, count_rows, require_purpose
from tagcast.serving.delivery.file_writer import written
from tagcast.serving.delivery.holdouts import save_holdout, was_held_out

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.models.filters.conditions import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

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
    """

    id: str
    rows: int
    held_out: int
    without_consent: int
    hidden: tuple[str, ...]
    columns: tuple[str, ...]
    sha256: str
    seed: int


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


def columns_for(context: ServiceContext, person: Person) -> list[str]:
    """Return the columns that ``person`` may export: attributes, and ``tag`` or ``tag.part`` of every tag."""
    require(person, "export")
    return list(_columns(names_for(context, person)))


def _check_alive(reader: StoreReader, tags: Collection[str], now: datetime) -> None:
    expired = expired_tags(reader, tags, now)
    if expired:
        raise ConflictError(
            msg("not exported: {expired}", expired=listed(expired_sentences(expired, now), "sentences")),
            hint=msg(
                "bring the sources up to date and publish a new run: {command}; or leave the tag out of filter and columns",
                command="tagcast score --all",
            ),
        )


@dataclass(frozen=True)
class _Column:
    tag: str | None
    expression: exp.Expr


def _columns(names: Names) -> dict[str, _Column]:
    """Return every column that ``names`` allow."""
    columns = {name: _Column(None, quoted(name)) for name in names.attributes}
    for tag in names.tags:
        for part in PARTS:
            column = export_column(tag, part)
            columns[column.alias_or_name] = _Column(tag, column)
    return columns


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
        Of the saved audience, for the audit log.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    ConflictError
        Where a tag that it uses has expired: nobody knows any more who is meant.
    TagcastError
        For an unknown column, channel or format, a share beyond 0 to 1, or a purpose left open where consent is configured.
    """
    require(person, "export")
    require_purpose(context.settings, channel, no_contact=no_contact)
    if not 0 <= holdout < 1:
        raise TagcastError(
            msg("expected a share from 0 to below 1 to hold out, found {share:g}", share=holdout),
            hint=msg("as in {example}", example="0.1"),
        )
    former = FormerIds() if seed is None else context.former_ids  # a new draw binds nobody to an earlier one
    if seed is None:
        seed = secrets.randbelow(2**31)
    resolved, now, export_id = resolve(context, person, tree), context.now, secrets.token_hex(8)
    names = names_for(context, person)
    with context.store.reader() as reader:
        chosen, hidden = _chosen(reader, names, resolved, columns)
        _check_alive(reader, {*tags_of(resolved.whole), *(c.tag for c in chosen.values() if c.tag)}, now)
        _, where = where_in(reader, resolved.whole, now, resolved.frozen)
        consents = consents_to(context, reader, channel)
        without = 0
        if consents is not None:
            without = count_rows(reader, exp.and_(where, complement(consents)))
            where = exp.and_(where, consents)
        query = (
            exp.select("profile_id", *[column.expression for column in chosen.values()])
            .from_("profiles")
            .where(where)
            .order_by("profile_id")
        )
        held: list[str] = []
        rows = reader.query(query)
        batches = _without_held(rows, holdout, seed, former, held) if holdout else iter(rows)
        with written(rows.schema, batches, to, format) as file:
            exported = ExportRecord(
                export_id, file.rows, len(held), without, hidden, tuple(chosen), file.sha256, seed
            )
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
                save_holdout(context.state, export_id, held)
                record(
                    context.state,
                    now=now,
                    who=person.name,
                    action="export",
                    subject=name or export_id,
                    detail=detail,
                )
    used = {*tags_of(resolved.whole), *(column.tag for column in chosen.values() if column.tag)}
    for tag in sorted(used):
        count_use(context.state, tag, "export", now)
    flush_uses(context.state)  # a command ends here, and what it counted with it
    return exported


def _chosen(
    reader: StoreReader, names: Names, resolved: ResolvedFilter, columns: Sequence[str] | None
) -> tuple[dict[str, _Column], tuple[str, ...]]:
    """Return the columns to write, and those that are there but not for this person."""
    there, allowed = _columns(names_of(reader)), _columns(names)
    if columns is None:
        of_tags = [c for t in tags_of(resolved.whole) for c in (t, f"{t}.score", f"{t}.confidence")]
        columns = [*reader.manifest.attributes, *of_tags]
    unknown = [c for c in columns if c not in there]
    if unknown:
        raise TagcastError(
            msg("there is no column {column!r} to export", column=unknown[0]),
            hint=msg("name attributes, tags, or tag.part"),
        )
    wanted = dict.fromkeys(columns)
    return {c: allowed[c] for c in wanted if c in allowed}, tuple(c for c in wanted if c not in allowed)


def _without_held(
    rows: pa.RecordBatchReader, share: float, seed: int, former: FormerIds, held: list[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows that are not held out, and add the ids of those that are to ``held``."""
    for batch in rows:
        ids = batch.column(0).to_pylist()
        held_out = pa.array([was_held_out(one, share, seed, former) for one in ids], pa.bool_())
        held += batch.column(0).filter(held_out).to_pylist()
        yield batch.filter(pc.invert(held_out))
