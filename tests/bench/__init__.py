"""What the agent costs, beside its peers: `python -m tests.bench`; see docs/performance.md."""
