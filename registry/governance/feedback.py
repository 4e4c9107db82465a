"""What people think of a tag: stars and comments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import NAME_LENGTH, RATINGS
from tagcast.registry.state.text_validation import checked

COMMENT_LENGTH = 2_000


@dataclass(frozen=True)
class Comment:
    """One person's newest word on a tag."""

    who: str
    stars: int
    text: str
    at: datetime


@dataclass(frozen=True)
class Feedback:
    """What people think of a tag.

    Parameters
    ----------
    mean : float or None
        Of the stars, 1 to 5; None where nobody has rated it.
    count : int
        Persons who rated it.
    comments : tuple of Comment
        Newest first; ratings without words are left out.
    """

    mean: float | None
    count: int
    comments: tuple[Comment, ...]


def rate(state: State, tag: str, who: str, stars: int, comment: str, now: datetime) -> None:
    """Record one person's stars and comment; they replace that person's earlier rating, which stays on record.

    Raises
    ------
    TagcastError
        For stars that are not 1 to 5, or a comment of more than 2,000 characters.
    """
    if isinstance(stars, bool) or stars not in range(1, 6):
        raise TagcastError(
            msg("expected 1 to 5 stars, found {stars}", stars=stars),
            hint=msg("give a whole number from 1 to 5"),
        )
    text = checked(comment, msg("the comment"), at_least=0, at_most=COMMENT_LENGTH, lines=True)
    row = {"tag": tag, "who": who[:NAME_LENGTH], "stars": stars, "comment": text, "at": now}
    with state.writing() as connection:
        connection.execute(RATINGS.insert().values(row))


def feedback(state: State, tag: str) -> Feedback:
    """Return what people think of ``tag``: each person counts once, with their last rating."""
    query = select(RATINGS).where(RATINGS.c.tag == tag).order_by(RATINGS.c.id)
    with state.reading() as connection:
        newest = {row.who: row for row in connection.execute(query)}
    ratings = sorted(newest.values(), key=lambda row: row.id, reverse=True)
    mean = sum(row.stars for row in ratings) / len(ratings) if ratings else None
    return Feedback(
        mean, len(ratings), tuple(Comment(r.who, r.stars, r.comment, r.at) for r in ratings if r.comment)
    )
