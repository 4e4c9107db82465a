"""The command line on a project folder, for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from tagcast.pipelines.cli.main import cli


@dataclass(frozen=True)
class Project:
    """A project folder and the command line on it."""

    config: Path
    home: Path

    def invoke(self, *words: str) -> Result:
        """Run a command, however it ends."""
        return CliRunner().invoke(cli, [*words, "--config", str(self.config), "--home", str(self.home)])

    def run(self, *words: str, ok: bool = True) -> Result:
        """Run a command that has to end well, unless not ``ok``."""
        result = self.invoke(*words)
        if ok:
            assert result.exit_code == 0, result.output + result.stderr
        return result

    def json(self, *words: str):
        """Run a command that has to end well, and return its answer."""
        return json.loads(self.run(*words, "--json").stdout)
