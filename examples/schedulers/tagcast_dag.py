"""An Airflow DAG: put it into the folder of DAGs."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="tagcast",
    description="Tags that are due are trained, scored and published",
    # Every hour: what is due follows from the refresh of each tag, in the project's time zone.
    schedule="5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    # Missed nights are made up for by one call.
    catchup=False,
    max_active_runs=1,
    tags=["tagcast"],
) as dag:
    BashOperator(
        task_id="run_due",
        bash_command="tagcast run due",
        cwd=os.environ.get("TAGCAST_PROJECT", "/srv/shop"),
        # Nothing was due: the task is skipped, not failed.
        skip_on_exit_code=16,
        # What was killed goes on where it broke off; a refused run is refused again at little cost.
        retries=2,
        retry_delay=timedelta(minutes=15),
        execution_timeout=timedelta(hours=6),
    )
