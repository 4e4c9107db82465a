"""Kernels compiled ahead of time, where an environment is built, so that its processes find their machine code.

``NUMBA_CACHE_DIR=folder python -m tagcast.models.kernels.precompiled`` writes it to a folder. Numba takes it up again on the
same kind of processor, as long as modules keep the time at which they were last changed.
"""

from __future__ import annotations

from typing import Any

from numba import types

from tagcast.models.kernels import (
    additive_kernel,
    bin_counts,
    forest_kernel,
    out_of_range_kernel,
    path_attribution,
    threshold_ranks,
)

_FLOATS, _TABLE = types.float64[::1], types.float64[:, ::1]
_FLAGS, _NUMBERS, _WORDS, _SETS = (
    types.boolean[::1],
    types.int64[::1],
    types.uint64[::1],
    types.uint64[:, ::1],
)
_CODES = (types.uint8[:, ::1], types.uint16[:, ::1])
"""Of forests whose features have fewer than 255 thresholds each, and of others."""


def signatures() -> list[tuple[Any, tuple[Any, ...]]]:
    """Return every kernel with each of the types of arguments that it is called with."""
    return [
        (additive_kernel._add_curves, (_TABLE, _NUMBERS, _NUMBERS, *[_FLOATS] * 5)),  # noqa: SLF001
        (bin_counts.bin_counts, (_TABLE, _TABLE)),
        (out_of_range_kernel.marks, (_TABLE, _FLOATS, _FLOATS, _FLOATS, _FLAGS)),
        (path_attribution._on_the_way, (_FLAGS, _NUMBERS, _NUMBERS, _FLOATS, _FLOATS)),  # noqa: SLF001
        *(
            one
            for codes in _CODES
            for one in (
                (threshold_ranks._encode, (_TABLE, _NUMBERS, _FLAGS, _FLOATS, _NUMBERS, codes)),  # noqa: SLF001
                (forest_kernel._walk, (codes, _WORDS, _FLOATS, _NUMBERS, _NUMBERS, _SETS, _FLOATS)),  # noqa: SLF001
                (
                    path_attribution._attribute,  # noqa: SLF001
                    (codes, _WORDS, _NUMBERS, _NUMBERS, _SETS, _NUMBERS, _NUMBERS, _FLOATS, _TABLE),
                ),
            )
        ),
    ]


def precompile() -> None:
    """Compile every kernel; Numba keeps the machine code where it keeps that of all processes."""
    for kernel, arguments in signatures():
        kernel.compile(arguments)


if __name__ == "__main__":
    precompile()
