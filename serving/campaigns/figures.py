"""The figures of a campaign: its lift so far or for good, in outcomes and money, and what speaks against them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from tagcast.models.stats.lift.estimates import Lift
from tagcast.models.stats.lift.sample_ratio import SampleRatio

if TYPE_CHECKING:
    from tagcast.registry.operations.campaigns import Campaign

Stage = Literal["ahead", "open", "closed"]
"""No day of the window is observed; some are; all are."""


@dataclass(frozen=True)
class Range:
    """A figure and its 95 % range."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Delivered:
    """Whom the campaign reached by the events that say so, and the effect on those (complier average causal effect).

    Parameters
    ----------
    given, held_out : float
        Share of each arm that was reached; of those held out it should be none.
    effect : Range or None
        Lift among those reached: that by intention to treat over the difference of both shares, in the unit of the outcome.
        None where hardly more of one arm than of the other were reached.
    """

    given: float
    held_out: float
    effect: Range | None


@dataclass(frozen=True)
class Floor:
    """What an uplift tag promised of the members, beside their lift.

    Parameters
    ----------
    tag : str
    version : int
        Of the model that predicted it.
    members : int
        Of both arms, that it spoke of.
    promised : float
        Their mean lower bound at export: a floor on the effect.
    lift : Lift
        Of these members.
    """

    tag: str
    version: int
    members: int
    promised: float
    lift: Lift

    @property
    def is_broken(self) -> bool:
        """Whether the measured effect lies below the floor, by more than chance."""
        return self.lift.high < self.promised


@dataclass(frozen=True)
class Figures:
    """What is known of a campaign's effect.

    Parameters
    ----------
    stage : {"ahead", "open", "closed"}
    observed_until : date
        First day that not every source reaches.
    day, days : int
        Days of the window that are observed, and all.
    given, held_out : int
        Members of each arm that are measured.
    gone : int
        Members that are no longer in the data.
    in_both : int
        Persons of both arms, since their accounts became one; left out.
    lift : Lift or None
        Of the goal, by intention to treat; while the window is open that of the days so far. None where an arm has too few.
    extra : Range or None
        Outcomes more than there would have been among those given; below zero: fewer.
    money : Lift or None
        Of the amount that a member spent in the window, returns subtracted. None where the data have no amounts, and while
        the window is open where the window before it is not observed.
    extra_money : Range or None
        Money more than there would have been of those given.
    ratio : SampleRatio or None
        Whether the arms are as they were drawn.
    elsewhere_given, elsewhere_held_out : int
        Members of each arm that other campaigns approached within the window.
    expected : float or None
        Share that the tag's scores promised at export, without a campaign; holds of those held out.
    delivered : Delivered or None
        Where the configuration says which events mean that somebody was reached.
    floors : tuple of Floor
        Of uplift tags, once the window is closed and where the arms are as they were drawn.
    """

    stage: Stage
    observed_until: date
    day: int
    days: int
    given: int = 0
    held_out: int = 0
    gone: int = 0
    in_both: int = 0
    lift: Lift | None = None
    extra: Range | None = None
    money: Lift | None = None
    extra_money: Range | None = None
    ratio: SampleRatio | None = None
    elsewhere_given: int = 0
    elsewhere_held_out: int = 0
    expected: float | None = None
    delivered: Delivered | None = None
    floors: tuple[Floor, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the lift's interval leaves zero out, and the arms are as they were drawn."""
        sound = self.ratio is None or not self.ratio.alarm
        return self.lift is not None and self.lift.decided and sound

    def works(self, campaign: Campaign) -> bool:
        """Return whether a lift that is decided is of the wanted kind."""
        assert self.lift is not None  # noqa: S101 - asked once it is decided
        return (self.lift.lift > 0) == (campaign.wanted == "more")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values that :meth:`from_json` reads."""
        written: dict[str, Any] = _FIGURES.dump_python(self, mode="json")
        return written

    @classmethod
    def from_json(cls, values: Any) -> Figures:
        """Read what :meth:`to_json` wrote."""
        return _FIGURES.validate_python(values)


_FIGURES = TypeAdapter(Figures)
