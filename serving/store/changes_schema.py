"""How changes of values are stored."""

from __future__ import annotations

import pyarrow as pa

VALUE_COLUMNS = [("value", pa.string()), ("band", pa.string()), ("confidence", pa.float64())]


CHANGES = pa.schema(
    [
        ("profile_id", pa.string()),
        ("tag", pa.string()),
        *((f"was_{part}", kind) for part, kind in VALUE_COLUMNS),
        *((f"now_{part}", kind) for part, kind in VALUE_COLUMNS),
    ]
)
"""Parts are null where the tag had no value for the profile; ``confidence`` is that of the two runs compared."""
