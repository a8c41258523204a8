"""The status page: what a person sees of the agent, readable without a script, incidents first."""
