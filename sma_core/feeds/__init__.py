"""Convert rows of text or numbers to network inputs, behind one protocol."""
