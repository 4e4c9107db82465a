"""What a task of Spark makes of what goes wrong, without Spark."""

from __future__ import annotations

import pickle

import pytest

from tagcast.features.core.engines.spark_task import MachineFailed, do_item, unpacked
from tests.support.engines.works import duckdb_said_full_disk, refuse, said_full_disk


def test_what_a_person_has_to_put_right_is_an_answer() -> None:
    sent = pickle.dumps((refuse, [1, 2]))
    assert unpacked(do_item(sent, 0)) == (True, 1)
    done, error = unpacked(do_item(sent, 1))
    assert not done
    assert str(error) == "no profile has an event before 2\n  hint: choose a later date"


@pytest.mark.parametrize("work", [said_full_disk, duckdb_said_full_disk])
def test_what_another_machine_may_do_fails_and_is_found_again_in_what_spark_says(work) -> None:
    with pytest.raises(MachineFailed) as raised:
        do_item(pickle.dumps((work, [1])), 0)
    assert MachineFailed.found_in("Job aborted") is None
    found = MachineFailed.found_in(f"Job aborted: Traceback\n  {raised.value}\n\tat org.apache.spark")
    assert type(found) is type(raised.value.__cause__)
    assert str(found) == str(raised.value.__cause__)
    assert found is not None
    assert found.rendered("zh")[0].startswith("磁盘已满")
