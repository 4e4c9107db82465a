"""Imported once by the process that commands are forked off: what numba sets up before the first kernel is loaded."""

from __future__ import annotations

import numba

numba.njit(lambda number: number + 1)(1)
