"""BGP-origin checks: who still reaches a watched prefix, and by which origin."""
