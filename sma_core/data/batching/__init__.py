"""Make batches of stored rows: epoch order, packing, mixing of data sets, collation."""
