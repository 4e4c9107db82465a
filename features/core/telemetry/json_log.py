"""Log lines as JSON, one an event, for programs that collect them.

A line says what a message's template is: the same of every line of its kind, whatever its values. Of an error that no layer has put into
words it says the kind and the place, never the text: that may quote a profile.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Literal

from tagcast.features.core.messages import Joined, Message, render
from tagcast.features.core.telemetry.ids import request_id, run_id

LogForm = Literal["text", "json"]
"""How lines are written: for people, or for programs."""
FORMS: tuple[LogForm, ...] = ("text", "json")
FIELDS = "fields"
"""What a line holds beside its message: ``log.info(…, extra={FIELDS: {…}})``."""


class JsonFormatter(logging.Formatter):
    """Writes a record as a JSON object.

    Its keys are ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message`` in English, ``message_id`` (the template; of lines of tagcast
    alone), ``request_id`` and ``run_id`` where there are some, ``error`` where one was caught, and what is given as :data:`FIELDS`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        said = record.msg
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": render(said, "en") if isinstance(said, (Message, Joined)) else record.getMessage(),
        }
        if isinstance(said, Message):
            line["message_id"] = said.template
        line |= {key: value for key, value in (("request_id", request_id()), ("run_id", run_id())) if value}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = brief(record.exc_info[1])
        return json.dumps(line | getattr(record, FIELDS, {}), ensure_ascii=False, default=str)


def writes_json() -> bool:
    """Return whether tagcast's log lines are JSON in this process."""
    return any(isinstance(one.formatter, JsonFormatter) for one in logging.getLogger("tagcast").handlers)


def brief(error: BaseException) -> str:
    """Return the kind of an error and the last places it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return f"{type(error).__name__} ({' < '.join(f'{f.filename}:{f.lineno} {f.name}' for f in reversed(frames))})"
