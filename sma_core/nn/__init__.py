"""The network in pure PyTorch: embedding, attention, masking, encoder, decoder, heads; no data or plugin code."""
