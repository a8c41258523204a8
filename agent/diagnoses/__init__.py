"""The standard diagnoses: which series, read how, mean what."""
