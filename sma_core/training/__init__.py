"""The training loop, its optimiser, checkpoints, resume and events."""
