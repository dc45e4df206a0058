"""What a fine-tuning adds to the training loop: targets, its objective, probe, unfreezing and checks of labels."""
