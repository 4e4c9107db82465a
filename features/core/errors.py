"""The exceptions of tagcast, one small tree.

::

    TagcastError                exit code 1
    ├── ConfigError        3    tagcast.toml is wrong
    ├── DataError          4    a source cannot be read, or holds what would spoil a model
    ├── DefinitionError    5    a tag definition is wrong or unknown
    ├── ModelError         6    a model cannot be trained, or its stored files are not what was recorded
    ├── StoreError         7    the profile store cannot be read or written
    │   ├── StoreBusyError 8    another run is writing the store
    │   └── RunRefusedError 10  a run is not what a run should be; the last one stays active
    ├── FilterError        9    an audience filter is wrong; carries the position
    ├── NotAllowedError    11   the caller lacks the right, or did not identify themselves
    │   └── PurposeNeededError 11 the caller did not say what they look at people for
    ├── StateError         12   accounts, audit log, saved audiences cannot be read or written
    ├── NotFoundError      13   there is nothing of that name
    ├── ConflictError      14   the request contradicts what is there: a taken name, a step that is not allowed
    ├── MachineError       15   the machine does not let tagcast work: rights, memory, a damaged installation
    ├── BackupError        17   a backup cannot be taken or restored, or is not what its manifest says
    └── TamperedError      18   the audit log is not as it was written

Each states what was expected, what was found and how to fix it. Exit codes are stable: schedulers
branch on them. Exit code 2 is the command line's own (wrong option), 16 that of a night with nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tagcast.features.core.messages import Joined, Language, Message, Text, render


class TagcastError(Exception):
    """Base of all errors that a person can fix.

    Parameters
    ----------
    message : Message or str
        What was expected and what was found, naming the place.
    hint : Message or str, optional
        How to put it right, as an instruction.
    """

    exit_code = 1
    code = "error"
    """What programs branch on; stable, one for each class."""

    def __init__(self, message: Text | Joined, *, hint: Text | Joined = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def params(self) -> dict[str, Any]:
        """What the message puts in, by name, as plain values."""
        kept = self.message.to_json() if isinstance(self.message, Message) else {}
        return dict(kept.get("params", {}))

    def rendered(self, language: Language) -> tuple[str, str]:
        """Return message and hint in the reader's language."""
        return render(self.message, language), render(self.hint, language)

    def __str__(self) -> str:
        message, hint = self.rendered("en")
        return f"{message}\n  hint: {hint}" if hint else message


class ConfigError(TagcastError):
    """The configuration is wrong."""

    exit_code = 3
    code = "config"


class DataError(TagcastError):
    """A source cannot be read, or holds what would spoil a model."""

    exit_code = 4
    code = "data"


class DefinitionError(TagcastError):
    """A tag definition is wrong or unknown.

    Parameters
    ----------
    message, hint : Message or str
    problems : mapping of str to Message, optional
        What is wrong with each key, ``title.en``; for a form that marks its fields.
    """

    exit_code = 5
    code = "definition"

    def __init__(
        self,
        message: Text | Joined,
        *,
        hint: Text | Joined = "",
        problems: Mapping[str, Text | Joined] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = dict(problems or {})


class ModelError(TagcastError):
    """A model cannot be trained, or its stored files are not what was recorded."""

    exit_code = 6
    code = "model"


class StoreError(TagcastError):
    """The profile store cannot be read or written."""

    exit_code = 7
    code = "store"


class StoreBusyError(StoreError):
    """Another run is writing the store."""

    exit_code = 8
    code = "store_busy"


class RunRefusedError(StoreError):
    """A run fails the checks before it would be activated; the last one stays."""

    exit_code = 10
    code = "run_refused"


class FilterError(TagcastError):
    """An audience filter is wrong.

    Parameters
    ----------
    message, hint : str
        As in the base class.
    position : int
        0-based character of the filter text where the trouble starts.
    """

    exit_code = 9
    code = "filter"

    def __init__(self, message: Text | Joined, *, hint: Text | Joined = "", position: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class NotAllowedError(TagcastError):
    """The caller lacks the right, or did not prove who they are."""

    exit_code = 11
    code = "not_allowed"


class PurposeNeededError(NotAllowedError):
    """Whoever looks at single profiles has to say what for, and the caller did not."""

    code = "purpose_needed"


class StateError(TagcastError):
    """What people made (accounts, audit log, saved audiences, …) cannot be read or written."""

    exit_code = 12
    code = "state"


class NotFoundError(TagcastError):
    """There is nothing of that name."""

    exit_code = 13
    code = "not_found"


class ConflictError(TagcastError):
    """The request contradicts what is there: a name that is taken, a step that is not allowed."""

    exit_code = 14
    code = "conflict"


class MachineError(TagcastError):
    """The machine does not let tagcast work: rights of files, memory, a damaged installation or file of a library."""

    exit_code = 15
    code = "machine"


class BackupError(TagcastError):
    """A backup cannot be taken or restored, or is not what its manifest says."""

    exit_code = 17
    code = "backup"


class TamperedError(TagcastError):
    """The audit log is not as it was written: a line was changed, removed or inserted."""

    exit_code = 18
    code = "tampered"
