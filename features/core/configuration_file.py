"""The file ``tagcast.toml``: found, and read as what TOML is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of, toml_problem

FILE_NAME = "tagcast.toml"


def find_configuration(start: Path) -> Path:
    """Return the configuration in ``start``, or the nearest above it.

    Raises
    ------
    ConfigError
        When there is none.
    """
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(
        msg("no {file} in {folder} or above it", file=FILE_NAME, folder=start),
        hint=msg(
            "give --config FILE, or make a {file}: {command}", file=FILE_NAME, command="tagcast init DATA"
        ),
    )


def read_configuration(file: Path) -> dict[str, Any]:
    """Return the tables of a configuration, unchecked.

    Raises
    ------
    ConfigError
        When there is no such file, or it is not TOML; naming the place.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            msg("there is no configuration {file}", file=file),
            hint=msg("give --config FILE, or copy an example"),
        ) from None
    except OSError as error:
        raise ConfigError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)),
            hint=msg("check the file and its rights"),
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            msg("{file} is not a UTF-8 text", file=file), hint=msg("save it as UTF-8")
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            msg("{file}: {problem}", file=file, problem=toml_problem(error)),
            hint=msg("correct the place it names: key = value, texts in double quotes"),
        ) from error
