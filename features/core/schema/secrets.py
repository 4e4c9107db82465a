"""Secrets in `tagcast.toml`: named as variables of the environment, never written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError


def _check_variable(value: str) -> str:
    # The message must not repeat what was found.
    if re.fullmatch(r"\$\{\w+\}", value) is None:
        raise InvalidValueError(
            msg("a secret is written in it: name it as ${{VARIABLE}} and set it in the environment")
        )
    return value


Secret = Annotated[str, AfterValidator(_check_variable)]
"""The name of a variable, ``${VARIABLE}``; :func:`tagcast.features.core.urls.expand` gives its value."""
