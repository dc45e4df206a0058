"""The program ``sma`` as a whole: its commands, its endings, and how messages name options."""
