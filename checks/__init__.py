"""What can be looked at: one sub-package per kind, each with its settings, I/O and judgement."""
