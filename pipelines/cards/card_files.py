"""Cards as files: written at training and kept with the version, read again by `tagcast model card`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError, TagcastError
from tagcast.features.core.messages import LANGUAGES, NOTHING, Language, listed, msg, to_json
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.models.stats.segments import Segment
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult
    from tagcast.pipelines.evidence.findings import Findings
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version

FACTS = "card.json"


@dataclass(frozen=True)
class FoundCard:
    """The card of one version.

    Parameters
    ----------
    tag : str
    version : int
    aliases : tuple of str
        As they are now.
    language : {"en", "zh"}
        Of both texts: English of a version that was trained before cards were written in Chinese.
    html, markdown : str
    facts : dict
        Grade, drivers and agreement of the reasons; calibration, or tiers and which of them came.
    """

    tag: str
    version: int
    aliases: tuple[str, ...]
    language: Language
    html: str
    markdown: str
    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values, without the HTML."""
        return {
            "tag": self.tag,
            "version": self.version,
            "aliases": list(self.aliases),
            "language": self.language,
            **self.facts,
            "markdown": self.markdown,
        }


def keep_card(
    tracking: Tracking,
    version: Version,
    result: AnyResult,
    frame: TrainingFrame,
    report: GateReport,
    findings: Findings,
    *,
    events: EventLog,
    segments: Sequence[Segment],
) -> None:
    """Write the card of ``version`` and keep it with it.

    Raises
    ------
    ModelError
        When it cannot be stored.
    """
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.models.evaluation.grade import grade
    from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
    from tagcast.pipelines.cards.card import build_card, in_short
    from tagcast.pipelines.cards.document import to_html, to_markdown
    from tagcast.pipelines.cards.sections import CardFacts
    from tagcast.pipelines.evidence.tag_kinds import evidence_kind
    from tagcast.registry.versions.cards import card_file, store_card

    definition, refusal = result.model.definition, NOTHING if report.passed else report.reason
    given = grade(GRADE_KINDS[definition.kind], findings.evidence, refusal)
    about = CardFacts(
        result=result,
        rows=len(frame.y),
        yes=int(frame.y.sum()),
        drawn_from=None if frame.weight is None else frame.stands_for,
        report=report,
        grade=given,
        evidence=findings.evidence,
        version=version,
        events=events,
        feature_set=FeatureSet.parse(result.model.feature_set),
        explanation=findings.explanation,
        figures=findings.figures,
        segments=segments,
    )
    facts = {
        "grade": {"letter": given.letter, "reasons": [to_json(reason) for reason in given.reasons]},
        **evidence_kind(definition).facts(result),
        "drivers": [_plain(asdict(driver)) for driver in findings.explanation.drivers],
        "reasons": asdict(findings.explanation.agreement),
    }
    texts = {FACTS: json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n"}
    for language in LANGUAGES:
        card = build_card(replace(about, language=language))
        texts |= {
            card_file("html", language): to_html(card),
            card_file("md", language): to_markdown(card),
        }
    store_card(tracking, version, texts, grade=given.letter, description=in_short(about))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Put None where a figure is not known: NaN is no JSON."""
    return {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124


def find_card(project: Project, tag: str, which: str | None, language: Language = "en") -> FoundCard:
    """Return the card of a version.

    Parameters
    ----------
    project : Project
    tag : str
    which : str, optional
        Version number or alias; default: the champion, else the newest version.
    language : {"en", "zh"}
        A card that was not written in it is given in English.

    Raises
    ------
    DefinitionError
        For a tag that was never trained.
    ModelError
        When there is no such version, or it has no card, or the card was changed.
    """
    from tagcast.pipelines.project.versions import registered_versions
    from tagcast.registry.versions.cards import card_file, card_language, load_card
    from tagcast.registry.versions.tracking import tracking_of

    known = [v for v in registered_versions(project, tag) if v.tag == tag]
    if not known:
        members = sorted({v.tag for v in registered_versions(project, tag)})
        raise ModelError(
            msg("{tag} is a family of tags", tag=tag), hint=msg("name one of {names}", names=listed(members))
        )
    if which is None:
        version = next((v for v in known if "champion" in v.aliases), known[0])
    else:
        named = [v for v in known if which in {str(v.version), *v.aliases}]
        if not named:
            raise ModelError(
                msg("{tag} has no version {version}", tag=tag, version=which),
                hint=msg("choose one of {versions}", versions=listed(str(v.version) for v in known)),
            )
        version = named[0]
    tracking = tracking_of(project.settings)
    files = load_card(tracking, version)
    written = card_language(files, language)
    if written != language:
        problem = msg(
            "{version} has its card in English alone: it was trained before there were others",
            version=version.name,
        )
        log.warning(problem)
    return FoundCard(
        tag,
        version.version,
        version.aliases,
        written,
        files[card_file("html", written)],
        files[card_file("md", written)],
        json.loads(files[FACTS]),
    )


def write_card(card: FoundCard, out: Path, *, html_only: bool) -> list[Path]:
    """Write the card into the folder ``out``; return the files.

    Raises
    ------
    TagcastError
        When they cannot be written.
    """
    stem = f"{card.tag}-v{card.version}" + ("" if card.language == "en" else f".{card.language}")
    texts = {f"{stem}.html": card.html} | ({} if html_only else {f"{stem}.md": card.markdown})
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise TagcastError(
            msg("--out: {folder} cannot be written: {reason}", folder=out, reason=error.strerror),
            hint=msg("name a folder that can be written"),
        ) from error
    return [out / name for name in texts]
