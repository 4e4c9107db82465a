"""What is written aside is there whole or not at all, however often and however badly it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagcast.features.core.engines.aside import Aside


def make(aside: Aside, text: str, *, folder: bool) -> None:
    file = aside.path
    if folder:
        file.mkdir()
        file = file / "inside"
    file.write_text(text, encoding="utf-8")


def there(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize(("folder", "name"), [(False, "new/one"), (True, "new/one/inside")])
def test_the_name_is_of_what_is_whole(folder: bool, name: str, tmp_path) -> None:
    target = tmp_path / "new" / "one"
    target.parent.mkdir()
    with Aside(target) as first, Aside(target) as second:
        make(first, "a", folder=folder)
        make(second, "a", folder=folder)
        first.path.with_name("one.wal").write_text("a library's own", encoding="utf-8")
        assert not target.exists()
        first.finish()
        assert {name: text for name, text in there(tmp_path).items() if "/." not in name} == {name: "a"}
        second.finish()
    assert there(tmp_path) == {name: "a"}
    assert [left.name for left in target.parent.iterdir()] == ["one"]


def test_a_file_takes_the_place_of_another_and_of_a_folder_the_first_one_stays(tmp_path) -> None:
    for text in ("a", "b"):
        for kind in ("file", "folder"):
            with Aside(tmp_path / kind) as aside:
                make(aside, text, folder=kind == "folder")
                aside.finish()
    assert there(tmp_path) == {"file": "b", "folder/inside": "a"}


@pytest.mark.parametrize("folder", [False, True])
def test_what_fails_leaves_nothing_and_takes_nothing_away(folder: bool, tmp_path) -> None:
    with Aside(tmp_path / "one") as aside:
        make(aside, "a", folder=folder)
        aside.finish()
    before = there(tmp_path)
    with pytest.raises(RuntimeError, match="in the middle"), Aside(tmp_path / "one") as aside:
        make(aside, "b", folder=folder)
        raise RuntimeError("in the middle")
    assert there(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_never_written_has_no_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError), Aside(tmp_path / "one") as aside:
        aside.finish()
    assert not any(tmp_path.iterdir())


def test_whose_folder_is_gone_makes_none(tmp_path) -> None:
    # A task that outlives the run that it works for.
    with pytest.raises(FileNotFoundError):
        Aside(tmp_path / "gone" / "one")
    assert not any(tmp_path.iterdir())


def test_it_may_be_written_elsewhere(tmp_path) -> None:
    (tmp_path / "work").mkdir()
    with Aside(tmp_path / "one", tmp_path / "work") as aside:
        assert (tmp_path / "work") in aside.path.parents
        make(aside, "a", folder=False)
        aside.finish()
    assert there(tmp_path) == {"one": "a"}
