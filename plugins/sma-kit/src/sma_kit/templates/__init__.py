"""What `sma plugins new` writes: files of ``both`` kinds of domain, of ``discrete`` and of ``continuous`` ones.

A file ends in ``.template`` and has the fields of `string.Template`: ``$name`` (the domain), ``$module`` (its
package), ``$core`` (the versions of sma-core it is made for) and ``$api`` (that of the contract). In paths
``package`` stands for the module, and ``dot-`` for a leading dot. Recipes come from `sma_core.recipes`.
"""
