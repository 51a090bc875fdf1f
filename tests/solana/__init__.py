"""Programs of Solana, executed, beside what tiercel says that they do."""
