"""Findings about profiles: an id that many share, bots, imports, and tables whose ids do not meet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tagcast.features.core.messages import Message, msg
from tagcast.features.quality.finding import Finding, SourceColumns, lines_of, literal, setting, shape

PLACEHOLDERS = (
    "undefined", "null", "none", "nan", "nil", "n/a", "#n/a", "na", "<na>", "unknown", "anonymous", "anon", "guest",
    "(not set)", "not set", "not provided", "missing", "empty", "blank", "-", "--", "?", "[object object]", "n.a.",
    "(none)", "(null)", "(empty)", "(blank)", "<null>", "<none>", "[null]", "{null}", "\\n", "#ref!", "#value!", "#name?",
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
NUMBERS_FOR_NOBODY = r"-1|0+(\.0+)?|9{4,}(\.0+)?|1{5,}|12345(6(7(89?0?)?)?)?"
"""Numbers that stand for nobody in many systems, and for somebody in others: suspect only with many lines."""
SHARED = 0.2
LEAST_PROFILES = 10
BOT_LINES = 1000
BOT_TIMES = 50
"""So many times what 95 of 100 profiles have is no person."""
MATCHING = 0.05
BEGINNERS = 0.4
LEAST_BEGINNERS = 20
BUSIER = 3
"""On the day of an import there are so many times the lines of an ordinary day."""
SHOWN = 5


def id_findings(connection: Any, columns: SourceColumns) -> Iterator[Finding]:
    """Yield ids that no single person has: placeholders, one with a fifth of all lines, and bots.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the table ``profile_counts``: profile_id, lines, first_day.
    columns : SourceColumns
    """
    rows, profiles, usual, many = connection.execute(
        "SELECT sum(lines)::BIGINT, count(*), median(lines), quantile_cont(lines, 0.95) FROM profile_counts"
    ).fetchall()[0]
    if not profiles:
        return
    suspects = connection.execute(
        """SELECT profile_id, lines FROM profile_counts
           WHERE list_contains(?, lower(trim(profile_id)))
              OR regexp_full_match(trim(profile_id), ?) AND lines >= 5 * ? AND lines >= 10
           ORDER BY lines DESC, profile_id LIMIT ?""",
        [list(PLACEHOLDERS), NUMBERS_FOR_NOBODY, usual, SHOWN],
    ).fetchall()
    for profile_id, lines in suspects:
        message = msg(
            "the id {id!r} has {lines}: it stands for nobody", id=profile_id, lines=lines_of(lines, rows)
        )
        yield Finding("warning", "shared_id", "sources", message, _leave_out(columns, profile_id))
    named = {profile_id for profile_id, _ in suspects}
    top = connection.execute(
        "SELECT profile_id, lines FROM profile_counts ORDER BY lines DESC, profile_id LIMIT ?",
        [SHOWN + len(named)],
    ).fetchall()
    rest = [(profile_id, lines) for profile_id, lines in top if profile_id not in named]
    for profile_id, lines in rest:
        if (
            profiles >= LEAST_PROFILES
            and lines >= SHARED * rows
            and lines >= 5 * max(many if profiles > 40 else usual, 1)
        ):
            message = msg(
                "the id {id!r} has {lines}: do many share it?", id=profile_id, lines=lines_of(lines, rows)
            )
            yield Finding("warning", "shared_id", "sources", message, _leave_out(columns, profile_id))
        elif (
            profiles >= LEAST_PROFILES
            and lines >= BOT_LINES
            and lines >= BOT_TIMES * (many if profiles > 40 else usual)
        ):
            message = msg(
                "the id {id!r} has {lines:,} lines, and 95 of 100 profiles have {usual:,.0f} at most: a bot, a test or a till?",
                id=profile_id,
                lines=lines,
                usual=many,
            )
            yield Finding("warning", "bot", "sources", message, _leave_out(columns, profile_id))


def beginning_findings(connection: Any, lines_by_day: dict[date, int]) -> Iterator[Finding]:
    """Yield a day on which most profiles begin and on which far more happened than on others: an import."""
    starts = connection.execute(
        "SELECT first_day, count(*) FROM profile_counts GROUP BY first_day ORDER BY count(*) DESC, first_day"
    ).fetchall()
    profiles = sum(count for _, count in starts)
    if not starts or len(lines_by_day) < 3:
        return
    day, count = starts[0]
    ordinary = sorted(lines_by_day.values())[len(lines_by_day) // 2]
    if count >= max(LEAST_BEGINNERS, BEGINNERS * profiles) and lines_by_day[day] >= BUSIER * ordinary:
        yield Finding(
            "warning",
            "import_day",
            "sources",
            msg(
                "{count:,} of {profiles:,} profiles ({share:.0%}) begin on {day}, with {lines:,} lines on that day and "
                "{ordinary:,} on an ordinary one: an import? How long they have been customers is unknown",
                count=count,
                profiles=profiles,
                share=count / profiles,
                day=day,
                lines=lines_by_day[day],
                ordinary=ordinary,
            ),
            msg(
                "give imported lines their true times, or leave them out: where = …; else let no tag rest on tenure or "
                "on being new"
            ),
        )


def meeting_findings(connection: Any, events: str, attributes: Path | None, as_of: date) -> Iterator[Finding]:
    """Yield attributes that match hardly anybody, and pairs of sources without a common profile."""
    if attributes is not None:
        matching, known = connection.execute(
            """SELECT count(*) FILTER (a.profile_id IS NOT NULL), count(*) FROM profile_counts p
               LEFT JOIN (SELECT CAST(profile_id AS VARCHAR) AS profile_id FROM read_parquet(?)) a USING (profile_id)""",
            [str(attributes)],
        ).fetchall()[0]
        sample = connection.execute(
            "SELECT CAST(min(profile_id) AS VARCHAR) FROM read_parquet(?)", [str(attributes)]
        ).fetchall()[0][0]
        if known and matching <= MATCHING * known and known >= LEAST_PROFILES:
            theirs = connection.execute("SELECT min(profile_id) FROM profile_counts").fetchall()[0][0]
            yield Finding(
                "warning",
                "attributes_match_nobody",
                "profiles",
                msg(
                    "the attributes know {matching:,} of {known:,} profiles with events",
                    matching=matching,
                    known=known,
                ),
                msg(
                    "check profiles.key: ids there look like {there}, ids of events like {here}",
                    there=_look(sample),
                    here=_look(theirs),
                ),
            )
    pairs = connection.execute(
        """WITH ids AS (SELECT DISTINCT source, profile_id FROM read_parquet(?) WHERE event_day < ?),
                sizes AS (SELECT source, count(*) AS n, min(profile_id) AS one FROM ids GROUP BY source),
                met AS (SELECT a.source AS s, b.source AS t, count(*) AS n FROM ids a JOIN ids b USING (profile_id)
                        WHERE a.source < b.source GROUP BY ALL)
           SELECT a.source, b.source, a.n, b.n, a.one, b.one FROM sizes a JOIN sizes b ON a.source < b.source
           LEFT JOIN met ON met.s = a.source AND met.t = b.source
           WHERE met.n IS NULL AND a.n >= ? AND b.n >= ? ORDER BY ALL""",
        [events, as_of, LEAST_PROFILES, LEAST_PROFILES],
    ).fetchall()
    for one, other, count, others, sample, theirs in pairs:
        yield Finding(
            "warning",
            "sources_match_nobody",
            f"sources.{other}",
            msg(
                "none of its {others:,} ids is among the {count:,} of {one}",
                others=others,
                count=count,
                one=one,
            ),
            msg(
                "expected where each has its own customers; else check columns.profile_id, or give an [identity] table: "
                "ids here look like {there}, there like {here}",
                there=_look(theirs),
                here=_look(sample),
            ),
        )


def _look(one: str | None) -> str:
    return repr(shape(one or ""))


def _leave_out(columns: SourceColumns, profile_id: str) -> Message:
    return msg(
        "leave its lines out in the source: {example}",
        example=setting("where", f"{columns.sql('profile_id')} <> {literal(profile_id)}"),
    )
