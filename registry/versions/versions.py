"""Model versions in MLflow: list them, find one, fetch one whose files are what was recorded.

What a listing needs (metrics, digests, feature set) is kept as tags of the model version: listing takes
a handful of queries, whatever the number of versions, and no MLflow (:mod:`.mlflow_reader`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.system import private_folder
from tagcast.registry.gates.reservations import reservations
from tagcast.registry.versions.decision_log import Decision
from tagcast.registry.versions.home_database import own_folder
from tagcast.registry.versions.mlflow_model import BUNDLE, verify
from tagcast.registry.versions.mlflow_reader import RegisteredModel
from tagcast.registry.versions.names import CHAMPION, PROJECT, ForeignChampion, made_by_tagcast
from tagcast.registry.versions.tracking import Tracking, store_errors

# Tags of a model version and of a registered model, as MLflow's own pages show them.
CREATED = "tagcast.created"
FEATURE_SET = "tagcast.feature_set"
METRICS = "tagcast.metrics"
DIGESTS = "tagcast.digests"
GRADE = "tagcast.grade"
KIND = "tagcast.kind"
_MADE = {CREATED, FEATURE_SET, METRICS, DIGESTS, KIND}
"""Tags of every version that tagcast made."""


@dataclass(frozen=True)
class Version:
    """One version of a tag's model.

    Parameters
    ----------
    tag, version : str, int
        Its key; MLflow counts versions from 1.
    run_id : str
        MLflow run that holds parameters, dataset, split and plots.
    created : datetime
        UTC.
    aliases : tuple of str
        ``champion``, ``challenger`` or what people set.
    feature_set : str
        Id of the feature set it was trained on.
    metrics : mapping
        Name to value, as logged.
    digests : mapping
        File inside the stored model to its SHA-256.
    decision : Decision or None
        The last one on this version.
    source : str
        Where MLflow keeps the files.
    kind : str
        What it predicts, as :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind` of its definition.
    grade : str or None
        A to D, as on its card; None without a card.
    """

    tag: str
    version: int
    run_id: str
    created: datetime
    aliases: tuple[str, ...]
    feature_set: str
    metrics: Mapping[str, float]
    digests: Mapping[str, str] = field(repr=False)
    decision: Decision | None
    source: str = field(repr=False)
    kind: str
    grade: str | None = None

    @property
    def name(self) -> str:
        """Name for people and for ``model_version`` of a predicted tag: ``churn_risk v3``."""
        return f"{self.tag} v{self.version}"

    @property
    def reservations(self) -> tuple[str, ...]:
        """What the gate held against it without refusing it, by :data:`tagcast.registry.gates.reservations.RESERVATIONS`."""
        return reservations(self.decision.figures) if self.decision else ()

    @classmethod
    def from_mlflow(
        cls, tag: str, logged: Any, *, aliases: tuple[str, ...] = (), decision: Decision | None = None
    ) -> Version:
        """Read MLflow's model version of ``tag``, as ``recording.log_version`` tagged it."""
        return cls(
            tag=tag,
            version=int(logged.version),
            run_id=logged.run_id,
            created=datetime.fromisoformat(logged.tags[CREATED]),
            aliases=aliases,
            feature_set=logged.tags[FEATURE_SET],
            metrics=json.loads(logged.tags[METRICS]),
            digests=json.loads(logged.tags[DIGESTS]),
            decision=decision,
            source=logged.source,
            kind=logged.tags[KIND],
            grade=logged.tags.get(GRADE),
        )


def versions(tracking: Tracking, tag: str | None = None) -> list[Version]:
    """Return the versions of one tag or of all, by name of the tag, newest first.

    Where somebody gave the alias ``champion`` to a version that tagcast did not make, the last one that was promoted has it.
    """
    return _read(tracking, tag)[0]


def foreign_champions(tracking: Tracking, tag: str | None = None) -> list[ForeignChampion]:
    """Return where the alias ``champion`` names a version that tagcast did not make, of one tag or of all."""
    return _read(tracking, tag)[1]


def _read(tracking: Tracking, tag: str | None) -> tuple[list[Version], list[ForeignChampion]]:
    reader, prefix = tracking.reader, tracking.given.prefix
    name = None if tag is None else tracking.model_name(tag)
    with store_errors(msg("the model registry cannot be read")):
        models = [m for m in reader.models(name) if is_ours(tracking, m)]
        found = reader.versions(name) if models else []
    history = tracking.decisions.history(tag)
    decisions = {(d.tag, d.version): d for d in history}
    own = [v for v in found if v.tags.keys() >= _MADE]
    aliases, foreign = {m.name: dict(m.aliases) for m in models}, []
    for model in models:
        named, mine = model.aliases.get(CHAMPION), {v.version for v in own if v.name == model.name}
        if named is None or named in mine:
            continue
        called = model.name.removeprefix(prefix)
        promoted = [d.version for d in history if d.tag == called and d.action == "promoted"]
        used = next((number for number in reversed(promoted) if number in mine), None)
        foreign.append(ForeignChampion(called, named, used))
        if used is not None:
            aliases[model.name][CHAMPION] = used
    listed = [
        Version.from_mlflow(
            v.name.removeprefix(prefix),
            v,
            aliases=tuple(sorted(alias for alias, n in aliases[v.name].items() if n == v.version)),
            decision=decisions.get((v.name.removeprefix(prefix), v.version)),
        )
        for v in own
        if v.name in aliases
    ]
    return sorted(listed, key=lambda v: (v.tag, -v.version)), sorted(foreign, key=lambda one: one.tag)


def find_version(
    tracking: Tracking, tag: str, which: int | str = CHAMPION, known: Sequence[Version] | None = None
) -> Version:
    """Return one version of ``tag``, by number or alias; ``known`` are its versions where they were read already.

    Raises
    ------
    ModelError
        When there is none; the message lists those there are.
    """
    known = versions(tracking, tag) if known is None else known
    for version in known:
        if which == version.version or which in version.aliases:
            return version
    if not known:
        raise ModelError(msg("{tag} has no trained model", tag=tag), hint=f"tagcast train {tag}")
    numbers = ", ".join(str(v.version) for v in known)
    if which == CHAMPION:
        latest = known[0].decision
        refused = latest is not None and latest.action == "refused"
        problem = msg("{tag} has no champion: no version passed the gate", tag=tag)
        if latest and refused:
            problem = msg(
                "{problem} (version {version}: {reason})",
                problem=problem,
                version=known[0].version,
                reason=latest.reason,
            )
        raise ModelError(
            problem,
            hint=msg(
                "correct the definition or the data and train again, or activate one of {versions}: {command}",
                versions=numbers,
                command=f"tagcast model promote {tag} VERSION --force",
            ),
        )
    raise ModelError(
        msg("{tag} has no version {version}", tag=tag, version=which),
        hint=msg("choose one of {versions}", versions=numbers),
    )


def load_bundle(
    tracking: Tracking, tag: str, which: int | str = CHAMPION, known: Sequence[Version] | None = None
) -> tuple[Version, Path]:
    """Return a version and the folder of its files, each checked against its recorded digest.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    tag : str
        Name of the tag.
    which : int or str
        Version number or alias.
    known : sequence of Version, optional
        The versions of the tag, where they were read already.

    Returns
    -------
    Version, Path
        The folder is MLflow's own (or, from a server, a copy under the home): read it only.

    Raises
    ------
    ModelError
        When there is no such version, or a file is missing or was changed.
    """
    version = find_version(tracking, tag, which, known)
    with store_errors(msg("{version}: the stored model cannot be read", version=version.name)):
        folder = local_folder(tracking, version.source) or _downloaded(tracking, version)
        verify(folder, version.digests, name=version.name)
    return version, folder / BUNDLE


def local_folder(tracking: Tracking, uri: str) -> Path | None:
    """Return the folder that MLflow records as ``uri``; None where a server keeps it.

    The home's own files come first: those of a copied home are the copy's, whatever path is recorded.
    """
    url = urlparse(uri)
    if url.scheme not in {"", "file"}:
        return None
    recorded, own = Path(url2pathname(url.path)), own_folder(tracking.home, uri)
    if own is not None and (tracking.is_own or own.exists() or not recorded.exists()):
        return own
    return recorded


def _downloaded(tracking: Tracking, version: Version) -> Path:
    """Return a whole copy under the home, fetched once; a damaged one is fetched again."""
    from mlflow.artifacts import download_artifacts

    copies = tracking.home / "downloads"
    copy = copies / version.run_id
    if copy.exists():
        try:
            verify(copy, version.digests, name=version.name)
        except ModelError:
            shutil.rmtree(copy)
        else:
            return copy
    private_folder(copies)
    with tempfile.TemporaryDirectory(dir=copies) as aside:
        fetched = Path(download_artifacts(version.source, dst_path=aside, tracking_uri=tracking.uri))
        with suppress(OSError):  # another process was first
            fetched.rename(copy)
    return copy


def check_names(tracking: Tracking, tags: Collection[str]) -> None:
    """Check that the registered models of ``tags`` are this project's, or not there yet.

    Raises
    ------
    ModelError
        Naming every one that somebody else has made.
    """
    wanted = {tracking.model_name(tag) for tag in tags}
    with store_errors(msg("the model registry cannot be read")):
        others = [m.name for m in tracking.reader.models() if m.name in wanted and not is_ours(tracking, m)]
    if others:
        raise ModelError(
            msg(
                "{place} holds registered models that this project of tagcast did not make: {names}",
                place=tracking.place,
                names=listed(sorted(others)),
            ),
            hint=msg('set mlflow.prefix, as in prefix = "tagcast.", or rename the tag'),
        )


def is_ours(tracking: Tracking, model: RegisteredModel) -> bool:
    """Return whether this project has made a registered model; in the home's own MLflow nobody else makes any."""
    made = tracking.is_own or made_by_tagcast(model.tags)
    return made and model.tags.get(PROJECT) == tracking.project
