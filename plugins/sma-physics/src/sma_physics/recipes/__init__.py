"""Recipes of the physics domain: ``tiny``, ``small`` and ``paper``, one TOML file each.

A file has the settings of ``sma train`` in ``[data]``, ``[model]``, ``[model.decoder]``, ``[masking]`` and
``[training]``, those of ``sma finetune`` under ``[finetune]``, and what differs for one task under
``[finetune.tasks.NAME]``.
"""
