"""General recipes, for domains that ship none: ``tiny``, ``small`` and ``paper`` for each kind of input.

`sma plugins new` copies them into a new plugin, whose author then fits them to the data.
"""
