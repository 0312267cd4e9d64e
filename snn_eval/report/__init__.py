"""Records and traces to tables and figures; never imports torch."""
