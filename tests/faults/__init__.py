"""Faults on purpose: kills, full disks, short memory, damaged files, two processes at once."""
