"""The authors' released implementation: its settings, tensor names and recorded numbers, to ours and back."""
