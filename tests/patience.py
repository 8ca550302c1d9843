"""How long tests wait for what must come."""

PATIENCE_S = 60.0
"""Far from what anything takes, on a machine whose disk stands still for a while too: no test asserts how fast something is."""
