"""List, fetch and read remote files through fsspec (extra ``remote``)."""
