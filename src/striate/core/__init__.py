"""What every room may use: the error, the version, atomic files and small frozen records. Never torch."""
