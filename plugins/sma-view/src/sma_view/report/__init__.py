"""The report of runs: settings, data, learning curves and test predictions on one page that needs no network."""
