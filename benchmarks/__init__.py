"""Benchmarks: ``python -m benchmarks --help``.

The commands share these modules: `workloads` (models and batches), `training` (a step of the trainer), `peer` (the
same with another library), `timing` (rounds, medians, quartiles), `memory` (peak memory), `products` (the
machine's peak rate), `operations` (FLOP count), `machine`, `reports` (JSON files, earlier results) and `tables`.
Methods are described in ``docs/speed.md``; results are stored in ``benchmarks/results/``. The other modules are
scripts, such as ``python -m benchmarks.cost``.
"""
