"""What was last said of a profile before a day: the memory of tags with hysteresis.

Which run is the past depends only on what is kept and on the day that is scored, never on the clock: a
day scored twice has the same past both times, and so the same tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import StoreError
from serving.predictions import column_name
from serving.store_files import Manifest, kept_manifests, last_before

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from models.tag import TagDefinition


def past_run(folder: Path, definition: TagDefinition, as_of: date) -> Manifest | None:
    """Return the published run whose values ``definition`` holds on to at ``as_of``.

    It is the tag's last run of an earlier day, whichever model said it: what flickers is what people saw,
    and calibrated scores of two models stand on one scale. None where there is no such run, where it had
    expired by ``as_of`` (people saw nothing then), and where the tag meant something else (another
    population or outcome under the same name).

    Parameters
    ----------
    folder : Path
        The store.
    definition : TagDefinition
    as_of : date
        The day that is scored.
    """
    manifest = last_before(kept_manifests(folder), definition.name, as_of)
    if manifest is None:
        return None
    said = next(t for t in manifest.run.tags if t.tag == definition.name)
    # Reckoned in days of the data: by the clock, the same day scored later would have no past.
    alive = as_of - manifest.run.as_of < said.expires_at - manifest.run.scored_at
    return manifest if alive and said.question == definition.question else None


class PastValues:
    """Published values of some tags, read for one batch of profiles at a time.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With each run's file attached.
    places : dict of str to str
        Tag to the alias of its run.
    """

    def __init__(self, connection: Any, places: dict[str, str]) -> None:
        self._connection = connection
        self._places = places

    def of(self, tag: str, ids: pa.StringArray) -> npt.NDArray[np.object_] | None:
        """Return the last published value of each profile, None where it had none.

        Only the profiles between the least and the greatest id are read: both sides lie in order of id,
        so a whole run costs one pass, and memory holds one batch.
        """
        import numpy as np
        import pyarrow.compute as pc
        from sqlglot import exp

        alias = self._places.get(tag)
        if alias is None or not len(ids):
            return None
        value = exp.column(exp.to_identifier(column_name(tag, "value"), quoted=True))
        query = (
            exp.select("profile_id", exp.alias_(exp.cast(value, "VARCHAR"), "value"))
            .from_(exp.table_("profiles", db=alias))
            .where("profile_id BETWEEN $min AND $max")
        )
        found = self._connection.sql(query.sql("duckdb"), params=pc.min_max(ids).as_py()).to_arrow_table()
        place = pc.index_in(ids, value_set=found.column("profile_id").combine_chunks())
        return np.asarray(found.column("value").take(place).to_numpy(zero_copy_only=False), dtype=object)


@contextmanager
def open_past(folder: Path, runs: Iterable[tuple[str, Manifest]]) -> Iterator[PastValues]:
    """Open the files of ``runs`` (tag and its past) for reading.

    Raises
    ------
    StoreError
        When one is missing or cannot be read.
    """
    import duckdb

    files: dict[str, str] = {}
    places = {}
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for tag, manifest in runs:
            if manifest.file not in files:
                files[manifest.file] = f"past{len(files)}"
                path = folder / "snapshots" / manifest.file
                try:
                    connection.execute(f"ATTACH ? AS {files[manifest.file]} (READ_ONLY)", [str(path)])
                except duckdb.Error as error:
                    raise StoreError(
                        f"{path}, which {tag} holds on to, cannot be read: {str(error).splitlines()[0]}",
                        mend=f"score {manifest.run.as_of} again, or set hysteresis: 0 for the tag",
                    ) from error
            places[tag] = files[manifest.file]
        yield PastValues(connection, places)
