"""A Solana machine that runs Token-2022 with one mint that takes a transfer fee, made from bytes.

The program is the one that the `solders` package brings with it; layouts after spl-token-2022: a
base of 165 bytes, the account's kind, then extensions as (kind u16, length u16, value).
"""

from __future__ import annotations

from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
TRANSFER_FEE_CONFIG, TRANSFER_FEE_AMOUNT = 1, 2
MINT, HOLDER = 1, 2
Fee = tuple[int, int, int]
"""From which epoch on, the most that is taken, basis points."""


def key(n: int) -> Pubkey:
    return Pubkey(bytes([n]) * 32)


def u(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def extended(base: bytes, kind: int, extension: int, value: bytes) -> bytes:
    return base.ljust(165, b"\0") + bytes([kind]) + u(extension, 2) + u(len(value), 2) + value


def mint_bytes(older: Fee, newer: Fee) -> bytes:
    """A mint of no decimals whose fee changes at the newer one's epoch."""
    base = bytes(36) + u((1 << 64) - 1, 8) + bytes([0, 1]) + bytes(36)
    fees = b"".join(u(epoch, 8) + u(most, 8) + u(bps, 2) for epoch, most, bps in (older, newer))
    return extended(base, MINT, TRANSFER_FEE_CONFIG, bytes(72) + fees)


def holder_bytes(mint: Pubkey, owner: Pubkey, amount: int) -> bytes:
    """A token account; 1 at byte 108: initialised."""
    base = bytes(mint) + bytes(owner) + u(amount, 8) + bytes(36) + b"\1" + bytes(56)
    return extended(base, HOLDER, TRANSFER_FEE_AMOUNT, bytes(8))


class Machine:
    """Two holders of one mint; `transfer` is executed by the program."""

    def __init__(self, older: Fee, newer: Fee, epoch: int) -> None:
        self.owner = Keypair.from_seed(bytes(32))
        self.mint_data = mint_bytes(older, newer)
        self.svm = LiteSVM()
        self.svm.airdrop(self.owner.pubkey(), 10**12)
        clock = self.svm.get_clock()
        clock.epoch = epoch
        self.svm.set_clock(clock)
        self.turn = 0

    def put(self, at: Pubkey, data: bytes) -> None:
        lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(at, Account(lamports, data, TOKEN_2022))

    def transfer(self, amount: int) -> tuple[int, int] | None:
        """What arrives of `amount`, and what the program withholds; None where it fails."""
        mint, source, target = key(1), key(2), key(3)
        self.put(mint, self.mint_data)
        self.put(source, holder_bytes(mint, self.owner.pubkey(), (1 << 64) - 1))
        self.put(target, holder_bytes(mint, self.owner.pubkey(), 0))
        self.turn += 1
        metas = [
            AccountMeta(source, is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(target, is_signer=False, is_writable=True),
            AccountMeta(self.owner.pubkey(), is_signer=True, is_writable=False),
        ]
        checked = Instruction(TOKEN_2022, b"\x0c" + u(amount, 8) + b"\0", metas)
        self.svm.expire_blockhash()
        recent: Hash = self.svm.latest_blockhash()
        message = Message.new_with_blockhash([checked], self.owner.pubkey(), recent)
        done = self.svm.send_transaction(Transaction([self.owner], message, recent))
        if isinstance(done, FailedTransactionMetadata):
            return None
        account = self.svm.get_account(target)
        assert account is not None
        data = bytes(account.data)
        return int.from_bytes(data[64:72], "little"), int.from_bytes(data[170:178], "little")
