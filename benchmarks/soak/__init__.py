"""The system of record under kill -9, full disks, tampering and load; see `make soak`."""
