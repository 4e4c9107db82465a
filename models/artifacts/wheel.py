"""tagcast itself as a wheel beside a stored model: what loads the model elsewhere is the code that made it.

tagcast is in no package index, so ``tagcast==…`` could not be installed. The wheel asks for nothing more: what a prediction
needs stands in the model's requirements, pinned as it was at training, and is far less than all that tagcast uses.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

FOLDER = "wheels"
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same code is the same file


def wheel_name() -> str:
    """Return the wheel's name in the folder of a model, as its requirements name it."""
    return f"{FOLDER}/tagcast-{version('tagcast')}-py3-none-any.whl"


def write_wheel(folder: Path) -> Path:
    """Write the wheel of the running code into ``folder``, and return its path."""
    file = folder / wheel_name()
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(_wheel())
    return file


@cache
def _wheel() -> bytes:
    """Return the wheel: what runs was read when the process started, so one is made for all of its models."""
    about = f"tagcast-{version('tagcast')}.dist-info"
    files = dict(_package_files())
    files[f"{about}/METADATA"] = _METADATA.format(version=version("tagcast")).encode()
    files[f"{about}/WHEEL"] = _WHEEL.encode()
    records = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*records, f"{about}/RECORD,,", ""]).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _package_files() -> Iterator[tuple[str, bytes]]:
    root = Path(__file__).parents[2]
    # In the repository the five packages are links.
    for folder, inner, names in os.walk(root, followlinks=True):
        inner[:] = sorted(name for name in inner if name != "__pycache__" and not name.startswith("."))
        for name in sorted(names):
            if not name.endswith((".pyc", ".db")) and not name.startswith("."):
                file = Path(folder) / name
                yield f"tagcast/{file.relative_to(root).as_posix()}", file.read_bytes()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


_METADATA = """\
Metadata-Version: 2.1
Name: tagcast
Version: {version}
Summary: tagcast as it was when a model was trained, to load that model; its requirements are the model's
Requires-Python: >=3.11
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: tagcast
Root-Is-Purelib: true
Tag: py3-none-any
"""
