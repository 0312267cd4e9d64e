"""Other people's counters, run on our batch as a second opinion."""
