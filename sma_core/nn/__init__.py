"""Pure PyTorch: embedding, attention, masking, encoder, decoder, heads, model. Knows no data, no plugin."""
