"""When a source has stopped, and up to which day all of them reach."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tagcast.features.quality.source_spans import observed_until, source_span, stopped

START = date(2026, 1, 1)


def span(name, first, last, *, every=1, event="purchase", ended=False):
    days = {START + timedelta(days=n): 5 for n in range(first, last + 1, every)}
    return source_span(name, [event], days, ended=ended)


@pytest.mark.parametrize(
    ("spans", "silent", "until"),
    [
        ([span("shop", 0, 299), span("web", 0, 276, event="visit")], {"web": 23}, 277),
        ([span("shop", 0, 276), span("web", 0, 299, event="visit")], {"shop": 23}, 277),
        ([span("shop", 0, 270), span("web", 0, 290, event="visit"), span("app", 0, 299)], {"shop": 29, "web": 9}, 271),
        ([span("shop", 0, 299), span("web", 0, 297, event="visit")], {}, 300),
        ([span("shop", 0, 299), span("fair", 0, 280, every=7)], {}, 300),
        ([span("shop", 0, 299), span("fair", 0, 270, every=7)], {"fair": 33}, 267),
        ([span("old", 0, 150), span("new", 151, 299)], {}, 300),
        ([span("shop", 0, 299), span("web", 0, 50, event="visit")], {}, 300),
        ([span("shop", 0, 299), span("web", 0, 276, event="visit", ended=True)], {}, 300),
        ([span("shop", 0, 299), span("few", 0, 12, event="visit")], {}, 300),
    ],
    ids=[
        "23 days", "the other", "two, the earlier counts", "two days late", "weekly, in time", "weekly, silent",
        "continued by another", "history", "said to have ended", "no rhythm",
    ],
)  # fmt: skip
def test_a_source_that_stopped(spans, silent, until) -> None:
    assert stopped(spans) == silent
    assert observed_until(spans, START + timedelta(days=299)) == START + timedelta(days=until)
