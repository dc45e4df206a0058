"""General recipes, for domains that ship none: ``tiny``, ``small`` and ``paper`` for each kind of input.

`sma plugins new` copies these three into a new plugin, whose author then fits them to the data. Rows of text also
have ``language``, the authors' settings for text, which is not copied.
"""
