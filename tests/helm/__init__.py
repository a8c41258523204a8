"""The chart: what it renders, what it refuses, and that it runs."""
