"""Files behind a URL, through fsspec (extra ``remote``): found, fetched once, and read from their copies."""
