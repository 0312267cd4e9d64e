"""Energy models: counts to joules, constants with their source."""
