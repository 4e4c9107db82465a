"""The command line: each command parses, calls one function, prints.

Commands are loaded when they are called (:class:`tagcast.pipelines.cli.groups.LazyGroup`): `tagcast --help` is instant.
"""

from __future__ import annotations

import sys

import click

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.home.machine import drop_unraisable_memory_error
from tagcast.features.core.system import check_system
from tagcast.pipelines.cli.groups import LazyCommand, LazyGroup
from tagcast.pipelines.reports.terminal import answer_error

_EXAMPLES_WIDTH = 110

COMMANDS = {
    "init": LazyCommand(
        "training", "Look at data and write a first project: configuration, views and a tag."
    ),
    "check": LazyCommand("training", "Read the sources and report whether they are ready to train on."),
    "train": LazyCommand(
        "training", "Train tags and version the models; those that pass the gate become champions."
    ),
    "score": LazyCommand("scoring", "Score everyone with each champion and publish a new run."),
    "promise": LazyCommand("scoring", "Compare what was promised with what happened."),
    "campaign": LazyCommand(
        "scoring",
        "Show what campaigns did: exports with a goal, whose members held out tell what would have been.",
    ),
    "run": LazyCommand(
        "runs",
        "Do what is due; list the published runs, compare them, go back to an earlier one, delete old ones.",
    ),
    "serve": LazyCommand("serve", "Serve the console and the API until stopped."),
    "tag": LazyCommand("tags", "List tags, review changed definitions, take a tag from draft to retirement."),
    "model": LazyCommand(
        "models",
        "List model versions, read their cards, evaluate, approve and promote them; delete what nothing needs.",
    ),
    "audience": LazyCommand(
        "audiences.saved", "Count, understand, save and export the profiles that a filter finds."
    ),
    "profile": LazyCommand("profiles", "Look up one profile, export all that is known of it, erase it."),
    "features": LazyCommand("training", "Build feature snapshots and write them to the online store."),
    "backup": LazyCommand(
        "upkeep.backups", "Back up all that cannot be computed again, as one set, while everything runs."
    ),
    "restore": LazyCommand("upkeep.backups", "Put a backup into an empty place."),
    "migrate": LazyCommand("upkeep.backups", "Bring what an older tagcast wrote forward, after a backup."),
    "home": LazyCommand(
        "upkeep.home", "Show what lies in the home, how fast it grows, and delete what is kept no longer."
    ),
    "user": LazyCommand(
        "access.users",
        "Add, list and remove those who may log in to the console; see and end their sessions.",
    ),
    "key": LazyCommand("access.keys", "Add, list and revoke the keys with which programs call the API."),
    "audit": LazyCommand(
        "access.logs", "Read the audit log and the access log, and see that they are as they were written."
    ),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _EXAMPLES_WIDTH},
)
@click.version_option(package_name="tagcast")
def cli() -> None:
    """Turn raw customer events into predictive tags you can verify.

    \b
    A first run:
      tagcast init events.parquet customers.csv  write a tagcast.toml, views and a tag from what the data show
      tagcast check                              is the data ready?
      tagcast train --all                        train and version every tag
      tagcast score --all                        score everyone, publish the profile store
      tagcast audience count "churn_risk = 'yes' AND churn_risk.confidence >= 0.8"

    \b
    Example:
      tagcast --config shop/tagcast.toml --json tag list
    """


def main() -> None:
    """Run the command line."""
    sys.unraisablehook = drop_unraisable_memory_error
    try:
        check_system()
    except TagcastError as error:
        answer_error(error, as_json="--json" in sys.argv, text=None)
        sys.exit(error.exit_code)
    cli()


if __name__ == "__main__":
    main()
