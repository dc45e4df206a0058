"""Plugin for multichannel time series: readers, simulated motions, public sets, tasks, recipes."""
