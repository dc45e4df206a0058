"""Timings, side by side: ``python -m benchmarks --help``.

Commands (`step`) stand over shared rooms: `workloads` (sizes and batches), `training` (the trainer's own step),
`peer` (the same from another library), `timing` (rounds, medians, quartiles), `memory` (peaks, in processes of
their own), `products` (the machine's limit), `operations` (counting), `machine`, `reports` (JSON, earlier results)
and `tables`. What is measured and how is in ``docs/speed.md``; kept results are in ``benchmarks/results/``. The
other modules are scripts that are run by themselves: ``python -m benchmarks.startup``.
"""
