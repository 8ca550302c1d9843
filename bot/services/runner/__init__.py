"""Who carries a job from step to step."""
