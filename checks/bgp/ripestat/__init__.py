"""RIPEstat: its tables of who holds a prefix now or held it once, and what an AS announces."""
