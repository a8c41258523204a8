"""What carries a question to a server and the reply back: the only sockets of this kind.

Rule: every error of the operating system becomes a NetworkFailure in here and nowhere else.
"""
