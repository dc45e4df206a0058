"""Find out whether installed plugins and commands work, in separate processes."""
