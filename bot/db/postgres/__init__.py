"""PostgreSQL, for several processes; needs the optional packages of `requirements-cluster.lock`."""
