"""Views are read from their files once for a command, and anew where a file holds something else."""

from __future__ import annotations

import os

import pytest
import yaml

from tagcast.features.catalog.view_files import load_views
from tagcast.features.core.errors import DefinitionError

VIEW = """\
view: visits
entity: customer
windows: [7]
features:
  logins: {count: true, where: "event = 'login'", title: {en: Logins, zh: 登录}}
"""


def test_views_are_parsed_once_and_anew_where_a_file_holds_something_else(tmp_path, monkeypatch) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text(VIEW, encoding="utf-8")
    before = file.stat()
    (first,) = load_views(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(yaml, "safe_load_all", lambda _text: pytest.fail("parsed a second time"))
        assert load_views(tmp_path) == (first,)
    file.write_text(VIEW.replace("[7]", "[9]"), encoding="utf-8")
    # As many bytes, changed at the same time: only what they say tells.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    (second,) = load_views(tmp_path)
    assert (first.windows, second.windows) == ((7,), (9,))


def test_a_wrong_file_is_named_each_time(tmp_path) -> None:
    (tmp_path / "visits.yaml").write_text("view: [", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DefinitionError, match="visits.yaml"):
            load_views(tmp_path)
