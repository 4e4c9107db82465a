"""Sentences that are rendered where they are read: an English template, its parameters, and gettext catalogues.

Whatever tagcast has to say to a person (an error, a hint, a finding, why a grade) is a :class:`Message` until it
reaches an edge: the command line, the API or the console. There :func:`render` puts it into the reader's language.
The English template is the key of the catalogues under ``features/core/locale``, one for each package and language;
``make messages`` renews them from the code.

Inside the code a message is made by one of three functions, named after gettext's, whose literal arguments Babel extracts:

- ``msg("no {file} in {folder} or above it", file=name, folder=start)``
- ``nmsg("{n} row is unreadable", "{n} rows are unreadable", n)``
- ``pmsg("button", "Save")`` where one English word has several meanings

Parameters may be texts, numbers, dates, messages, and :class:`Joined` lists of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from dataclasses import fields as dataclass_fields
from functools import cache
from gettext import GNUTranslations, NullTranslations
from numbers import Integral, Real
from pathlib import Path
from string import Formatter
from typing import Any, Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
LOCALE = Path(__file__).parent / "locale"
DOMAINS = ("features", "models", "registry", "serving", "pipelines")
"""One catalogue for each package, so that each is translated beside what it is about."""

_SEPARATORS: dict[str, tuple[str, str]] = {
    "list": (", ", "、"),
    "sentences": ("; ", "；"),
    "lines": ("\n", "\n"),
    "paragraph": (" ", ""),
}
Kind = Literal["list", "sentences", "lines", "paragraph"]


@dataclass(frozen=True)
class Message:
    """A sentence in no language yet.

    Parameters
    ----------
    template : str
        English, with ``{names}`` of :attr:`params` as :meth:`str.format` takes them.
    params : mapping
    plural : str
        The template where ``params["n"]`` is not 1; empty where nothing is counted.
    context : str
        What tells equal English words apart (gettext's msgctxt).
    """

    template: str
    params: Mapping[str, Any] = field(default_factory=dict)
    plural: str = ""
    context: str = ""

    def __str__(self) -> str:
        return render(self, "en")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __hash__(self) -> int:
        return hash((self.template, self.context))

    def __bool__(self) -> bool:
        return bool(self.template)

    def to_json(self) -> dict[str, Any]:
        """Return plain values from which :func:`from_json` makes the message again."""
        kept: dict[str, Any] = {"message": self.template}
        if self.params:
            kept["params"] = {name: to_json(value) for name, value in self.params.items()}
        if self.plural:
            kept["plural"] = self.plural
        if self.context:
            kept["context"] = self.context
        return kept


Text = Message | str
"""A sentence, or a text that is the same in every language: a name, a value, an example."""


@dataclass(frozen=True)
class Joined:
    """Several texts as one: a list, or sentences one after the other.

    Parameters
    ----------
    items : tuple of Message or str
    kind : {"list", "sentences", "lines", "paragraph"}
        What stands between them: a comma, a semicolon, a new line, or (in English) a space.
    """

    items: tuple[Text, ...]
    kind: Kind = "list"

    def __str__(self) -> str:
        return render(self, "en")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.items)


NOTHING = Message("")
"""No message: false, and empty in every language."""


def msg(template: str, /, **params: Any) -> Message:
    """Return a sentence; ``template`` has to be a literal, so that it can be extracted."""
    return Message(template, params)


def nmsg(singular: str, plural: str, n: int, /, **params: Any) -> Message:
    """Return a sentence that counts ``n`` things; both templates have to be literals."""
    return Message(singular, {**params, "n": n}, plural=plural)


def pmsg(context: str, template: str, /, **params: Any) -> Message:
    """Return a sentence whose English has another meaning elsewhere; both texts have to be literals."""
    return Message(template, params, context=context)


def listed(items: Iterable[Text], kind: Kind = "list") -> Joined:
    """Return texts as one, joined as the reader's language joins them."""
    return Joined(tuple(items), kind)


def from_json(kept: Any) -> Text | Joined:
    """Return what :meth:`Message.to_json` wrote; a message and a plain text stay as they are."""
    if isinstance(kept, (Message, Joined)):
        return kept
    if isinstance(kept, Mapping) and "joined" in kept:
        return Joined(tuple(_text(item) for item in kept["joined"]), kept.get("kind", "list"))
    if not isinstance(kept, Mapping):
        return str(kept)
    params = {
        name: from_json(value) if isinstance(value, Mapping) else value
        for name, value in kept.get("params", {}).items()
    }
    return Message(kept["message"], params, kept.get("plural", ""), kept.get("context", ""))


def as_values(value: Any, language: Language) -> Any:
    """Return dataclasses, mappings and sequences as plain values, every sentence in them in a language.

    Sentences are messages, or what :func:`to_json` made of them.
    """
    if isinstance(value, (Message, Joined)):
        return render(value, language)
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_values(getattr(value, one.name), language) for one in dataclass_fields(value)}
    if isinstance(value, Mapping):
        if isinstance(value.get("message"), str) or isinstance(value.get("joined"), list):
            return render(from_json(value), language)
        return {name: as_values(item, language) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_values(item, language) for item in value]
    return value


def to_column(text: Text | Joined) -> str:
    """Return a sentence as one column of text keeps it: a message as JSON, what somebody typed as it is."""
    return json.dumps(to_json(text), ensure_ascii=False) if not isinstance(text, str) else text


def from_column(kept: str) -> Text | Joined:
    """Return what :func:`to_column` wrote."""
    return from_json(json.loads(kept)) if kept.startswith(('{"message": ', '{"joined": ')) else kept


def render(text: Text | Joined, language: Language) -> str:
    """Return a text in a language; what its catalogue lacks stays English.

    Parameters
    ----------
    text : Message, Joined or str
    language : {"en", "zh"}
    """
    if isinstance(text, Joined):
        separator = _SEPARATORS[text.kind][LANGUAGES.index(language)]
        return separator.join(render(item, language) for item in text.items)
    if isinstance(text, str):
        return text
    if not text.template:
        return ""
    template = _translated(text, language)
    if not text.params and "{" not in template:
        return template
    return template.format(**{name: _put_in(value, language) for name, value in text.params.items()})


def fields(template: str) -> set[str]:
    """Return the names that a template puts in."""
    return {name.partition(".")[0].partition("[")[0] for _, name, _, _ in Formatter().parse(template) if name}


def language_of(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of a terminal: ``TAGCAST_LANG``, else as gettext reads it (LC_ALL, LC_MESSAGES, LANG)."""
    for name in ("TAGCAST_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name, "").strip():
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def accepted_language(header: str) -> Language:
    """Return the language that an ``Accept-Language`` header prefers among ours.

    Parameters
    ----------
    header : str
        As in ``zh-CN,zh;q=0.9,en;q=0.8``; what cannot be read counts as absent.
    """
    wishes: list[tuple[float, Language]] = []
    for part in header.lower().split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        primary = tag.strip().split("-")[0]
        wishes.extend((weight, one) for one in LANGUAGES if one == primary and weight > 0)
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "en"


@cache
def catalogue(language: Language) -> NullTranslations:
    """Return the translations of every package into a language, read from their ``.po`` files once."""
    if language == "en":
        return NullTranslations()
    from io import BytesIO

    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    whole: NullTranslations | None = None
    for domain in DOMAINS:
        file = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
        if not file.is_file():
            continue
        compiled = BytesIO()
        with file.open("rb") as source:
            write_mo(compiled, read_po(source, locale=language))
        compiled.seek(0)
        one = GNUTranslations(compiled)
        if whole is None:
            whole = one
        else:
            whole.add_fallback(one)
    return whole or NullTranslations()


def _translated(text: Message, language: Language) -> str:
    known = catalogue(language)
    count = text.params.get("n", 1)
    if text.plural and text.context:
        return known.npgettext(text.context, text.template, text.plural, int(count))
    if text.plural:
        return known.ngettext(text.template, text.plural, int(count))
    if text.context:
        return known.pgettext(text.context, text.template)
    return known.gettext(text.template)


def _put_in(value: Any, language: Language) -> Any:
    return render(value, language) if isinstance(value, (Message, Joined)) else value


def _text(kept: Any) -> Text:
    made = from_json(kept)
    return made if isinstance(made, (Message, str)) else str(made)


def to_json(value: Any) -> Any:
    """Return plain values from which :func:`from_json` makes each text again; a number or None stays one."""
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, Joined):
        return {"joined": [to_json(item) for item in value.items], "kind": value.kind}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)
