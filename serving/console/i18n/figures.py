"""Numbers of facts in words: with their unit, by language."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.console.ui.formatting import number, percent

if TYPE_CHECKING:
    from tagcast.serving.console.i18n.translator import Translator


def figure(say: Translator, value: float | None, unit: str, currency: str = "") -> str:
    """Return a number with its unit, one of :data:`tagcast.serving.store.schema.FactUnit`."""
    if value is None or isnan(value):
        return number(None)
    if unit == "days":
        days = round(value, 1)
        return say(nmsg("{days} day", "{days} days", 1 if days == 1 else 2, days=number(days)))
    if unit == "share":
        return percent(value)
    return money(say, value, currency) if unit == "currency" else number(value)


def money(say: Translator, value: float, currency: str) -> str:
    """Return an amount in the currency of the data, whole from a hundred on."""
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
    return say(msg("{amount} {currency}", amount=shown, currency=currency)) if currency else shown
