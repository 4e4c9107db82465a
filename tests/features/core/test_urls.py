"""URLs in the configuration: no password in the file, and none that cuts the URL in another place."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.settings import load_settings
from tagcast.features.core.urls import expand_url
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
        "${CRM_URL}",
        "sqlite:///shop.db",
        "postgresql://u@db/crm?options=-c%20statement_timeout=0",
    ],
)
def test_others_are_not(tmp_path, url) -> None:
    assert load(tmp_path, url).sources[0].url == url


@pytest.mark.parametrize("password", ["p@ss", "a/b", "w#rd", "x:y", "q?", "100%", "two words", "[x]"])
def test_a_password_with_signs_of_a_url_has_to_be_encoded(monkeypatch, password) -> None:
    monkeypatch.setenv("PW", password)
    with pytest.raises(ConfigError, match="the value of PW holds a sign") as caught:
        expand_url("postgresql://reader:${PW}@db/crm", "here")
    assert password not in str(caught.value.message)
    # The hint is a command: what it prints is the value to set.
    command = str(caught.value.hint).partition(": ")[2]
    assert command.startswith("python3 -c ")
    code = command.removeprefix('python3 -c "').removesuffix('"')
    encoded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    monkeypatch.setenv("PW", encoded)
    from sqlalchemy import make_url

    url = make_url(expand_url("postgresql://reader:${PW}@db/crm", "here"))
    assert (url.password, url.host) == (password, "db")


def test_the_same_behind_the_question_mark(monkeypatch) -> None:
    monkeypatch.setenv("PW", "a&b")
    with pytest.raises(ConfigError, match="PW"):
        expand_url("mysql+pymysql://db/zoo?user=u&password=${PW}", "here")
    monkeypatch.setenv("PW", "a/b@c")
    assert expand_url("mysql+pymysql://db/zoo?password=${PW}", "here").endswith("=a/b@c")


def test_a_host_or_a_whole_url_may_hold_any_sign(monkeypatch) -> None:
    monkeypatch.setenv("HOST", "db.example.org:5432/crm")
    monkeypatch.setenv("URL", "postgresql://u:p%40ss@db/crm")
    assert expand_url("postgresql://u@${HOST}", "here") == "postgresql://u@db.example.org:5432/crm"
    assert expand_url("${URL}", "here") == "postgresql://u:p%40ss@db/crm"
