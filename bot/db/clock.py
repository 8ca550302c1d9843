"""What time it is for all processes of an installation: by PostgreSQL's clock, and by its own where there is one process."""

SHARED_MS = "COALESCE(/*pg:CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT),*/ :now_ms, :now_ms)"
"""A piece of SQL; `now_ms` is the time of the process that asks."""
