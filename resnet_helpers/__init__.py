"""What the notebooks of "Deep by Addition" import: see the module of each name."""
