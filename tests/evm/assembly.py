"""Two small contracts, assembled here so that no Solidity compiler is needed.

`TRADER` calls what its owner tells it to, and pays what a V3 pool asks for in its callback (swap,
mint and flash callbacks have one shape, on Uniswap and on PancakeSwap). `DEPLOYER` creates a
PancakeV3Pool, whose constructor asks its creator for `parameters()`.
"""

from __future__ import annotations

CODES = {
    "STOP": 0x00,
    "ADD": 0x01,
    "SUB": 0x03,
    "SLT": 0x12,
    "EQ": 0x14,
    "ISZERO": 0x15,
    "SHL": 0x1B,
    "ORIGIN": 0x32,
    "CALLER": 0x33,
    "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36,
    "CALLDATACOPY": 0x37,
    "CODECOPY": 0x39,
    "RETURNDATASIZE": 0x3D,
    "RETURNDATACOPY": 0x3E,
    "POP": 0x50,
    "MSTORE": 0x52,
    "SLOAD": 0x54,
    "SSTORE": 0x55,
    "JUMPI": 0x57,
    "GAS": 0x5A,
    "JUMPDEST": 0x5B,
    "DUP1": 0x80,
    "DUP2": 0x81,
    "SWAP1": 0x90,
    "CREATE": 0xF0,
    "CALL": 0xF1,
    "RETURN": 0xF3,
    "REVERT": 0xFD,
}


def assemble(text: str) -> bytes:
    """Mnemonics, numbers (pushed in as few bytes as they need), `@label` (pushed) and `label:`."""
    out = bytearray()
    labels: dict[str, int] = {}
    holes: dict[int, str] = {}
    for word in text.split():
        if word.endswith(":"):
            labels[word[:-1]] = len(out)
            out.append(CODES["JUMPDEST"])
        elif word.startswith("@"):
            out.append(0x61)
            holes[len(out)] = word[1:]
            out += b"\0\0"
        elif word in CODES:
            out.append(CODES[word])
        else:
            number = int(word, 0)
            pushed = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
            out.append(0x5F + len(pushed))
            out += pushed
    for at, label in holes.items():
        out[at : at + 2] = labels[label].to_bytes(2, "big")
    return bytes(out)


def creation(runtime: bytes) -> bytes:
    """Init code that returns the runtime code."""
    for length in range(8, 16):  # the offset of the code depends on how it is pushed
        start = assemble(f"{len(runtime)} DUP1 {length} 0 CODECOPY 0 RETURN")
        if len(start) == length:
            return start + runtime
    raise AssertionError("no fixed point")


# owed(i) + extra(i) of token i, to the caller: calldata is selector, amount0, amount1, offset,
# length, token0, token1, extra0, extra1
PAY = """
    {amount} CALLDATALOAD {extra} CALLDATALOAD ADD
    DUP1 0 SLT ISZERO @skip{i} JUMPI
    0xa9059cbb 224 SHL 0 MSTORE  CALLER 4 MSTORE  DUP1 36 MSTORE
    0 0 68 0 0 {token} CALLDATALOAD GAS CALL ISZERO @fail JUMPI
    skip{i}: POP
"""
TRADER = creation(
    assemble(
        "CALLER ORIGIN EQ @forward JUMPI"
        + PAY.format(i=0, amount=4, token=132, extra=196)
        + PAY.format(i=1, amount=36, token=164, extra=228)
        + """
    STOP
    forward:
    32 CALLDATASIZE SUB 32 0 CALLDATACOPY
    0 0  32 CALLDATASIZE SUB  0 0  0 CALLDATALOAD  GAS CALL
    RETURNDATASIZE 0 0 RETURNDATACOPY
    @done JUMPI
    RETURNDATASIZE 0 REVERT
    done: RETURNDATASIZE 0 RETURN
    fail: 0 0 REVERT
"""
    )
)

# called by its owner with five parameters and then the pool's init code: keeps the parameters,
# creates the pool, returns its address; called by the pool's constructor: returns the parameters
DEPLOYER = creation(
    assemble(
        "CALLER ORIGIN EQ @create JUMPI"
        + "".join(f" {i} SLOAD {32 * i} MSTORE" for i in range(5))
        + " 160 0 RETURN create:"
        + "".join(f" {32 * i} CALLDATALOAD {i} SSTORE" for i in range(5))
        + " 160 CALLDATASIZE SUB 160 0 CALLDATACOPY"
        + " 160 CALLDATASIZE SUB 0 0 CREATE"
        + " DUP1 ISZERO @fail JUMPI 0 MSTORE 32 0 RETURN fail: 0 0 REVERT"
    )
)
