"""From what was seen to alarms and incidents: evidence, agreement, stepping."""
