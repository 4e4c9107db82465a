"""Log lines as JSON: what every line has, in English whatever the reader's language, and nothing that an error quotes."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime

import pytest

from tagcast.features.core.messages import nmsg
from tagcast.features.core.telemetry.ids import within_request, within_run
from tagcast.features.core.telemetry.json_log import FIELDS, JsonFormatter


@pytest.fixture
def said():
    """A logger, and what it has written by now."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("tagcast.test", logging.INFO)
    logger.addHandler(handler)
    return logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_what_and_of_which_request(said, monkeypatch) -> None:
    monkeypatch.setenv("TAGCAST_LANG", "zh")
    logger, lines = said
    before = datetime.now(UTC)
    with within_run("run-7"), within_request("a-1"):
        logger.warning(nmsg("{n} row", "{n} rows", 3), extra={FIELDS: {"step": "load"}})
    (line,) = lines()
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert before.date() <= datetime.now(UTC).date()
    assert line == {
        "level": "warning",
        "logger": "tagcast.test",
        "message": "3 rows",
        "message_id": "{n} row",
        "request_id": "a-1",
        "run_id": "run-7",
        "step": "load",
    }


def test_outside_of_requests_no_id_is_said_and_of_libraries_no_template(said) -> None:
    logger, lines = said
    logger.info("%s is %d", "a", 1)
    (line,) = lines()
    assert line["message"] == "a is 1"
    assert not {"request_id", "run_id", "message_id", "error"} & set(line)


def test_of_an_error_its_kind_and_place_are_said_never_its_text(said) -> None:
    logger, lines = said
    try:
        raise ValueError("c0042 bought tea")
    except ValueError:
        logger.exception("a mistake\nin two lines")
    (line,) = lines()
    assert line["error"].startswith("ValueError (")
    assert "test_json_log.py" in line["error"]
    assert "c0042" not in json.dumps(line)
