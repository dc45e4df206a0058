"""From files to batches: readers, checks, the Arrow store, sampling, packing, collation."""
