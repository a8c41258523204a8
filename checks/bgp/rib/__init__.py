"""What the peers of a feed say of the watched prefixes, and of what is inside them.

`paths` keeps each AS path once, and `peers` numbers the sessions. Of one prefix, `cells` has what
each peer says, `foreign` counts who should not be there (and `silence` what lost sessions said of
them), `baseline` tells which peers count, `neighbours` who may stand next to the origin, and `fall`
since when the peers are gone. `table` puts these together, `parts` does so for what is announced
inside a prefix, and `routes` hands the news to both. What comes out is a `standing`.
"""
