"""Names that MLflow keeps on versions: aliases and who decided."""

from __future__ import annotations

CHAMPION = "champion"


CHALLENGER = "challenger"


GATE = "gate"
