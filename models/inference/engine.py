"""All models of a run over one set of features, compiled together: what they share is worked out once for a batch.

Forests are walked by :mod:`tagcast.models.kernels.forest_kernel` over ranks that all of them share, additive parts by
:mod:`tagcast.models.kernels.additive_kernel` over columns that are compressed once. Each compiled part is held against the model's own on
odd rows when it is loaded; where a single bit differs, or where the kernel cannot represent a forest, the model's own
part serves, and the log gives the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.entities.pair import Pair
from tagcast.models.kernels.additive_kernel import AdditiveKernel
from tagcast.models.kernels.additive_model import compress
from tagcast.models.kernels.forest_kernel import ForestKernel
from tagcast.models.kernels.lightgbm_parser import Tree, UnsupportedForestError, parse_forest
from tagcast.models.kernels.path_attribution import ForestPaths
from tagcast.models.kernels.threshold_ranks import ZERO, Codes, Encoding

if TYPE_CHECKING:
    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.models.estimators.forest import ForestScorer
    from tagcast.models.kernels.additive_model import AdditiveModel

Floats = npt.NDArray[np.float64]
log = logging.getLogger("tagcast")

PROBES = 512
_ODD = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 2.2e-308, ZERO, -ZERO, np.nextafter(ZERO, 1), 1e300, -1e300,
    -0.5, 0.5, 1.0, -1.0, 2.0, 31.0, 32.0, 2.0**31, 2.0**63,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One model and where its features stand.

    Parameters
    ----------
    model : TrainedModel
    pair : Pair or None
        Whose columns follow those of the profile.
    places : tuple of int
        Column of each feature, profile columns first.
    gives_way : bool
        Whether the kernel's room is for the others first.
    """

    model: TrainedModel
    pair: Pair | None
    places: tuple[int, ...]
    gives_way: bool = False

    def matrix(
        self, profile: Floats, own: Floats | None, rows: npt.NDArray[np.int64] | None = None
    ) -> Floats:
        """Return the model's features, shape (n, p); nothing is copied where they are the profile's own.

        Parameters
        ----------
        profile, own : ndarray
            All columns of the batch, and those of the pair.
        rows : ndarray of int, optional
            Which rows; all by default.
        """
        parts = [part if rows is None else part[rows] for part in (profile, own) if part is not None]
        X = parts[0] if len(parts) == 1 else np.hstack(parts)
        return X if self.places == tuple(range(X.shape[1])) else np.ascontiguousarray(X[:, self.places])

    @property
    def forest(self) -> ForestScorer | None:
        """The model's forest."""
        return self.model.forest

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """The model's additive parts."""
        return self.model.curves


@dataclass(frozen=True)
class EncodedBatch:
    """A batch, as the compiled parts take it.

    Parameters
    ----------
    codes : dict of Pair or None to ndarray of shape (n, c)
        Ranks, by pair; the profile's come first.
    compressed : dict of Pair or None to ndarray of shape (n, p)
        Compressed columns, where a model has an additive part.
    """

    codes: Mapping[Pair | None, Codes]
    compressed: Mapping[Pair | None, Floats]


class Engine:
    """Compiled parts of models over the same features.

    Parameters
    ----------
    members : sequence of Member
    profile_columns : int
        How many columns a profile has.
    pair_columns : mapping of str to int
        How many columns a pair has beside, by its entity.
    """

    def __init__(
        self, members: Sequence[Member], profile_columns: int, pair_columns: Mapping[str, int]
    ) -> None:
        self.members = members
        self._width = profile_columns
        forests = self._parsed()
        self._profile, self._own, self._all = self._encodings(forests, profile_columns, pair_columns)
        self._forests: dict[int, ForestKernel] = {}
        self._paths: dict[int, ForestPaths] = {}
        self._curves = {
            k: {name: AdditiveKernel.pack(part, m.places) for name, part in m.curves.items()}
            for k, m in enumerate(members)
            if m.curves
        }
        for k, (pair, (trees, columns)) in forests.items():
            try:
                self._forests[k] = ForestKernel.pack(trees, columns, self._all[pair])
            except UnsupportedForestError as error:
                self._refuse(k, raw_text(error))
        self._check()

    def _encodings(
        self,
        forests: dict[int, tuple[Pair | None, tuple[list[Tree], list[int]]]],
        profile: int,
        beside: Mapping[str, int],
    ) -> tuple[Encoding, dict[Pair, Encoding], dict[Pair | None, Encoding]]:
        """Return the encodings of the profile's columns, each pair's own, and both together.

        Where all forests have more thresholds than there are ranks, those that give way and the largest are left to LightGBM.
        """
        pairs = {m.pair for m in self.members if m.pair is not None}
        while True:
            try:
                shared = Encoding.over([f for _, f in forests.values()], range(profile))
                own = {
                    pair: Encoding.over(
                        [f for c, f in forests.values() if c == pair],
                        range(profile, profile + beside[pair.entity]),
                    )
                    for pair in pairs
                }
                by_set: dict[Pair | None, Encoding] = {None: shared}
                by_set |= {pair: shared.beside(encoding) for pair, encoding in own.items()}
            except UnsupportedForestError as error:
                largest = max(forests, key=lambda k: (self.members[k].gives_way, _size(forests[k][1][0])))
                self._refuse(largest, f"the kernel has no room for {error} beside those of other tags")
                del forests[largest]
            else:
                return shared, own, by_set

    def _parsed(self) -> dict[int, tuple[Pair | None, tuple[list[Tree], list[int]]]]:
        found: dict[int, tuple[Pair | None, tuple[list[Tree], list[int]]]] = {}
        for k, member in enumerate(self.members):
            if member.forest is None:
                continue
            columns = [member.places[c] for c in member.forest.columns]
            try:
                found[k] = member.pair, (parse_forest(member.forest.text), columns)
            except UnsupportedForestError as error:
                self._refuse(k, raw_text(error))
        return found

    def _refuse(self, k: int, why: Text) -> None:
        name = self.members[k].model.definition.name
        log.warning(msg("{tag}: scored without the kernel, slower: {reason}", tag=name, reason=why))

    def encode(self, profile: Floats, pairs: Mapping[Pair, Floats]) -> EncodedBatch:
        """Return what the compiled parts need of a batch.

        Parameters
        ----------
        profile : ndarray of shape (n, profile_columns)
            C-ordered.
        pairs : mapping of Pair to ndarray of shape (n, pair_columns)
        """
        shared = self._profile.encode(profile)
        codes: dict[Pair | None, Codes] = {None: shared}
        for pair, own in self._own.items():
            codes[pair] = np.hstack([shared, own.encode(pairs[pair], self._width)])
        compressed: dict[Pair | None, Floats] = {}
        if self._curves:
            with np.errstate(invalid="ignore"):
                compressed[None] = compress(profile)
                for wanted in {self.members[k].pair for k in self._curves}:
                    if wanted is not None:
                        compressed[wanted] = np.hstack([compressed[None], compress(pairs[wanted])])
        return EncodedBatch(codes, compressed)

    def known(self, k: int, coded: EncodedBatch, rows: npt.NDArray[np.int64] | None) -> dict[str, Floats]:
        """Return the log-odds of the compiled parts of member ``k``, each of shape (n,).

        Parameters
        ----------
        k : int
        coded : EncodedBatch
        rows : ndarray of int, optional
            Which rows of the batch; all by default.
        """
        pair, found = self.members[k].pair, {}
        if k in self._forests:
            codes = coded.codes[pair]
            found["forest"] = self._forests[k].raw(codes if rows is None else codes[rows])
        if k in self._curves:
            Z = coded.compressed[pair]
            Z = Z if rows is None else Z[rows]
            found |= {name: curves.raw(Z) for name, curves in self._curves[k].items()}
        return found

    def explains(self, k: int) -> bool:
        """Return whether path attribution of member ``k`` is to be had: a forest without the kernel gives SHAP alone."""
        return k in self._forests or self.members[k].forest is None

    def paths(self, k: int, coded: EncodedBatch, rows: npt.NDArray[np.int64]) -> dict[str, Floats]:
        """Return the path attribution of the forest of member ``k``, shape (n, p) over the model's features."""
        if k not in self._forests:
            return {}
        member = self.members[k]
        if k not in self._paths:
            self._paths[k] = ForestPaths.of(self._forests[k], self._all[member.pair])
        width = self._width + max(0, max(member.places, default=0) + 1 - self._width)
        out = np.zeros((len(rows), width))
        self._paths[k].add_to(out, coded.codes[member.pair][rows])
        return {"forest": np.ascontiguousarray(out[:, member.places])}

    def _check(self) -> None:
        """Hold every compiled part against the model's own, to the bit; drop what differs."""
        profile, pairs = self._probes
        coded = self.encode(profile, pairs)
        for k, member in enumerate(self.members):
            X = member.matrix(profile, None if member.pair is None else pairs[member.pair])
            known = self.known(k, coded, None)
            parts: dict[str, ForestScorer | AdditiveModel] = dict(member.curves)
            if member.forest is not None:
                parts["forest"] = member.forest
            for name, part in parts.items():
                if name not in known:
                    continue
                with np.errstate(invalid="ignore"):
                    wanted = part.raw(X)
                differs = int((known[name].view(np.int64) != wanted.view(np.int64)).sum())
                if differs:
                    self._refuse(k, f"its compiled {name} differs on {differs} of {len(X)} probes")
                    if name == "forest":
                        self._forests.pop(k)
                    else:
                        self._curves[k].pop(name)

    @cached_property
    def _probes(self) -> tuple[Floats, dict[Pair, Floats]]:
        """Rows of thresholds, their neighbours, and values that are odd for any column."""
        rng = np.random.default_rng(0)

        def drawn(encoding: Encoding, first: int, width: int) -> Floats:
            X = rng.choice(np.array(_ODD), (PROBES, width))
            for place, column in enumerate(encoding.columns.tolist()):
                edges = encoding.bounds[encoding.start[place] : encoding.start[place + 1]]
                near = np.r_[edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
                take = rng.random(PROBES) < 0.8
                X[take, column - first] = rng.choice(near, int(take.sum()))
            return X

        profile, pairs = drawn(self._profile, 0, self._width), {}
        for pair, own in self._own.items():
            places = [
                max(m.places, default=-1) for m in self.members if m.pair and m.pair.entity == pair.entity
            ]
            pairs[pair] = drawn(own, self._width, max(max(places) + 1 - self._width, 0))
        return profile, pairs


def _size(trees: list[Tree]) -> int:
    return sum(len(tree.feature) for tree in trees)
