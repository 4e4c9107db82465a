"""Lists of ids from elsewhere as audiences: what is read, what is known, and that they follow merges, filters and erasure."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import FilterError, NotAllowedError, TagcastError
from tagcast.features.loads.former_ids import FOLDER, FORMER_IDS
from tagcast.registry.governance.saved_audiences import frozen_ids, get
from tagcast.registry.operations.erased_ids import erase_from_lists
from tagcast.serving.audiences.over_time import id_lists
from tagcast.serving.audiences.over_time.id_lists import read_ids, save_list
from tagcast.serving.audiences.saved_audience_actions import record_sizes, save
from tagcast.serving.audiences.service import count, parse_for
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame().set_index("profile_id")
GIVEN = [f"p{k:04d}" for k in range(0, 60, 2)]


@pytest.fixture(params=KINDS)
def context(request, tmp_path):
    store = make_store(request.param, tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


def found(context, text: str) -> int:
    return count(context, ANALYST, parse_for(context, ANALYST, text)).members


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("p1\np2\n", ["p1", "p2"]),
        ("\ufeffprofile_id,city\r\np1,Oslo\r\np1,Bergen\r\n\r\n", ["p1"]),
        ("Household;x\n 7 ;1\n8;2", ["7", "8"]),
        ('"a,b"\t1\nc\t2', ["a,b", "c"]),
    ],
)
def test_ids_are_read_one_a_line_or_from_the_first_column(text, ids) -> None:
    assert read_ids(text, "household") == ids


@pytest.mark.parametrize("text", ["", "\n \n", "id\n", "a\x1fb", "x" * 1001, "a\0"])
def test_what_holds_no_ids_is_refused(text) -> None:
    with pytest.raises(TagcastError) as caught:
        read_ids(text)
    assert "first column" in str(caught.value.hint)


def test_a_list_is_a_condition_like_any_saved_audience(context, monkeypatch) -> None:
    saved = save_list(context, MARKETER, "from the shop", [*GIVEN, "nobody", GIVEN[0], "x'); --"])
    assert (saved.given, saved.merged, saved.unknown) == (len(GIVEN) + 2, 0, 2)
    assert saved.examples == ("nobody", "x'); --")
    assert (saved.audience.kind, saved.audience.members, saved.audience.run) == ("list", len(GIVEN), 1)
    assert list(frozen_ids(context.state, "from the shop")) == GIVEN
    old = FRAME.loc[GIVEN, "age"] >= 40
    assert found(context, "IN AUDIENCE 'from the shop'") == len(GIVEN)
    assert found(context, "IN AUDIENCE 'from the shop' AND age >= 40") == old.sum() > 0
    assert found(context, get(context.state, "from the shop").filter) == len(GIVEN)
    save(context, MARKETER, "of them", "IN AUDIENCE 'from the shop' AND age >= 40")
    assert found(context, "IN AUDIENCE 'of them'") == old.sum()
    publish_made(context.store.store, "newer", seed=9)
    context.store.close()
    assert record_sizes(context, ANALYST) == []
    assert get(context.state, "from the shop").members == len(GIVEN)
    erase_from_lists(context.state, GIVEN[:4])
    assert list(frozen_ids(context.state, "from the shop")) == GIVEN[4:]
    assert get(context.state, "from the shop").members == len(GIVEN) - 4
    with pytest.raises(FilterError, match="uses itself"):
        save(context, MARKETER, "from the shop", "IN AUDIENCE 'from the shop'")
    monkeypatch.setattr(id_lists, "MOST_IDS", 3)
    for asked in (lambda: save_list(context, MARKETER, "many", GIVEN), lambda: read_ids("\n".join(GIVEN))):
        with pytest.raises(TagcastError, match="3 ids at most"):
            asked()


def test_merged_accounts_are_followed(context) -> None:
    file = context.settings.home / FOLDER / FORMER_IDS
    file.parent.mkdir(parents=True)
    merges = [("old", "p0001"), ("both", "p0002"), ("both", "p0003"), ("gone", "nobody")]
    columns = {"former": [a for a, _ in merges], "profile_id": [b for _, b in merges], "main": [True] * 4}
    pq.write_table(pa.table(columns), file)
    saved = save_list(context, MARKETER, "merged", ["old", "both", "gone", "p0004"])
    assert (saved.given, saved.merged, saved.unknown) == (4, 2, 1)
    assert list(frozen_ids(context.state, "merged")) == ["p0001", "p0002", "p0003", "p0004"]


def test_of_none_that_is_known_nothing_is_saved(context) -> None:
    with pytest.raises(TagcastError, match="none of the 2 ids is known; the first is 'x'"):
        save_list(context, MARKETER, "nobody", ["x", "y"])
    with pytest.raises(TagcastError, match="no saved audience"):
        get(context.state, "nobody")
    with pytest.raises(NotAllowedError):
        save_list(context, VIEWER, "nobody", GIVEN)
