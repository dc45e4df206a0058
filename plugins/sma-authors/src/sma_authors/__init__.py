"""Convert checkpoints of the authors' released implementation, and compare with outputs recorded from it."""
