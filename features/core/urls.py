"""Places as they are configured: variables and packages filled in, passwords that are written in them found."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit
from urllib.request import url2pathname

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, msg

NEVER_SHOWN = frozenset({"url", "store", "rate_limit_storage", "registry", "online_store", "tracking_uri"})
"""Keys whose values no error shows: they may hold what belongs into the environment."""
FILE_SCHEMES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "https", "http", "file"})
"""With these begin addresses of files; with others, those of databases."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_CUTS_PERSON = re.compile(r"[@/:#?\[\]\s]|%(?![0-9A-Fa-f]{2})")
_CUTS_PARAMETER = re.compile(r"[&#+\s]|%(?![0-9A-Fa-f]{2})")
_VARIABLES = r"(?:\$\{\w+\})+"
# Up to the last @ before a ?, as URLs are read: a password may hold a slash.
_PASSWORD = re.compile(rf"://[^/@\s:]*:(?!{_VARIABLES}@)[^@\s]+@")
_SECRET = re.compile(
    rf"(?:^|[?&;{{\s])[\w. -]*(?:passw(?:or)?d|passphrase|pwd|secret|token|private_key|api_?key)\s*=\s*(?!{_VARIABLES}(?:[&;}}\s]|$))[^&;\s]",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|private_key|api_?key|access_key|account_key|credentials?)$",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PERSON = re.compile(r"://[^/@\s]*:[^@\s]*@")


def holds_password(url: str) -> bool:
    """Return whether a password is written in ``url``: before the host, or among its parameters."""
    if _PASSWORD.search(url):
        return True
    query = url.partition("?")[2]
    # A whole connection string of ODBC may be quoted inside of a parameter.
    return any(_SECRET.search(text) for text in (query, unquote_plus(query)))


def holds_secret(key: str, value: object) -> bool:
    """Return whether a secret is written in a setting that is handed on to a library, at any depth.

    Parameters
    ----------
    key : str
        Name of the setting: the value of ``password`` or ``access_token`` is a secret, whatever it looks like.
    value : object
        A text, a number, a list or a table.
    """
    if isinstance(value, Mapping):
        return any(holds_secret(str(name), inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return any(holds_secret(key, inner) for inner in value)
    if isinstance(value, bool) or value is None:
        return False
    text = str(value)
    if _SECRET_KEY.search(key):
        return re.fullmatch(_VARIABLES, text) is None
    # A connection string of Redis sets its parts apart by commas.
    return holds_password(text) or bool(_SECRET.search(text.replace(",", "&")))


def expand_all(value: Any, where: str) -> Any:
    """Fill in ``${VARIABLE}`` in every text of a setting, at any depth.

    Raises
    ------
    ConfigError
        As :func:`expand_url`, with the key of the text.
    """
    if isinstance(value, Mapping):
        return {name: expand_all(inner, f"{where}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [expand_all(inner, where) for inner in value]
    return expand_url(value, where) if isinstance(value, str) else value


def variables_of(value: Any) -> list[str]:
    """Return the names of the variables that a setting names, at any depth, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [name for inner in value for name in variables_of(inner)]
    return _VARIABLE.findall(value) if isinstance(value, str) else []


def without_passwords(text: str) -> str:
    """Return what a library said, with whatever stands between ``://`` and ``@`` taken out."""
    return _PERSON.sub("://…@", text)


def password_in_url() -> Message:
    """Return what is said of a URL that :func:`holds_password`."""
    return msg("a password is written in url: name it as ${{VARIABLE}} and set it in the environment")


def expand(text: str, where: str) -> str:
    """Fill in ``${VARIABLE}`` from the environment.

    Raises
    ------
    ConfigError
        For one that is not set, and for a URL with a port that is none.
    """
    for variable in _VARIABLE.findall(text):
        if variable not in os.environ:
            raise ConfigError(
                msg(
                    "{where} names the variable {variable}, which is not set", where=where, variable=variable
                ),
                hint=f"export {variable}=…",
            )
    whole = _VARIABLE.sub(lambda m: os.environ[m.group(1)], text)
    if "://" in whole:
        _check_port(whole, where)
    return whole


def _check_port(url: str, where: str) -> None:
    """Check the port of a URL: drivers meet a wrong one with errors that do not say where it stands."""
    host = url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2].rpartition("]")[2]
    port = host.rpartition(":")[2] if ":" in host else ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ConfigError(
            msg("{where}: the port of the address is no number from 1 to 65535", where=where),
            hint=msg("as in postgresql://user:${{PASSWORD}}@host:5432/database"),
        )


def expand_url(text: str, where: str) -> str:
    """Fill in ``${VARIABLE}`` of a URL from the environment.

    Raises
    ------
    ConfigError
        For one that is not set, or that would cut the URL in another place: a password with ``@`` or ``/`` in it.
        Its value is not shown.
    """
    start, _, rest = text.partition("://")
    person, at_sign, place = rest.rpartition("@")
    place, _, parameters = place.partition("?")
    for part, cutting in ((person if at_sign and start else "", _CUTS_PERSON), (parameters, _CUTS_PARAMETER)):
        for variable in _VARIABLE.findall(part):
            if cutting.search(os.environ.get(variable, "")):
                quoted = f"import os, urllib.parse as u; print(u.quote(os.environ['{variable}'], safe=''))"
                command = f'python3 -c "{quoted}"'
                raise ConfigError(
                    msg(
                        "{where}: the value of {variable} holds a sign that means something else in a URL",
                        where=where,
                        variable=variable,
                    ),
                    hint=msg(
                        "percent-encode it, as in {example} for {text}: {command}",
                        example="p%40ss",
                        text="p@ss",
                        command=command,
                    ),
                )
    return expand(text, where)


def scheme_of(path: str) -> str | None:
    """Return the scheme of an address such as ``s3://bucket/folder``, in lower case; None of a plain path."""
    found = _SCHEME.match(path)
    return found.group(1).lower() if found else None


def package_folder(package: str, where: str) -> Path:
    """Return the folder of an installed Python package; ConfigError, with what installs it, where there is none."""
    from importlib.util import find_spec

    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            msg("{where}: the Python package {package!r} is not installed", where=where, package=package),
            hint=f"pip install {package}",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def located(path: str, folder: Path, where: str) -> str:
    """Return a path of a configuration as an absolute file name or glob, or as the address that it is.

    Parameters
    ----------
    path : str
    folder : Path
        Where relative ones start.
    where : str
        Names the place in errors.

    Raises
    ------
    ConfigError
        For a variable that is not set or a package that is not installed.
    """
    text = expand(path, where)
    if text.startswith("package:"):
        package, _, inside = text.removeprefix("package:").partition("/")
        return str(package_folder(package, where) / inside)
    scheme = scheme_of(text)
    if scheme == "file":
        return url2pathname(urlsplit(text).path)
    return text if scheme is not None else str(folder / Path(text).expanduser())
