"""What is done about an incident without waiting for a person: decided, tried once, and told."""
