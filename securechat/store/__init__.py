"""What outlives the process: schema, accounts, channels, history, changes."""
