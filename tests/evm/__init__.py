"""The real contracts on a local Ethereum node, followed by the pools through their logs."""
