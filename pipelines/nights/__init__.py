"""Unattended nights: what is due by each tag's cron is done in order, each step recorded, resumed after a kill."""
