"""How many members can be reached by each channel: the small line under a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.console.i18n.translator import Translator


def reach_line(say: Translator, count: AudienceCount) -> Markup | None:
    """Return the members who consent to each channel; None where no channel is configured, or nobody is a member."""
    if not count.reachable or not count.members:
        return None
    parts = [
        say(msg("{n} by {channel}", n=number(members), channel=channel))
        for channel, members in count.reachable.items()
    ]
    return h("div", say(msg("Can be contacted:")), " ", " · ".join(parts), class_="faint num reach")
