"""Features of another Feast repo, fetched as they were known before a day: a row for each profile, typed as declared."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tagcast.features.core.duckdb import instant
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.feast_store.other_repo import OtherRepo
from tagcast.features.feast_store.quiet import quiet_feast
from tagcast.features.ingest.attributes.views import MOST_WORDS

if TYPE_CHECKING:
    import pyarrow as pa

JUST_BEFORE = timedelta(microseconds=1)
"""Feast joins what is known at or before a time; what is known at midnight is of the day that begins."""
_WHOLE = ("INT32", "INT64")
_NUMBER = r"-?(0|[1-9]\d{0,17})"


def fetch(repo: OtherRepo, ids: pa.Array, as_of: date) -> pa.Table:
    """Return what was known of profiles before the local midnight of ``as_of``.

    Parameters
    ----------
    repo : OtherRepo
    ids : pyarrow.StringArray
        Of profiles, each once, rising.
    as_of : date

    Returns
    -------
    pyarrow.Table
        A row for each of ``ids`` in their order: as the table of a view of attributes
        (:mod:`tagcast.features.compute.view_queries`).

    Raises
    ------
    DataError
        Where Feast fails, or does not answer for every profile.
    """
    import pandas as pd
    import pyarrow as pa

    moment = instant(as_of, repo.settings.timezone) - JUST_BEFORE
    asked = pd.DataFrame({repo.key: _keys(repo, ids)})
    known = asked[repo.key].notna()
    # DuckDB fails on nanoseconds.
    asked = asked[known].assign(event_timestamp=pd.Timestamp(moment).as_unit("us"))
    if repo.key_type in _WHOLE:
        asked = asked.astype({repo.key: "int64"})
    answer = _asked(repo, asked) if len(asked) else None
    rows = pd.DataFrame({repo.key: _keys(repo, ids)})
    if answer is not None:
        theirs = [given.column or name for name, given in repo.columns.items()]
        kept = list(dict.fromkeys([repo.key, *theirs]))
        frame = answer.select(kept).to_pandas()
        rows = rows.merge(frame, on=repo.key, how="left")
    naive = pa.scalar(moment.replace(tzinfo=None), pa.timestamp("us"))
    size = len(rows)
    made = {
        "profile_id": ids,
        "valid_from": pa.repeat(naive, size),
        "known_at": pa.repeat(naive, size),
        "known_day": pa.repeat(pa.scalar(as_of - timedelta(days=1), pa.date32()), size),
    }
    for name, given in repo.columns.items():
        column = given.column or name
        values = rows[column] if column in rows else pd.Series([None] * size, dtype=object)
        made[name] = _typed(values, given.kind, repo.settings.timezone)
        if given.kind == "word" and (words := len(made[name].unique())) > MOST_WORDS:
            raise DataError(
                msg(
                    "{where}.columns.{name}: {n:,} different words", where=repo.view.place, name=name, n=words
                ),
                hint=msg(
                    "a word has at most {most:,}: leave out what names single profiles, or group it in the table",
                    most=MOST_WORDS,
                ),
            )
    return pa.table(made)


def _asked(repo: OtherRepo, entities: Any) -> pa.Table:
    """Ask their store, and hold it to a row an entity."""
    options: dict[str, Any] = {"filter_by_created_timestamp": True} if repo.stamped else {}
    try:
        with quiet_feast():
            job = repo.store.get_historical_features(entity_df=entities, features=repo.service, **options)
            answer: pa.Table = job.to_arrow()
    except Exception as error:  # whatever store of theirs it is, and its drivers
        raise repo.failed(error) from error
    found = len(answer.column(repo.key).unique())
    if answer.num_rows != len(entities) or found != len(entities):
        raise DataError(
            msg(
                "{place}: their offline store answered {n:,} rows of {found:,} ids for {rows:,} ids",
                place=repo.view.place,
                n=answer.num_rows,
                found=found,
                rows=len(entities),
            ),
            hint=msg("it has to give each entity a row, features or not: use another offline_store"),
        )
    return answer


def _keys(repo: OtherRepo, ids: pa.Array) -> Any:
    """Return ids of profiles as their entity holds them; None where one cannot be theirs."""
    import pandas as pd

    texts = pd.Series(ids.to_pylist(), dtype=object)
    if repo.key_type not in _WHOLE:
        return texts
    whole = texts.str.fullmatch(_NUMBER)
    numbers = [int(text) if fits else None for text, fits in zip(texts, whole, strict=True)]
    return pd.Series(numbers, dtype="Int64")


def _typed(values: Any, kind: str, timezone: str) -> pa.Array:
    """Return a column as a view of attributes keeps it; what cannot be that is unknown."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    missing = values.isna()
    if kind == "number":
        numbers = pd.to_numeric(values.where(~missing, np.nan).astype(object), errors="coerce").to_numpy(
            np.float64
        )
        return pa.array(numbers, pa.float64(), mask=~np.isfinite(numbers))
    if kind == "flag":
        return pa.array(
            [None if gone else bool(value) for value, gone in zip(values, missing, strict=True)], pa.bool_()
        )
    if kind == "date":
        local = pd.to_datetime(values, utc=True).dt.tz_convert(timezone).dt.date
        return pa.array(
            [None if gone else day for day, gone in zip(local, missing, strict=True)], pa.date32()
        )
    words = (
        None if gone else str(value).strip() or None for value, gone in zip(values, missing, strict=True)
    )
    return pa.array(list(words), pa.string())
