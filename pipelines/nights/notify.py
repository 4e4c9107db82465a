"""Who is to hear of a night hears of it: by a webhook, by mail."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from tagcast.features.core.errors import ConfigError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.urls import expand_url, without_passwords

if TYPE_CHECKING:
    from tagcast.features.core.schema.operation import Notify, Occasion
    from tagcast.features.core.settings import Settings

TIMEOUT_SECONDS = 20
_PORTS = {"smtp": 587, "smtps": 465}
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class News:
    """Something that somebody should hear of.

    Parameters
    ----------
    occasion : Occasion
    entity, tag : str
        ``tag`` is empty of what is about all tags.
    text : str
        A sentence, in English.
    id : str
        The same of what is sent once more.
    """

    occasion: Occasion
    entity: str
    tag: str
    text: str
    id: str

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> News:
        """Return what was kept as JSON values."""
        return cls(kept["occasion"], kept["entity"], kept["tag"], kept["text"], kept["id"])


class NotSentError(TagcastError):
    """A server did not take a notification."""

    code = "not_sent"


def send(settings: Settings, news: Sequence[News]) -> list[News]:
    """Send those of ``news`` that the configuration asks for, and return them.

    Raises
    ------
    ConfigError
        When an address cannot be read.
    NotSentError
        When a server cannot be reached, or does not take them; the others were sent.
    """
    asked = settings.notify
    wanted = [one for one in news if one.occasion in asked.on]
    if not wanted or not notifies(asked):
        return []
    failed: NotSentError | None = None
    for way, place in ((_post, asked.webhook), (_mail, asked.smtp if asked.mail else None)):
        if place is None:
            continue
        key = "notify.webhook" if way is _post else "notify.smtp"
        url = expand_url(place, f"{settings.path.name}: {key}")
        try:
            way(url, settings, wanted)
        except (OSError, URLError, smtplib.SMTPException, ssl.SSLError, ValueError) as error:
            failed = NotSentError(
                msg("{key}: nothing could be sent: {reason}", key=key, reason=_said(error, url)),
                hint=msg("check the address and that its server can be reached from here"),
            )
    if failed is not None:
        raise failed
    return wanted


def _said(error: Exception, url: str) -> str:
    """Return what went wrong; of the address nothing, a webhook's is a secret."""
    return without_passwords(str(error) or type(error).__name__, url).replace(url, "…")


def _post(url: str, settings: Settings, news: Sequence[News]) -> None:
    if urlsplit(url).scheme not in {"https", "http"}:
        raise ConfigError(
            msg("{file}: notify.webhook: expected https://…", file=settings.path.name),
            hint=msg("set the variable that it names to the whole address"),
        )
    body = {"project": settings.whole.name, "news": [asdict(one) for one in news], "text": _lines(news)}
    request = Request(  # noqa: S310 - the scheme was checked
        url,
        json.dumps(body, ensure_ascii=False).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    with urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
        pass


def _mail(url: str, settings: Settings, news: Sequence[News]) -> None:
    place, asked = urlsplit(url), settings.notify
    if place.scheme not in _PORTS or not place.hostname:
        raise ConfigError(
            msg("{file}: notify.smtp: expected smtp://host:587 or smtps://host", file=settings.path.name)
        )
    message = EmailMessage()
    message["Subject"] = f"tagcast, {settings.whole.name}: {news[0].text}"[:150].replace("\n", " ")
    message["From"], message["To"] = asked.sender or "", ", ".join(asked.mail)
    message.set_content(_lines(news) + "\n")
    with _server(place, _PORTS[place.scheme]) as server:
        if place.username:
            server.login(unquote(place.username), unquote(place.password or ""))
        server.send_message(message)


def _server(place: Any, port: int) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if place.scheme == "smtps":
        return smtplib.SMTP_SSL(place.hostname, place.port or port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(place.hostname, place.port or port, timeout=TIMEOUT_SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    elif place.username and place.hostname not in _HERE:
        server.close()
        raise smtplib.SMTPException("the server offers no TLS, and a password would be sent in the open")
    return server


def _lines(news: Sequence[News]) -> str:
    return "\n".join(one.text for one in news)


def notifies(asked: Notify) -> bool:
    """Return whether anybody is to hear of anything."""
    return bool(asked.webhook or asked.mail)
