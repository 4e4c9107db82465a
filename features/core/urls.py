"""Places as they are configured: variables and packages filled in, passwords that are written in them found."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit
from urllib.request import url2pathname

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, msg

NEVER_SHOWN = frozenset({
    "url", "store", "rate_limit_storage", "registry", "online_store", "tracking_uri", "session", "client_secret", "hash_key",
})  # fmt: skip
"""Keys whose values no error shows: they may hold what belongs into the environment."""
FILE_SCHEMES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "https", "http", "file"})
"""With these begin addresses of files; with others, those of databases."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_BRACED = re.compile(r"(?P<open>\{|%7B)?\$\{(?P<name>\w+)\}(?(open)(?:\}|%7D))", re.IGNORECASE)
_CUTS = re.compile(r"[@/:#?&\[\]\s]|%(?![0-9A-Fa-f]{2})")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_VARIABLES = r"(?:\$\{\w+\})+"
_LOGIN = re.compile(r"(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@")
"""Who connects, at the start of what follows ``://``, as SQLAlchemy reads it: a password may hold a slash."""
_PASSWORD = re.compile(rf"://[^/@:]*:(?!{_VARIABLES}@)[^@]+@")
_SECRETS = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|signature|api[_-]?key|credentials?(?:_base64)?"
    r"|authorization|(?:private|secret|access|account)_?key)"
)
_NAMED = rf"(?:^|[?&;{{\s])(?:[\w. -]*{_SECRETS}|pass|pw|sig)\s*=\s*"
_SECRET = re.compile(rf"{_NAMED}(?!\{{?{_VARIABLES}\}}?(?:[&;}}\s]|$))[^&;\s]", re.IGNORECASE)
_SECRET_VALUE = re.compile(rf"{_NAMED}(\{{(?:[^}}]|}}}})*}}|[^&;]+)", re.IGNORECASE)
_SECRET_KEY = re.compile(rf"{_SECRETS}$", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PERSON = re.compile(r"://[^/@\s]*:[^@\s]*@")
_SHORTEST_PIECE = 3


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


def without_passwords(text: str, url: str = "") -> str:
    """Return what a library said, with whatever stands between ``://`` and ``@`` taken out.

    Parameters
    ----------
    text : str
    url : str
        Its passwords are taken out too, and what a library may have split off them.
    """
    shown = _PERSON.sub("://…@", text)
    pieces = set[str]()
    for secret in _secrets_in(url):
        written = {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
        pieces |= {*written, *re.split(r"[\W_]+", secret)}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SHORTEST_PIECE:
            shown = shown.replace(piece, "…")
    return shown


def _secrets_in(url: str) -> set[str]:
    _, _, rest = url.partition("://")
    login = _LOGIN.match(rest)
    found = {login["password"]} if login and login["password"] else set()
    for text in (rest, unquote_plus(rest)):
        found |= set(_SECRET_VALUE.findall(text))
    return found | {unquote(one) for one in found} | {unquote_plus(one) for one in found}


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
    whole = _VARIABLE.sub(lambda found: _value(found.group(1), where), text)
    if "://" in whole:
        _check_port(whole, where)
    return whole


def expand_url(text: str, where: str) -> str:
    """Fill in ``${VARIABLE}`` of a URL from the environment.

    What stands for a password, a user beside one or the value of a parameter is percent-encoded, unless it is so already: with a
    sign such as ``%40`` in it, and none that would have to be encoded. Of ``sc://`` the parameters begin with a semicolon each.

    Raises
    ------
    ConfigError
        For one that is not set, for one that would cut the URL in another place, or that may or may not be encoded already. No
        value is shown.
    """
    start, separator, rest = text.partition("://") if "://" in text else ("", "", text)
    first, between = (";", ";") if start == "sc" else ("?", "&")
    login = _LOGIN.match(rest) if separator and start != "sc" else None
    place, mark, parameters = rest[login.end() if login else 0 :].partition(first)
    # Of a login in one variable nobody can tell which : and @ are the password's.
    fill = _encoded if login and login["password"] is not None else _uncut
    person = _filled(login.group(), where, fill) if login else ""
    whole = "".join([
        _filled(start, where), separator, person, _filled(place, where), mark,
        between.join(_parameter(one, where) for one in parameters.split(between)),
    ])  # fmt: skip
    _, _, rest = whole.partition("://")
    if start != "sc" and _LOGIN.match(rest) and rest.count("@") > 1:
        raise ConfigError(
            msg(
                "{where}: the address holds several @, and nothing shows where its password ends", where=where
            ),
            hint=msg("write {encoded} for each of them but the one before the host", encoded="%40"),
        )
    _check_port(whole, where)
    return whole


def _value(variable: str, where: str) -> str:
    if variable not in os.environ:
        raise ConfigError(
            msg("{where} names the variable {variable}, which is not set", where=where, variable=variable),
            hint=f"export {variable}=…",
        )
    return os.environ[variable]


def _filled(text: str, where: str, change: Callable[[str, str, str], str] | None = None) -> str:
    """Fill in variables; ``change`` makes of a variable, its value and where it stands what is written."""

    def written(found: re.Match[str]) -> str:
        value = _value(found.group(1), where)
        return value if change is None else change(found.group(1), value, where)

    return _VARIABLE.sub(written, text)


def _parameter(text: str, where: str) -> str:
    name, equals, value = text.partition("=")
    if not equals:
        return _filled(text, where, _uncut)
    if name.lower() != "odbc_connect":
        return f"{_filled(name, where, _uncut)}={_filled(value, where, _encoded)}"

    def braced(found: re.Match[str]) -> str:
        held = unquote(_encoded(found["name"], _value(found["name"], where), where))
        if found["open"] is None and re.search(r"[\[\]{}(),;?*=!@\s]", held) is None:
            return quote(held, safe="")
        # As ODBC writes a value that holds what sets its parts apart.
        return quote("{{{}}}".format(held.replace("}", "}}")), safe="")

    return f"{name}={_BRACED.sub(braced, value)}"


def _encoded(variable: str, value: str, where: str) -> str:
    if _ENCODED.search(value) is None:
        return quote(value, safe="", errors="surrogateescape")
    return _uncut(variable, value, where)


def _uncut(variable: str, value: str, where: str) -> str:
    """Return a value as it stands, where no sign in it can be taken for one of the URL."""
    if _CUTS.search(value) is None:
        return value
    quoted = f"import os, urllib.parse as u; print(u.quote(os.environ['{variable}'], safe=''))"
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
            command=f'python3 -c "{quoted}"',
        ),
    )


def _check_port(url: str, where: str) -> None:
    """Check the port of a URL: drivers meet a wrong one with errors that do not say where it stands."""
    rest = url.partition("://")[2]
    login = _LOGIN.match(rest)
    host = re.split("[/?]", rest[login.end() if login else 0 :], maxsplit=1)[0].rpartition("]")[2]
    port = host.rpartition(":")[2] if ":" in host else ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ConfigError(
            msg("{where}: the port of the address is no number from 1 to 65535", where=where),
            hint=msg("as in postgresql://user:${{PASSWORD}}@host:5432/database"),
        )


def scheme_of(path: str) -> str | None:
    """Return the scheme of an address such as ``s3://bucket/folder``, in lower case; None of a plain path."""
    return found.group(1).lower() if (found := _SCHEME.match(path)) else None


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
