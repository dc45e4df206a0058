"""Commands of the package, one file each."""
