"""Members of Solana states and account bytes: doors for C only, so nothing here for Python."""
