"""From a suite to stored results: plan the cells, execute each."""
