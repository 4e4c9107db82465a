"""Attributes as keyed digests: what is stored, what is found nowhere in the home, and which keys are refused."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import ConfigError
from tests.support.source_projects import build, lines, project, source

KEY = "0123456789abcdef0123456789abcdef"
PEOPLE = """
[profiles]
path = "{path}"
key = "id"
columns = ["email", "age", "card"]
hashed = ["email", "card"]
hash_key = "${{TAGCAST_HASH_KEY}}"
"""


def rfc_2104(key: str, text: str) -> str:
    """Return HMAC-SHA256 as its RFC writes it down."""
    block = key.encode().ljust(64, b"\0")
    inner, outer = (bytes(b ^ pad for b in block) for pad in (0x36, 0x5C))
    return hashlib.sha256(outer + hashlib.sha256(inner + text.encode()).digest()).hexdigest()


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGCAST_HASH_KEY", KEY)
    config = project(tmp_path, source(), PEOPLE.format(path="people.csv"), shop_parquet=lines())
    people = "id,email,age,card\np0,ann@example.org,40,007\np1,bo@example.org,50,7\np2,,60,\np3,ann@example.org,,1\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    return config


def test_what_is_stored_is_the_digest_of_what_the_source_says(config, tmp_path):
    log = build(config)
    table = pq.read_table(log.profiles_path).sort_by("profile_id").to_pydict()
    ann = rfc_2104(KEY, "ann@example.org")
    assert table["email"] == [ann, rfc_2104(KEY, "bo@example.org"), None, ann]
    # Text as it stands, whatever the column looks like: 007 is not 7.
    assert table["card"] == [rfc_2104(KEY, "007"), rfc_2104(KEY, "7"), None, rfc_2104(KEY, "1")]
    assert table["age"] == [40.0, 50.0, 60.0, None]
    home = [file.read_bytes() for file in (tmp_path / ".tagcast").rglob("*") if file.is_file()]
    assert len(home) > 3
    assert not any(needle in content for content in home for needle in (b"example.org", KEY.encode()))


def test_another_key_makes_another_load_and_who_hashes_nothing_keeps_theirs(config, monkeypatch):
    first = build(config)
    monkeypatch.setenv("TAGCAST_HASH_KEY", KEY[::-1])
    table = pq.read_table(build(config).profiles_path).to_pydict()
    assert rfc_2104(KEY[::-1], "bo@example.org") in table["email"]
    assert first is not None


def test_a_key_that_is_short_or_missing_is_refused_before_anything_is_read(config, monkeypatch):
    monkeypatch.setenv("TAGCAST_HASH_KEY", KEY[:-1])
    with pytest.raises(ConfigError, match="31 characters, at least 32"):
        build(config)
    monkeypatch.delenv("TAGCAST_HASH_KEY")
    with pytest.raises(ConfigError, match="TAGCAST_HASH_KEY, which is not set"):
        build(config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("${TAGCAST_HASH_KEY}", KEY), "a secret is written in it"),
        (('hash_key = "${TAGCAST_HASH_KEY}"', ""), "go together"),
        (('hashed = ["email", "card"]', 'hashed = ["mail"]'), "'mail' is not in columns"),
        (('path = "people.csv"', 'path = "s3://bucket/people.csv"'), "hash the columns where they are"),
        (
            ('path = "people.csv"', 'url = "postgresql://db/crm"\ntable = "people"'),
            "hash the columns where they are",
        ),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path, change, words):
    text = PEOPLE.format(path="people.csv").replace(*change)
    with pytest.raises(ConfigError) as error:
        build(project(tmp_path, source(), text, shop_parquet=lines()))
    assert words in str(error.value)
    assert KEY not in str(error.value)


def test_columns_of_all_types_are_hashed_as_text(config, tmp_path):
    text = (tmp_path / "tagcast.toml").read_text(encoding="utf-8").replace("people.csv", "people.parquet")
    (tmp_path / "tagcast.toml").write_text(text, encoding="utf-8")
    rows = {"id": ["p0"], "email": pa.array([2**60 + 1]), "age": [1.0], "card": [True]}
    pq.write_table(pa.table(rows), tmp_path / "people.parquet")
    table = pq.read_table(build(config).profiles_path).to_pydict()
    assert table["email"] == [rfc_2104(KEY, "1152921504606846977")]
    assert table["card"] == [rfc_2104(KEY, "true")]
