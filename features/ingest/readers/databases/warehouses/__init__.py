"""Warehouses as databases: ClickHouse, BigQuery and Snowflake, whose digests and lines come as Arrow."""
