"""`tagcast audit`: who did what, who looked at whom, and whether both logs are as they were written."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import click

from tagcast.features.core.errors import ConfigError, TamperedError
from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day
from tagcast.pipelines.reports.terminal import moment_text, say, spoken, table
from tagcast.registry.access.audit_log import entries, whose
from tagcast.registry.access.chain.digests import Head
from tagcast.registry.access.chain.stream import stream, waiting
from tagcast.registry.access.chain.verification import SENTENCES, Finding, verify
from tagcast.serving.profiles.looked_at import looked_at

_SHOWN = 20


@click.group(cls=ProjectGroup)
def audit() -> None:
    """Read the audit log and the access log, and see that they are as they were written.

    \b
    Example:
      tagcast audit list --action export
      tagcast audit access --profile 1228
      tagcast audit verify
    """


@audit.command("list")
@click.option("--action", help="Only this action; with a dot at its end all that begin so: audience.")
@click.option("--subject", help="Only what was done to this tag, audience, user or key.")
@click.option("--who", help="Only what this person or key did.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Newest lines to show."
)
@click.option("--before", type=click.IntRange(min=1), help="Only lines older than this one: the next page.")
@pass_invocation
def list_lines(
    invocation: Invocation, action: str | None, subject: str | None,
    who: str | None, limit: int, before: int | None,
) -> None:  # fmt: skip
    """Show who did what and when, newest first.

    Logins, exports, saved audiences, steps of tags, keys.

    \b
    Example:
      tagcast audit list
      tagcast audit list --action export --limit 10
      tagcast audit list --action audience. --who ann
    """
    who = whose(invocation.person, who)
    found = entries(
        invocation.project().state, action=action, subject=subject, who=who, limit=limit, before=before
    )
    cells = [(e.id, moment_text(e.at), e.who, e.action, e.subject, _details(e.detail)) for e in found]
    heads = ("id", "at (UTC)", "who", "action", "subject", "detail")
    invocation.answer([vars(e) for e in found], lambda: table("audit log", heads, cells))


@audit.command("access")
@click.option("--profile", help="Only what showed this one, under any id that it had.")
@click.option("--who", help="Only what this person or key was shown.")
@click.option("--since", type=Day(), help="Only from this day on.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Newest lines to show."
)
@click.option("--before", type=click.IntRange(min=1), help="Only lines older than this one: the next page.")
@pass_invocation
def list_accesses(
    invocation: Invocation, profile: str | None, who: str | None, since: date | None,
    limit: int, before: int | None,
) -> None:  # fmt: skip
    """Show who looked at whom, newest first: profiles, members of audiences, exports.

    A line that names no profile showed everyone, or everyone of a tag.

    \b
    Example:
      tagcast audit access --profile 1228
      tagcast audit access --who ann --since 2026-01-01
    """
    context = invocation.context()
    start = None if since is None else datetime.combine(since, time(), ZoneInfo(invocation.settings.timezone))
    found = looked_at(
        context, invocation.person, profile=profile, who=who, since=start, limit=limit, before=before
    )
    cells = [
        (
            a.id,
            moment_text(a.at),
            a.who,
            a.kind,
            spoken(msg("all")) if a.everyone else a.profiles,
            a.via,
            a.address,
            a.purpose,
            _details(a.detail),
        )
        for a in found
    ]
    heads = ("id", "at (UTC)", "who", "what", "profiles", "by", "from", "purpose", "detail")
    invocation.answer([vars(a) for a in found], lambda: table("access log", heads, cells))


@audit.command("verify")
@click.option(
    "--head",
    metavar="NUMBER:DIGEST",
    help="A head that was kept elsewhere, as this command printed it: the chain has to go through it.",
)
@pass_invocation
def verify_lines(invocation: Invocation, head: str | None) -> None:
    """See that audit log and access log are as they were written; exit code 18 where they are not.

    Each line carries the digest of the one before it. With a key in TAGCAST_AUDIT_KEY the digests are an HMAC, which nobody
    without it can compute.

    \b
    Example:
      tagcast audit verify
      tagcast audit verify --head 1204:9b74c9897bac770ffc029102a200c5de5bd0d7b8e6f3a6d4f5a6c7d8e9f0a1b2
    """
    invocation.allowed("audit")
    state = invocation.project().state
    found = verify(state, None if head is None else _head(head))
    left = waiting(state)

    def render() -> None:
        say(
            nmsg(
                "{n:,} line, {keyed:,} with a key",
                "{n:,} lines, {keyed:,} of them with a key",
                found.lines,
                keyed=found.keyed,
            )
        )
        if found.sealed:
            say(
                nmsg(
                    "{n:,} line from before the chain, sealed as it was then",
                    "{n:,} lines from before the chain, sealed as they were then",
                    found.sealed,
                )
            )
        if found.unsealed:
            say(
                nmsg(
                    "{n:,} line of a log without a chain: nothing says whether it is as it was written, and the next line seals it",
                    "{n:,} lines of a log without a chain: nothing says whether they are as they were written, and the next line seals them",
                    found.unsealed,
                )
            )
        if left:
            say(
                nmsg(
                    "{n:,} line is not streamed to {place} yet",
                    "{n:,} lines are not streamed to {place} yet",
                    left,
                    place=state.access.audit_to,
                )
            )
        say(msg("head: {number}:{digest}", number=found.head.number, digest=found.head.digest))
        for one in found.findings[:_SHOWN]:
            say(_finding(one))

    invocation.answer({**asdict(found), "not_streamed": left}, render)
    if found.findings:
        raise TamperedError(
            nmsg(
                "{n:,} line of the logs is not as it was written",
                "{n:,} lines of the logs are not as they were written",
                len(found.findings),
            ),
            hint=msg(
                "compare with what was streamed elsewhere, or with a backup, and find out who could write the database"
            ),
        )


@audit.command("stream")
@pass_invocation
def stream_lines(invocation: Invocation) -> None:
    """Stream what waits to [access] audit_to, where that could not be written; else it happens by itself.

    \b
    Example:
      tagcast audit stream
    """
    invocation.allowed("audit")
    state = invocation.project().state
    if state.access.audit_to is None:
        raise ConfigError(
            msg("[access] audit_to names no place"),
            hint=msg("as in {example}", example='audit_to = "file:/var/log/tagcast/audit.jsonl"'),
        )
    count = stream(state)
    said = nmsg(
        "{n:,} line streamed to {place}",
        "{n:,} lines streamed to {place}",
        count,
        place=state.access.audit_to,
    )
    invocation.answer({"streamed": count, "place": state.access.audit_to}, lambda: say(said))


def _head(text: str) -> Head:
    number, _, digest = text.partition(":")
    if not number.isdigit() or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise click.BadParameter(
            "expected NUMBER:DIGEST, as tagcast audit verify prints it", param_hint="--head"
        )
    return Head(int(number), digest)


def _finding(one: Finding) -> Message:
    what = SENTENCES[one.fault]
    if one.line is None and one.number is None:
        return msg("a line of the {log} log from before the chain {what}", log=one.log, what=what)
    if one.line is None:
        return msg("line {number} of the chain {what}", number=one.number, what=what)
    if one.number is None:
        return msg("line {line} of the {log} log {what}", line=one.line, log=one.log, what=what)
    return msg(
        "line {line} of the {log} log, {number} of the chain, {what}",
        line=one.line,
        log=one.log,
        number=one.number,
        what=what,
    )


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(
        f"{k}={v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in detail.items()
    )
