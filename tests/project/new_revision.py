"""Write the next revision of the application state from what its tables are: ``python -m tests.project.new_revision "scopes of keys"``.

What is written is to be read and put right: Alembic cannot know what older rows should hold in a new column. Then ``HEAD`` in
``registry/state/migrations/revisions.py`` names it, and ``NEEDED`` too unless it only adds whole tables.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from sqlalchemy import Connection, StaticPool, create_engine

from tagcast.registry.state.migrations.upgrade import upgrade
from tagcast.registry.state.tables import METADATA

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "registry" / "state" / "migrations" / "versions"
TEXT = '''"""{what}."""

from __future__ import annotations

{imports}

# fmt: off
# As Alembic writes it.

revision = "{number}"
down_revision = {before!r}


def upgrade() -> None:
    """Bring the tables forward."""
{body}
'''


def load_every_table() -> None:
    """Import every module that declares a table."""
    for file in ROOT.glob("*/**/*.py"):
        if file.parts[len(ROOT.parts)] in {"registry", "serving", "pipelines"}:
            text = file.read_text(encoding="utf-8")
            if re.search(r"^[A-Z_]+ = Table\($", text, re.MULTILINE) and "METADATA" in text:
                module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                importlib.import_module(f"tagcast.{module}")


def differences(connection: Connection) -> list[Any]:
    """Return where the tables that the revisions make differ from those that are declared.

    Parameters
    ----------
    connection : Connection
        To an empty database.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    load_every_table()
    upgrade(connection)
    return list(compare_metadata(MigrationContext.configure(connection, opts=_OPTIONS), METADATA))


def _ours(_: object, name: str, kind: str, *_more: object) -> bool:
    return kind != "table" or name != "alembic_version"


_OPTIONS = {
    "compare_type": True,
    "include_object": _ours,
    "target_metadata": METADATA,
    "render_as_batch": True,
}


def write_revision(what: str) -> Path:
    """Write the next revision, and return its file."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext
    from alembic.operations.ops import CreateIndexOp, CreateTableOp, UpgradeOps

    load_every_table()
    files = sorted(VERSIONS.glob("r*.py"))
    number = f"{len(files) + 1:04}"
    with create_engine("sqlite://", poolclass=StaticPool).connect() as connection:
        if files:
            upgrade(connection)
        context = MigrationContext.configure(connection, opts=_OPTIONS)
        operations = produce_migrations(context, METADATA).upgrade_ops
        made = {one.table_name for one in operations.ops if isinstance(one, CreateTableOp)}
        imports: set[str] = set()
        body: list[str] = []
        for one in operations.ops:
            for part in (one, *getattr(one, "ops", ())):
                if isinstance(part, CreateTableOp | CreateIndexOp):
                    part.if_not_exists = True
            text = render_python_code(
                UpgradeOps([one]),
                render_as_batch=True,
                imports=imports,
                render_item=_rendered,
                migration_context=context,
            )
            lines = [line for line in text.splitlines() if line.strip() and "###" not in line]
            lines = dedent("\n".join(lines)).splitlines()
            if one.table_name not in made:
                body.append(f"if is_there({one.table_name!r}):")
                lines = [f"    {line}" for line in lines]
            body += lines
    target = VERSIONS / f"r{number}_{re.sub(r'[^a-z0-9]+', '_', what.lower()).strip('_')}.py"
    before = f"{len(files):04}" if files else None
    lines = ["import sqlalchemy as sa", "from alembic import op", *sorted(imports)]
    if any(line.startswith("if is_there") for line in body):
        lines.append("\nfrom tagcast.registry.state.migrations.revisions import is_there")
    target.write_text(
        TEXT.format(
            what=what,
            imports="\n".join(lines),
            number=number,
            before=before,
            body="\n".join(f"    {line}" for line in body),
        ),
        encoding="utf-8",
    )
    return target


def _rendered(kind: str, found: Any, _context: Any) -> str | bool:
    """Render what is ours as what it is in a database: a revision stays what it was when a type of ours changes."""
    if kind == "type" and type(found).__module__.startswith("tagcast."):
        return "sa.DateTime(timezone=True)"
    return False


if __name__ == "__main__":
    print(write_revision(sys.argv[1]))
