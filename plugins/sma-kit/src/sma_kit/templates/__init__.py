"""What `sma plugins new` writes: files of ``every`` plugin, of a ``domain`` and of each kind, of an ``extension``.

A file ends in ``.template`` and has the fields of `string.Template`: ``$name`` (the plugin), ``$package`` (its
package), ``$module`` (its module), ``$requires`` (the packages it depends on), ``$entry`` and ``$what`` (the
plugin in TOML and in words) and ``$api`` (the version of the plugin API). An extension also has ``$extension``
(its name without the domain), ``$identifier`` (the same as part of a Python name), ``$target`` (what it adds to,
in words) and ``$wanted`` (the domain, as in a command to type). In paths ``package`` stands for the module, and
``dot-`` for a leading dot. Recipes of domains come from `sma_core.recipes`, unless there is a template.
"""
