"""URLs in the configuration: no password in the file, and none that cuts the URL in another place."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import make_url

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.settings import load_settings
from tagcast.features.core.urls import expand_url, without_passwords
from tests.support.source_projects import project, source


def load(folder, url):
    config = project(folder, source(place=f"url = '{url}'\ntable = \"orders\""))
    return load_settings(config, None, config.parent)


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://127.0.0.1:33061/zoo?user=u&password=hunter2",
        "postgresql://db/crm?user=u&Password=hunter2",
        "postgresql://db/crm?passwd=hunter2",
        "postgresql://db/crm?sslmode=require&sslpassword=hunter2",
        "snowflake://u@acc/db?warehouse=w&token=hunter2",
        "databricks://host?access_token=hunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Du%3BPWD%3Dhunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC};UID=u;PWD=hunter2",
        "postgresql://u:hunter2@db/crm",
        "postgresql://u:hunter/2@db/crm",
        "postgresql://:hunter2@db/crm",
        "postgresql://u:${PW}hunter2@db/crm",
        "postgresql://u:hunter 2@db/crm",
        "postgresql://my user:hunter2@db/crm",
        "postgresql://db/crm?user=u&pass=hunter2",
        "postgresql://db/crm?user=u&pw=hunter2",
        "postgresql://db/crm?user=u&options=-c%20app.password%3Dhunter2",
        "snowflake://u@acc/db?private_key=hunter2",
        "snowflake://u@acc/db?private_key_passphrase=hunter2",
        "snowflake://u@acc/db?passcode=hunter2",
        "bigquery://project?credentials_base64=hunter2",
        "awsathena+rest://@athena/db?aws_secret_access_key=hunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC};UID=u;PWD={hunter2}",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC};UID=u;Password=hunter2;Encrypt=yes",
    ],
)
def test_a_written_password_is_refused(tmp_path, url) -> None:
    with pytest.raises(ConfigError, match="a password is written in url") as caught:
        load(tmp_path, url)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:${PW}@db/crm",
        "postgresql://${USER_NAME}:${PW}@${HOST}/crm",
        "postgresql://u@db:5432/crm?sslmode=require",
        "mysql+pymysql://db/zoo?user=u&password=${PW}",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC};UID=u;PWD=${PW}",
        "mssql+pyodbc:///?odbc_connect=DRIVER={ODBC};UID=u;PWD={${PW}};Encrypt=yes",
        "snowflake://u@acc/db?private_key_path=keys/rsa.p8&private_key_passphrase=${PW}",
        "postgresql://u@db/crm?sslkey=client.key&passfile=here",
        "${CRM_URL}",
        "sqlite:///shop.db",
        "postgresql://u@db/crm?options=-c%20statement_timeout=0",
    ],
)
def test_others_are_not(tmp_path, url) -> None:
    assert load(tmp_path, url).sources[0].url == url


PASSWORDS = [
    "p@ss",
    "a/b",
    "w#rd",
    "x:y",
    "q?",
    "100%",
    "two words",
    "[x]",
    "a+b",
    "a&b=c",
    "€é",
    "${PW}",
    "p{}a}ss;",
    "100%zz",
]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "text",
    ["postgresql://reader:${PW}@db/crm", "postgresql://${WHO}:${PW}@db:5432/crm?sslmode=require",
     "postgresql://db/crm?user=reader&password=${PW}", "postgresql://db:5432/crm?sslpassword=${PW}&user=reader"],
)  # fmt: skip
def test_a_password_may_hold_any_sign(monkeypatch, text, password) -> None:
    monkeypatch.setenv("PW", password)
    monkeypatch.setenv("WHO", "reader@tenant")
    url = make_url(expand_url(text, "here"))
    assert password in {url.password, url.query.get("password"), url.query.get("sslpassword")}
    assert (url.host, url.database) == ("db", "crm")
    assert (url.username or url.query["user"]).startswith("reader")


@pytest.mark.parametrize("text", ["postgresql://u:${PW}@db/crm", "postgresql://db/crm?user=u&password=${PW}"])
def test_one_that_is_encoded_stays(monkeypatch, text) -> None:
    monkeypatch.setenv("PW", "p%40ss%2F!")
    url = make_url(expand_url(text, "here"))
    assert "p@ss/!" in {url.password, url.query.get("password")}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("postgresql://reader:${PW}@db/crm", "p%40ss/word"),
        ("postgresql://reader:${PW}@db/crm", "100%41%"),
        ("postgresql://db/crm?user=u&password=${PW}", "a%26b&c"),
        # Which of its signs are those of the URL nobody can tell.
        ("postgresql://${PW}@db/crm", "reader:p@ss/word"),
        ("postgresql://db/crm?${PW}", "password=p@ss/word&user=u"),
    ],
)
def test_one_that_may_be_encoded_or_cuts_the_url_is_refused(monkeypatch, text, value) -> None:
    monkeypatch.setenv("PW", value)
    with pytest.raises(ConfigError, match="the value of PW holds a sign") as caught:
        expand_url(text, "here")
    assert value not in str(caught.value.message)
    # The hint is a command: what it prints is the value to set.
    command = str(caught.value.hint).partition(": ")[2]
    assert command.startswith("python3 -c ")
    code = command.removeprefix('python3 -c "').removesuffix('"')
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    monkeypatch.setenv("PW", printed.stdout.strip())
    url = make_url(expand_url("postgresql://reader:${PW}@db/crm", "here"))
    assert (url.password, url.host) == (value, "db")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("hunter2", "hunter2"),
        ("a;b", "{a;b}"),
        ("a}b{c", "{a}}b{c}"),
        ("x=1 y", "{x=1 y}"),
        ("p%40ss", "{p@ss}"),
    ],
)
@pytest.mark.parametrize(
    "text", ["DRIVER={ODBC};PWD=${PW};UID=u", "DRIVER%3D%7BODBC%7D%3BPWD%3D${PW}%3BUID%3Du"]
)
def test_a_password_in_a_connection_string_of_odbc(monkeypatch, text, value, written) -> None:
    monkeypatch.setenv("PW", value)
    url = make_url(expand_url(f"mssql+pyodbc:///?odbc_connect={text}", "here"))
    assert url.query["odbc_connect"] == f"DRIVER={{ODBC}};PWD={written};UID=u"


def test_braces_around_it_are_not_written_twice(monkeypatch) -> None:
    monkeypatch.setenv("PW", "a}b")
    url = make_url(expand_url("mssql+pyodbc:///?odbc_connect=UID=u;PWD={${PW}}", "here"))
    assert url.query["odbc_connect"] == "UID=u;PWD={a}}b}"


@pytest.mark.parametrize(
    "whole", ["postgresql://u:p@ss/w#rd@db/crm", "postgresql://u:p?a@b@db/crm", "mysql://a@b@c/d"]
)
def test_a_url_with_several_at_signs_is_refused(monkeypatch, whole) -> None:
    monkeypatch.setenv("URL", whole)
    with pytest.raises(ConfigError, match="several @") as caught:
        expand_url("${URL}", "here")
    assert "ss" not in str(caught.value.message).replace("address", "").replace("password", "")
    assert "%40" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["sqlite:///${DIR}/shop.db", "duckdb:///${DIR}/x.duckdb", "sqlite:////data/me@x/${DIR}/shop.db"]
)
def test_a_file_may_lie_in_any_folder(monkeypatch, text) -> None:
    monkeypatch.setenv("DIR", "a@b/c d")
    assert expand_url(text, "here") == text.replace("${DIR}", "a@b/c d")


def test_a_host_or_a_whole_url_may_hold_any_sign(monkeypatch) -> None:
    monkeypatch.setenv("HOST", "db.example.org:5432/crm")
    monkeypatch.setenv("URL", "postgresql://u:p%40ss@db/crm")
    assert expand_url("postgresql://u@${HOST}", "here") == "postgresql://u@db.example.org:5432/crm"
    assert expand_url("${URL}", "here") == "postgresql://u:p%40ss@db/crm"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:hun%40ter2@db/crm", "no host called ter2, nor hun@ter2, nor hun%40ter2"),
        ("mysql://db/zoo?password=hun%26ter2", "unknown option ter2 of hun&ter2"),
        (
            "mssql:///?odbc_connect=UID%3Du%3BPWD%3D%7Bhun%3Bter2%7D",
            "Invalid connection string attribute: ter2}",
        ),
        ("sc://db:443/;use_ssl=true;token=hun%3Bter2", "UNAUTHENTICATED: Bearer hun;ter2"),
        ("postgresql://db/crm", 'invalid URI "postgresql://u:hunter2@db/crm"'),
    ],
)
def test_what_a_library_says_is_shown_without_it(url, said) -> None:
    shown = without_passwords(said, url)
    assert "hun" not in shown
    assert "ter2" not in shown
