"""How many cases each kind of tag needs, at least, before anything is learned or measured."""

from __future__ import annotations

from collections.abc import Callable

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Message, msg
from tagcast.models.calibration.binary_calibrator import MIN_CASES

CheckCases = Callable[[str, Message, int, int], None]
"""Of a tag's name, where, and how many outcomes are true and false there: raises ModelError where they are too few."""


def check_both_outcomes(tag: str, where: Message, yes: int, no: int) -> None:
    """Check that there are enough outcomes even for the RFM ranking that stands in for a model.

    Raises
    ------
    ModelError
    """
    if min(yes, no) < MIN_CASES:
        raise ModelError(
            msg(
                "{tag}: {yes:,} true and {no:,} false outcomes {where}; at least {least} of each are needed",
                tag=tag,
                yes=yes,
                no=no,
                where=where,
                least=MIN_CASES,
            ),
            hint=msg("widen the population, change the outcome or its horizon_days, or give more history"),
        )


def check_any_spend(tag: str, where: Message, yes: int, no: int) -> None:  # noqa: ARG001  # all are asked alike
    """Check that enough profiles spent anything; that nobody spent nothing does no harm.

    Raises
    ------
    ModelError
    """
    if yes < MIN_CASES:
        raise ModelError(
            msg(
                "{tag}: {yes:,} profiles with any spend {where}; at least {least} are needed",
                tag=tag,
                yes=yes,
                where=where,
                least=MIN_CASES,
            ),
            hint=msg("widen the population, choose a longer horizon_days, or give more history"),
        )


CASE_CHECKS: dict[str, CheckCases] = {
    "model": check_both_outcomes,
    "amount": check_any_spend,
    "uplift": check_both_outcomes,
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
