"""Questions on what the data leave open: asked on a terminal, or answered by the best guess, which is then written down."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import click

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Joined, Text, msg
from tagcast.pipelines.reports.terminal import spoken


class Asker(Protocol):
    """Somebody who answers."""

    def choose(self, question: Text | Joined, choices: Sequence[Text]) -> int:
        """Return the position of the choice; the first is the guess."""
        ...

    def text(self, question: Text, guess: str) -> str:
        """Return an answer in words."""
        ...


def on_terminal() -> bool:
    """Return whether somebody is there to answer."""
    return sys.stdin.isatty()


class Terminal:
    """Asks on the terminal; what is asked goes to standard error, as all that is no answer of the command."""

    def choose(self, question: Text | Joined, choices: Sequence[Text]) -> int:
        """Return the position of the choice; the first is the guess."""
        click.echo(spoken(question), err=True)
        for number, choice in enumerate(choices, 1):
            click.echo(f"  {number}  {spoken(choice)}", err=True)
        number = click.prompt(
            spoken(msg("number")), type=click.IntRange(1, len(choices)), default=1, err=True
        )
        return int(number) - 1

    def text(self, question: Text, guess: str) -> str:
        """Return an answer in words."""
        return str(click.prompt(spoken(question), default=guess, err=True))


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what else it could have been.

    Parameters
    ----------
    value : str
    others : tuple of str
    guessed : bool
        Whether nobody was asked.
    """

    value: str
    others: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def comment(self) -> str:
        """What stands beside it in the configuration; empty where there was nothing to choose."""
        return f"guessed: {self.value}; others: {', '.join(self.others)}" if self.guessed else ""


class Questions:
    """Asks only where there is something to choose.

    Parameters
    ----------
    asker : Asker or None
        None: nobody is there, the guesses are taken.
    """

    def __init__(self, asker: Asker | None) -> None:
        self._asker = asker

    @property
    def answered(self) -> bool:
        """Whether somebody answers."""
        return self._asker is not None

    def choose(self, question: Text, names: Sequence[str], equal: int) -> Choice:
        """Return one of ``names``; the first ``equal`` of them are equally likely, and asked about where they are several."""
        if self._asker is None or equal < 2:
            return Choice(names[0], tuple(names[1:]), guessed=len(names) > 1)
        position = self._asker.choose(question, names)
        return Choice(names[position])

    def decide(self, question: Text | Joined, choices: Sequence[Text], refusal: DataError) -> int:
        """Return the position of the choice where a guess would be as likely wrong as right.

        Raises
        ------
        DataError
            ``refusal``, where nobody answers.
        """
        if self._asker is None:
            raise refusal
        return self._asker.choose(question, choices)

    def confirm(self, question: Text) -> bool:
        """Return whether it is so; not, where nobody answers."""
        return self._asker is not None and self._asker.choose(question, [msg("no"), msg("yes")]) == 1

    def text(self, question: Text, guess: str) -> str:
        """Return an answer in words, or the guess."""
        return guess if self._asker is None else self._asker.text(question, guess)
