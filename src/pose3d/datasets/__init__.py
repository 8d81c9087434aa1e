"""One module per source of data; all give the same records."""
