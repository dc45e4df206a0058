"""`sma explain`: what each input of a row adds to a prediction of a fine-tuned run."""
