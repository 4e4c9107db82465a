"""The tables of the application state: accounts, audit log, uses and ratings of tags, saved audiences.

Every table of the state hangs on :data:`METADATA`; a module that needs another one declares it there too, and it is
made at its first use.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)

METADATA = MetaData()
NAME_LENGTH = 254  # a name that a reverse proxy gives may be an e-mail address
SUBJECT_LENGTH = 300
MENTION_LENGTH = 300


class UtcDateTime(TypeDecorator[datetime]):
    """A datetime with its zone, stored and given back in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a datetime without a zone: nobody could tell later which instant it was."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"expected a moment with a timezone, found {value.isoformat()}")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return it in UTC; SQLite forgets zones."""
        if value is None:
            return None
        aware: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC)


def serial() -> Column[int]:
    """Return a column of numbers that rise in the order of writing and are never given twice."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


USERS = Table(
    "users",
    METADATA,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("rows", JSON, nullable=False, server_default="[]", comment="conditions that limit whom they see"),
    Column("password", String(200), nullable=False, comment="argon2"),
    Column("added_by", String(NAME_LENGTH), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

LOGIN_ATTEMPTS = Table(
    "login_attempts",
    METADATA,
    serial(),
    Column("name", String(64), nullable=False, index=True, comment="SHA-256 of the name that was given"),
    Column("address", String(64), nullable=False, comment="SHA-256 of the network that it was given from"),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("secret", String(64), nullable=False, comment="SHA-256"),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("role", String(20), nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("rows", JSON, nullable=False, server_default="[]", comment="conditions that limit whom they see"),
    Column("added_by", String(NAME_LENGTH), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token", String(64), primary_key=True, comment="SHA-256"),
    Column("name", String(NAME_LENGTH), nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("rows", JSON, nullable=False, server_default="[]", comment="conditions that limit whom they see"),
    Column("expires_at", UtcDateTime, nullable=False),
)

KEY_DETAILS = Table(
    "api_key_details",
    METADATA,
    Column("id", String(16), primary_key=True, comment="of the key"),
    Column("only", JSON, comment="rights that it is limited to; null: all of its role"),
    Column("used_at", UtcDateTime),
)

SESSION_DETAILS = Table(
    "session_details",
    METADATA,
    Column("token", String(64), primary_key=True, comment="SHA-256"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False, comment="the browser, as it calls itself"),
    Column("only", JSON, comment="rights of the key that it was opened with"),
)

AUDIT = Table(
    "audit",
    METADATA,
    serial(),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("action", String(50), nullable=False),
    Column("subject", String(SUBJECT_LENGTH), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("audit_by_action", "action", "id"),
    Index("audit_by_subject", "subject", "id"),
    sqlite_autoincrement=True,
)

ACCESSES = Table(
    "access_log",
    METADATA,
    serial(),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("kind", String(20), nullable=False, comment="profile, members, sample, export, ..."),
    Column("via", String(10), nullable=False, comment="api, console, cli or python"),
    Column("address", String(64), nullable=False),
    Column("request", String(64), nullable=False),
    Column("purpose", String(300), nullable=False),
    Column("profiles", BigInteger, nullable=False, comment="how many were shown"),
    Column("everyone", Boolean, nullable=False, comment="whether all profiles were shown, or all of a tag"),
    Column("seals", JSON, nullable=False, comment="SHA-256 of each part of access_log_profiles"),
    Column("detail", JSON, nullable=False),
    Index("access_log_by_who", "who", "id"),
    sqlite_autoincrement=True,
)

ACCESS_PROFILES = Table(
    "access_log_profiles",
    METADATA,
    Column("line", BigInteger, primary_key=True, autoincrement=False, comment="of access_log"),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("least", BigInteger, nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("digests", LargeBinary, nullable=False, comment="keyed digests of ids, rising, 8 bytes each"),
    Index("access_log_profiles_by_digest", "least", "most"),
)

AUDIT_CHAIN = Table(
    "audit_chain",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3, ..."),
    Column("log", String(10), nullable=False, comment="audit or access"),
    Column("line", BigInteger, nullable=False, comment="id in that log"),
    Column("before", String(64), nullable=False, comment="digest of the line before"),
    Column("digest", String(64), nullable=False),
    Column("key", String(16), nullable=False, comment="names the key of an HMAC; empty: plain SHA-256"),
    Index("audit_chain_by_line", "log", "line", unique=True),
)

AUDIT_STREAMS = Table(
    "audit_streams",
    METADATA,
    Column("place", String(300), primary_key=True),
    Column(
        "number", BigInteger, nullable=False, comment="of the last line of the chain that was written there"
    ),
)

USES = Table(
    "tag_uses",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("day", Date, primary_key=True, comment="UTC"),
    Column("times", BigInteger, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

RATINGS = Table(
    "ratings",
    METADATA,
    serial(),
    Column("tag", String(250), nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("stars", SmallInteger, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ratings_by_tag", "tag", "id"),
    sqlite_autoincrement=True,
)

AUDIENCES = Table(
    "audiences",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("owner", String(NAME_LENGTH), nullable=False),
    Column("description", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("run", Integer),
    Column("members", BigInteger),
)

MENTIONS = Table(
    "audience_mentions",
    METADATA,
    Column("name", String(200), primary_key=True, comment="of the audience"),
    Column("kind", String(10), primary_key=True, comment="field or audience"),
    Column(
        "mentioned", String(MENTION_LENGTH), primary_key=True, index=True, comment="what its filter names"
    ),
)

AUDIENCE_SIZES = Table(
    "audience_sizes",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
)

AUDIENCE_LABELS = Table(
    "audience_labels",
    METADATA,
    Column("name", String(200), primary_key=True, comment="of the audience"),
    Column("label", String(60), primary_key=True),
)

AUDIENCE_CHANGES = Table(
    "audience_changes",
    METADATA,
    Column("name", String(200), primary_key=True, comment="of the audience"),
    Column("run", Integer, primary_key=True),
    Column("before", Integer, nullable=False, comment="the run that it was compared with"),
    Column("key", String(64), nullable=False, comment="SHA-256 of what was compared"),
    Column("was", BigInteger, nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("joined", BigInteger, nullable=False),
    Column("left", BigInteger, nullable=False),
    Column("reasons", JSON, nullable=False, comment="cause, field, joined and left of each"),
)

AUDIENCE_VERSIONS = Table(
    "audience_versions",
    METADATA,
    serial(),
    Column("name", String(200), nullable=False, comment="of the audience"),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("filter", Text, nullable=False),
    Column("conditions", JSON, nullable=False, comment="those that all have to hold, as texts"),
    Column("names", JSON, nullable=False, comment="what the filter names: pairs of kind and name"),
    Index("audience_versions_by_name", "name", "id"),
    sqlite_autoincrement=True,
)

ID_LISTS = Table(
    "id_lists",
    METADATA,
    Column("list", String(300), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("ids", LargeBinary, nullable=False, comment="zlib of a JSON list"),
)
