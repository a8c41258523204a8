"""From what vantages have seen to alarms, and from alarms to incidents.

`fleet` has all vantages at one moment, and `agreement` what a quorum of them says. `alarm` is the
arithmetic of one alarm; `engine` steps all of them, those of which `agenda` says that something may
have changed, and `deadlines` what is due by time alone. `firing` is what incidents are made of,
`incidents` what becomes of them, and `openincidents` those that are open. `maintenance` and `muted`
have the windows in which none opens.
"""
