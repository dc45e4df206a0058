"""Meeting points with other people's files and services."""
