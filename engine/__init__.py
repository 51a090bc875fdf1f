"""The runtime: configuration, lanes, supervision, journal, telemetry and the command line."""
