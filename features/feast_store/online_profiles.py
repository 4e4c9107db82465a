"""Single profiles in Feast's online store: what it holds of them, and how they are taken out.

Feast has no call for either: it deletes whole views. Entries are found by the keys that Feast serialises; in a file of SQLite, and
in Redis. Of any other store it is said that it was not looked into.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.feast_store.moved_home import ROOT
from tagcast.features.feast_store.place import FeastPlace
from tagcast.features.feast_store.quiet import feast_errors, quiet_feast

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

_KEY_VERSION = 3
_IN_STATEMENT = 500


class OnlineProfiles:
    """The entries of profiles in the online store of an entity.

    Parameters
    ----------
    settings : Settings
        Of the entity.
    column : str
        What names the profile among the keys of an entry.
    """

    def __init__(self, settings: Settings, column: str = "profile_id") -> None:
        given = settings.feast.of_entity(settings.entity)
        self._place = FeastPlace(settings.home / ROOT, given, settings.path.name)
        self._column = column
        config = self._place.filled_in(self._place.written({}))["online_store"]
        self._kind, self._config = str(config.get("type", "")), config

    @property
    def kind(self) -> str:
        """What Feast calls the store."""
        return self._kind

    @property
    def is_known(self) -> bool:
        """Whether entries of single profiles can be found in it."""
        return self._kind in {"sqlite", "redis"}

    def rows(self, ids: Collection[str]) -> list[dict[str, Any]]:
        """Return what is held of profiles: their keys, the view where the store says it, and each feature's value."""
        with feast_errors(self._place), quiet_feast():
            if self._kind == "sqlite":
                return list(self._rows_of_file(ids))
            if self._kind == "redis":
                return [self._row_of_redis(client, key) for client, key in self._keys_of_redis(ids)]
        return []

    def erase(self, ids: Collection[str]) -> int:
        """Take profiles out, and return how many entries they had."""
        with feast_errors(self._place), quiet_feast():
            if self._kind == "sqlite":
                return self._erase_from_file(ids)
            if self._kind == "redis":
                found = list(self._keys_of_redis(ids))
                for client, key in found:
                    client.delete(key)
                return len(found)
        return 0

    @property
    def _file(self) -> Path:
        # As Feast reads it: a relative path is one in the folder of its configuration.
        return self._place.root / str(self._config.get("path", "online_store.db"))

    def _rows_of_file(self, ids: Collection[str]) -> Iterator[dict[str, Any]]:
        if not self._file.is_file():
            return
        with closing(sqlite3.connect(self._file)) as connection:
            for table, keys in self._keys_of_file(connection, ids):
                for key in keys:
                    held = connection.execute(
                        f'SELECT feature_name, value FROM "{table}" WHERE entity_key = ?',  # noqa: S608 - of the schema
                        [key],
                    )
                    values = {name: _value(value) for name, value in held}
                    yield {"view": table, **(_key(key) or {}), "features": values}

    def _erase_from_file(self, ids: Collection[str]) -> int:
        if not self._file.is_file():
            return 0
        gone = 0
        with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as connection:
            for table, keys in self._keys_of_file(connection, ids):
                for first in range(0, len(keys), _IN_STATEMENT):
                    some = keys[first : first + _IN_STATEMENT]
                    marks = ",".join("?" * len(some))
                    connection.execute(f'DELETE FROM "{table}" WHERE entity_key IN ({marks})', some)  # noqa: S608
                gone += len(keys)
            # A deleted row stays in its page, and in a log beside the file.
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def _keys_of_file(
        self, connection: sqlite3.Connection, ids: Collection[str]
    ) -> Iterator[tuple[str, list[bytes]]]:
        """Yield each table of the store, and the keys in it that are of one of some profiles."""
        wanted = frozenset(ids)
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%entity_key%'"
        for (table,) in connection.execute(tables).fetchall():
            keys = connection.execute(f'SELECT DISTINCT entity_key FROM "{table}"')  # noqa: S608 - of the schema
            yield table, [key for (key,) in keys if self._is_of(key, wanted)]

    def _keys_of_redis(self, ids: Collection[str]) -> Iterator[tuple[Any, bytes]]:
        from feast import RepoConfig
        from feast.infra.online_stores.redis import RedisOnlineStore

        config = RepoConfig(**self._place.filled_in(self._place.written({"type": "file"})))
        client = RedisOnlineStore()._get_client(config.online_store)  # noqa: SLF001 - Feast shows no other way to it
        ends, wanted = config.project.encode(), frozenset(ids)
        for key in client.scan_iter(match=b"*" + ends, count=10_000):
            if self._is_of(key.removesuffix(ends), wanted):
                yield client, key

    def _row_of_redis(self, client: Any, key: bytes) -> dict[str, Any]:
        ends = str(self._place.given.project).encode()
        held = client.hgetall(key)
        # Names of features are digests there; what is no value is the time of a view.
        values = {name.hex(): _value(value) for name, value in held.items() if not name.startswith(b"_ts")}
        return {"view": "", **(_key(key.removesuffix(ends)) or {}), "features": values}

    def _is_of(self, key: bytes, wanted: frozenset[str]) -> bool:
        named = _key(key)
        return named is not None and named.get(self._column) in wanted


def _key(key: bytes) -> dict[str, str] | None:
    """Return the names and values of an entity's keys; None of what Feast has not written, or not for this project."""
    from feast.infra.key_encoding_utils import deserialize_entity_key, serialize_entity_key

    try:
        read = deserialize_entity_key(bytes(key), entity_key_serialization_version=_KEY_VERSION)
        again = serialize_entity_key(read, entity_key_serialization_version=_KEY_VERSION)
    except Exception:  # noqa: BLE001 - whatever else lies there is not ours, and Feast names no error
        return None
    if again != bytes(key):
        return None
    return {name: value.string_val for name, value in zip(read.join_keys, read.entity_values, strict=True)}


def _value(stored: bytes) -> Any:
    from feast.protos.feast.types.Value_pb2 import Value

    value = Value()
    value.ParseFromString(stored)
    kind = value.WhichOneof("val")
    return None if kind is None else getattr(value, kind)
