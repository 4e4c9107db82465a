"""A cron in words, in both languages."""

from __future__ import annotations

import pytest

from tagcast.features.core.messages import render
from tagcast.serving.console.tags.schedule_words import schedule_words


@pytest.mark.parametrize(
    ("cron", "en", "zh"),
    [
        ("0 3 * * *", "every night at 03:00", "每天夜间03:00"),
        ("30 14 * * *", "every day at 14:30", "每天14:30"),
        ("0 4 * * 1", "every Monday at 04:00", "每周一04:00"),
        ("0 4 * * sun,wed", "every Wednesday, Sunday at 04:00", "每周三、周日04:00"),
        ("30 9,17 * * mon-fri", "Monday to Friday at 09:30, 17:30", "周一至周五09:30、17:30"),
        ("0 0 * * 6-7", "Saturdays and Sundays at 00:00", "周六和周日00:00"),
        ("0 6 1,15 * *", "days 1, 15 of the month at 06:00", "每月1、15日06:00"),
        ("0 12 1 * 1", "every Monday and day 1 of the month at 12:00", "每周一以及每月1日12:00"),
        ("0 3 * 6-7 *", "every night, in June, July, at 03:00", "6月、7月每天夜间03:00"),
        ("*/15 * * * *", "every 15 minutes", "每15分钟"),
        ("* * * * *", "every minute", "每1分钟"),
        ("5,35 * * * *", "every hour at :05, :35", "每小时的:05、:35"),
        ("0 8-20 * * *", "every day 13 times between 08:00 and 20:00", "每天08:00至20:00之间共13次"),
    ],
)
def test_a_cron_is_said_as_people_say_it(cron, en, zh):
    assert render(schedule_words(cron), "en") == en
    assert render(schedule_words(cron), "zh") == zh
