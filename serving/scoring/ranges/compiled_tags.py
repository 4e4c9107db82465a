"""The models of a run, compiled once for all of its ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.serving.scoring.challengers import because_of
from tagcast.serving.scoring.loaded_tag import engine_of

if TYPE_CHECKING:
    from tagcast.features.core.messages import Message
    from tagcast.models.inference.engine import Engine
    from tagcast.serving.scoring.loaded_tag import LoadedTag


@dataclass(frozen=True)
class CompiledTags:
    """Models over each feature set together, with what challenges them.

    Parameters
    ----------
    engines : mapping of str to Engine
        By spec of the feature set: champions in their order, then challengers.
    challenging : mapping of str to sequence of (int, LoadedTag)
        Challengers by spec, each with its place in the engine.
    left_out : mapping of str to Message
        Challengers that could not be compiled, and why.
    """

    engines: Mapping[str, Engine]
    challenging: Mapping[str, Sequence[tuple[int, LoadedTag]]]
    left_out: Mapping[str, Message]

    @classmethod
    def of(cls, tags: Sequence[LoadedTag], challengers: Sequence[LoadedTag] = ()) -> CompiledTags:
        """Compile ``tags``, and with them what challenges them: without, where that fails."""
        engines, challenging = {}, {}
        left_out: dict[str, Message] = {}
        for spec in dict.fromkeys(tag.model.feature_set for tag in tags):
            own = [tag for tag in tags if tag.model.feature_set == spec]
            beside = [tag for tag in challengers if tag.model.feature_set == spec]
            try:
                engines[spec] = engine_of(spec, own, beside)
            except Exception as error:
                if not beside:
                    raise
                left_out |= {tag.definition.name: because_of(tag, error) for tag in beside}
                engines[spec], beside = engine_of(spec, own), []
            challenging[spec] = list(enumerate(beside, start=len(own)))
        return cls(engines, challenging, left_out)
