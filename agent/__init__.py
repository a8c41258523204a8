"""The part that decides: cadence, runner, ledger, alarms, store, outbox, web and commands."""
