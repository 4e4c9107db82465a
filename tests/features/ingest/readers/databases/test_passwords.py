"""Whatever a password holds, it opens the database from the environment, and nothing that is said or kept shows a piece of it."""

from __future__ import annotations

import logging
import re
import tempfile
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.ingest.readers.databases import fetched
from tests.support.databases.servers import mariadb_server, postgres_server
from tests.support.source_projects import build, project, source

SIGNS = "@#/:%?[] &=+;,'\"\\{}$!~^|<>`-_.()*"
PASSWORDS = st.text(st.sampled_from(f"{SIGNS}aB17zéß€中🛒"), min_size=4, max_size=24)
few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.filterwarnings("ignore")


class NeverError(Exception):
    """Is raised by nothing: what would be tried anew by another way fails."""


def encoded_already(password: str) -> bool:
    return re.search("%[0-9a-fA-F]{2}", password) is not None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """Return the part of a URL that names the server, which asks its user ``reader`` for a password, and what sets that."""
    folder = tmp_path_factory.mktemp("pg")
    with postgres_server(folder) as url:
        engine = sa.create_engine(url)
        hba = folder / "pg_hba.conf"
        hba.write_text(f"local all reader scram-sha-256\n{hba.read_text()}")

        def run(*statements: str) -> None:
            with engine.begin() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement.replace("%", "%%"))

        def set_password(password: str) -> None:
            run("ALTER ROLE reader PASSWORD '{}'".format(password.replace("'", "''")))

        run(
            "CREATE ROLE reader LOGIN",
            "SELECT pg_reload_conf()",
            "CREATE TABLE o (id text, at timestamptz, price numeric)",
            "INSERT INTO o VALUES ('a', '2026-01-05 10:00+00', 1.5), ('b', '2026-01-06 10:00+00', 2)",
            "GRANT SELECT ON o TO reader",
        )
        yield f"/postgres?host={folder}", set_password
        engine.dispose()


def config_of(folder: str | Path, url: str) -> Path:
    return project(Path(folder), source(place=f"url = '{url}'\ntable = \"o\""))


SPELLINGS = [
    "postgresql+psycopg://reader:${PW}@SERVER",
    "postgresql+psycopg://SERVER&user=reader&password=${PW}",
]


@pytest.mark.postgres
@pytest.mark.parametrize("spelling", SPELLINGS)
@few
@example(password="p@ss/w#rd:?[x] %+&=;")
@given(password=PASSWORDS)
def test_it_opens_postgresql(postgres, monkeypatch, spelling, password) -> None:
    assume(not encoded_already(password))
    server, set_password = postgres
    set_password(password)
    monkeypatch.setenv("PW", password)
    monkeypatch.setattr(fetched, "AdbcError", NeverError)
    with tempfile.TemporaryDirectory() as folder:
        assert build(config_of(folder, spelling.replace("SERVER", server))).rows == 2
        assert not any(password.encode() in file.read_bytes() for file in files_in(folder))


WRONG = [
    *SPELLINGS,
    "postgresql+psycopg://reader:${PW}@SERVER&passwort=x",
    # The driver shows what is no number of seconds.
    "postgresql+psycopg://reader:${PW}@SERVER&connect_timeout=${PW}",
    "${URL}",
]
PLAIN = ["Qq", "Q@q", "Q?@q", "%41@", "Q/q:1"]
"""What is said of these is said of every password."""
said_of_all: dict[str, str] = {}


@pytest.mark.postgres
@pytest.mark.parametrize("spelling", WRONG)
@few
@example(password="pass%41word@reader/")
@example(password="secret@elsewhere/word?host=there&x=y@z")
@given(password=PASSWORDS)
def test_no_piece_of_a_wrong_one_is_shown_or_kept(postgres, monkeypatch, caplog, spelling, password) -> None:
    server, set_password = postgres
    set_password("quite another")

    def said(word: str) -> str:
        monkeypatch.setenv("PW", word)
        # As people write it who do not know that signs have to be encoded.
        monkeypatch.setenv("URL", f"postgresql+psycopg://reader:{word}@127.0.0.1:1/crm")
        with tempfile.TemporaryDirectory() as folder:
            config = config_of(folder, spelling.replace("SERVER", server))
            with pytest.raises(TagcastError) as caught:
                build(config)
            files = [file.read_text(encoding="utf-8") for file in files_in(folder)]
            trace = "".join(traceback.format_exception(caught.value))
            text = "\n".join([trace, str(caught.value.hint), caplog.text, *files])
            return re.sub(r"object at 0x\w+|\d{4,}", "", text.replace(folder, ""))

    with caplog.at_level(logging.DEBUG):
        if spelling not in said_of_all:
            said_of_all[spelling] = "\n".join(map(said, PLAIN))
        plain, found = said_of_all[spelling], said(password)
    pieces = [password[n : n + 3] for n in range(len(password) - 2)]
    assert [piece for piece in pieces if piece in found and piece not in plain] == []


def files_in(folder: str) -> list[Path]:
    return [file for file in Path(folder).rglob("*") if file.is_file()]


@settings(few, max_examples=5)
@example(password="Grüße@€")
@given(password=PASSWORDS)
def test_it_opens_mariadb(mariadb, monkeypatch, password) -> None:
    assume(not encoded_already(password))
    place, cursor = mariadb
    cursor.execute("SET PASSWORD FOR reader@'127.0.0.1' = PASSWORD(%s)", [password])
    monkeypatch.setenv("PW", password)
    for url in (
        f"mysql+pymysql://reader:${{PW}}@{place}",
        f"mysql+pymysql://{place}?user=reader&password=${{PW}}",
    ):
        with tempfile.TemporaryDirectory() as folder:
            assert build(config_of(folder, url)).rows == 2
    monkeypatch.setenv("PW", f"{password}?")
    with tempfile.TemporaryDirectory() as folder, pytest.raises(DataError, match="Access denied") as caught:
        build(config_of(folder, url))
    assert password not in "".join(traceback.format_exception(caught.value))


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    """Return the part of a URL that names the server, and a cursor that may set the password of ``reader``."""
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as (url, cursor):
        cursor.execute("SET NAMES utf8mb4")
        cursor.execute("CREATE TABLE o (id varchar(9), at datetime, price decimal(9, 2))")
        cursor.execute("INSERT INTO o VALUES ('a', '2026-01-05 10:00', 1.5), ('b', '2026-01-06 10:00', 2)")
        cursor.execute("CREATE USER reader@'127.0.0.1'")
        cursor.execute("GRANT SELECT ON zoo.* TO reader@'127.0.0.1'")
        yield url.rpartition("@")[2], cursor
