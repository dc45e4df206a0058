"""Compare trainings: suites of tasks and seeds, sweeps, baselines, and probes of frozen encoders."""
