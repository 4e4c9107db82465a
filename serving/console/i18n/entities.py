"""What the console says of entities beside the profile, where its own words are about customers."""

from __future__ import annotations

from dataclasses import replace

from tagcast.features.core.messages import Message, msg, nmsg, pmsg

_OF_OTHERS = (
    (msg("Customer lookup"), msg("Lookup")),
    (
        msg("Who a customer is: what they bought, what is predicted and why, and what changed."),
        msg("Tags and reasons, changes and recent activity of one of them."),
    ),
    (msg("Customer ID"), msg("Key")),
    (msg("Customer"), msg("Key")),
    (nmsg("{n:,} customer", "{n:,} customers", 0), nmsg("{n:,} of them", "{n:,} of them", 0)),
    (msg("There is no customer {id}", id=""), msg("There is no {id}", id="")),
    (
        msg("What is predicted about customers, how many it covers, and how reliable it is."),
        msg("What is predicted about them, how many it covers, and how reliable it is."),
    ),
    (msg("Customers covered"), msg("Covered")),
    (pmsg("count", "Customers"), pmsg("count", "Members")),
    (msg("mean score of each tenth of customers"), msg("mean score of each tenth of them")),
    (nmsg("{n:,} customer", "{n:,} customers", 0), pmsg("members", "{n:,}")),
    (nmsg("about {n:,} customer", "about {n:,} customers", 0), pmsg("members", "about {n:,}")),
    (
        nmsg(
            "Data until {day}, live since {at}: {n:,} customer.",
            "Data until {day}, live since {at}: {n:,} customers.",
            0,
            day="",
            at="",
        ),
        msg("Data until {day}, live since {at}: {n:,} in all.", day="", at="", n=0),
    ),
    (
        nmsg("{share} of {n:,} customer", "{share} of {n:,} customers", 0, share=""),
        nmsg("{share} of {n:,}", "{share} of {n:,}", 0, share=""),
    ),
)
_WORDS = {(ours.template, ours.context): others for ours, others in _OF_OTHERS}


def of_others(text: Message) -> Message:
    """Return a message as it is said of another entity than the profile."""
    other = _WORDS.get((text.template, text.context))
    return text if other is None else replace(other, params=text.params)
