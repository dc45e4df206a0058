"""Read the labels of a task or file, and split the rows into training, validation and test."""
