"""The training loop, objectives, optimisers, schedules and observers."""
