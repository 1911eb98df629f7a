"""The report: one HTML page that needs nothing but a browser, with charts, messages and memory of a conversation."""
