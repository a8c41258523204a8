"""Composite alarms: rules in CloudWatch's grammar over checks and other alarms."""
