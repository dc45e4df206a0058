"""Recipes of the chem domain: ``tiny``, ``small`` and ``paper``, one TOML file each.

The settings of ``sma train`` are in ``[data]``, ``[model]``, ``[model.decoder]``, ``[masking]`` and
``[training]``, those of ``sma finetune`` in ``[finetune]``, and overrides for single tasks in
``[finetune.tasks.NAME]``.
"""
