"""What the listener serves: metrics, health, pages, and to whom."""
