"""A Dagster asset, materialized whenever a tag is due: `dagster dev -f tagcast_asset.py`."""

import json
import os
import subprocess
from collections.abc import Iterator

import dagster as dg

NOTHING_DUE = 16
TRY_AGAIN = {7, 8, 12, 15}
"""The store, another night, the application state, the machine: may be over in a quarter of an hour; the rest needs a person."""


@dg.asset(
    output_required=False,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=15 * 60),
    description="Tags of every profile in tagcast's store",
)
def tags(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """Do what is due; nothing is materialized where nothing was."""
    done = subprocess.run(
        ["tagcast", "run", "due", "--json"],
        cwd=os.environ.get("TAGCAST_PROJECT", "/srv/shop"),
        text=True,
        capture_output=True,
        check=False,
    )
    context.log.info(done.stderr)
    if done.returncode == NOTHING_DUE:
        return
    if done.returncode:
        killed = done.returncode < 0  # goes on where it broke off
        raise dg.Failure(done.stderr.strip()[-2000:], allow_retries=killed or done.returncode in TRY_AGAIN)
    answer = json.loads(done.stdout)
    nights = [answer] if "steps" in answer else answer.values()  # with several entities, one night each
    steps = [step for night in nights for step in night["steps"]]
    yield dg.Output(None, metadata={step["step"]: f"{step['outcome']}: {step['detail']}" for step in steps})


job = dg.define_asset_job("tagcast", selection=[tags])

defs = dg.Definitions(
    assets=[tags],
    jobs=[job],
    schedules=[
        # Every hour: what is due follows from the refresh of each tag, in the project's time zone.
        dg.ScheduleDefinition(
            job=job, cron_schedule="5 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
        )
    ],
)
