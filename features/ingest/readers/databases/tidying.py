"""What is kept of databases is tidied once a load has used it: what no load asks for any more, and pieces that are many."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from tagcast.features.ingest.readers.databases.buckets import LABEL
from tagcast.features.ingest.readers.databases.chunk_types import write_chunks
from tagcast.features.ingest.readers.databases.contract import CHUNK_ROWS, Chunk
from tagcast.features.ingest.readers.databases.pieces import LOCK, Fetched, Piece, Pieces, locked

MOST_PIECES = 12
MOST_STALE = 0.2
"""Of all lines, those that count no more: beyond it, as beyond so many pieces, what counts is written together."""
_SMALL = 0.1
_LOADED = ".loaded"
"""When a load was done last."""


def tidy(root: Path, used: Collection[Fetched]) -> list[Fetched]:
    """Remove places that nothing has asked for since the load before, and lines of ``used`` ones that count no more.

    Parameters
    ----------
    root : Path
        Where all places are kept.
    used : collection of Fetched
        By the load that is done.

    Returns
    -------
    list of Fetched
        ``used``, as each is kept from now on.
    """
    if not root.is_dir():
        return list(used)
    loaded = root / _LOADED
    names = {fetched.folder.name for fetched in used}
    for place in root.iterdir():
        if place.is_dir() and place.name not in names and _older(place / LOCK, loaded):
            shutil.rmtree(place, ignore_errors=True)
    loaded.touch()
    tidied = []
    for fetched in used:
        with locked(fetched.folder):
            # As it is by now: another process may have fetched more.
            kept = Pieces.read(fetched.folder)
            _tidy_pieces(fetched.folder, kept)
            tidied.append(replace(fetched, kept=kept))
    return tidied


def _older(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_mtime_ns < other.stat().st_mtime_ns
    except OSError:
        return False


def _tidy_pieces(folder: Path, kept: Pieces) -> None:
    counting = {
        name: [one for one in piece.buckets if kept.current.get(one) == name]
        for name, piece in kept.pieces.items()
    }
    rows = {name: sum(n for n, _ in piece.buckets.values()) for name, piece in kept.pieces.items()}
    live = {name: sum(kept.pieces[name].buckets[one][0] for one in ones) for name, ones in counting.items()}
    together = {name for name, ones in counting.items() if not ones}
    if len(kept.pieces) > MOST_PIECES:
        together |= {name for name, n in rows.items() if n < _SMALL * sum(rows.values())}
    if sum(rows.values()) - sum(live.values()) > MOST_STALE * sum(rows.values()):
        together |= {name for name, n in rows.items() if live[name] < n}
    if not together:
        return
    picked = {name: counting[name] for name in together if counting[name]}
    if picked:
        _write_together(folder, kept, picked)
    for name in together:
        del kept.pieces[name]
    kept.write(folder)
    for name in together:
        shutil.rmtree(folder / name, ignore_errors=True)


def _write_together(folder: Path, kept: Pieces, picked: dict[str, list[str]]) -> None:
    aside = folder / ".aside"
    shutil.rmtree(aside, ignore_errors=True)
    write_chunks(_lines(folder, picked), aside)
    name = kept.next_name()
    aside.rename(folder / name)
    held = {one: kept.pieces[piece].buckets[one] for piece, ones in picked.items() for one in ones}
    untyped = {column for piece in picked for column in kept.pieces[piece].untyped}
    kept.pieces[name] = Piece(held, sorted(untyped))
    kept.current |= dict.fromkeys(held, name)


def _lines(folder: Path, picked: dict[str, list[str]]) -> Iterator[Chunk]:
    """Yield the lines that count, those of like types after one another."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    files = [
        (file, ones)
        for name, ones in sorted(picked.items())
        for file in sorted((folder / name).glob("*.parquet"))
    ]
    for file, ones in sorted(files, key=lambda one: str(pq.read_schema(one[0]))):
        with pq.ParquetFile(file) as held:
            for batch in held.iter_batches(CHUNK_ROWS):
                lines = batch.filter(pc.is_in(batch.column(LABEL), pa.array(ones, pa.string())))
                if lines.num_rows:
                    yield lines, ()
