"""From stored rows to batches: order of an epoch, packing, mixing of data sets, collation."""
