"""The fastest correct setting of a machine: what a person asked for, what was measured, threads beside others."""
