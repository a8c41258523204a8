"""Alarms of the user's own: rules over alarms and checks, in CloudWatch's grammar.

A text becomes a `rule` by `parse`, with `complaint` for what is wrong with it; `link` and `naming`
find what its names stand for, and `alarm` is what comes of it. `inputs` keep the `standing` of all
that rules name, checks by `leaves`; `evaluate` says whether a rule holds, and `missing` what is
made of it where nobody can tell. `stepper` goes through all alarms. People hear of them but for
`windows` and `suppression` (`announcement`), and of what only clears (`clearing`); `telling` has
the words.
"""
