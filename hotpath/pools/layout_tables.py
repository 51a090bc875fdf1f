"""The Solana account layouts, as text that hotpath/pools/layouts.pyx compiles once.

A block is a layout: its name and options, then lines of a form and the members that have it, in
byte order. Forms: u8..u128, i8..i128, bool, key (32 bytes), hex*N, buffer*N and skip*N (N bytes),
another block's name, `a:X|b:Y` (an enum), each with *N for an array or * for a counted one (borsh
vector). Options: anchor=Name (the account begins with Anchor's discriminator), show=discriminator
(and it is a member), least=N (fewest bytes; missing members read as zero), exact=yes (longer is
refused), keep=member (in arrays only elements where it is not zero), style=camel, like=Block. A
block whose only member is called "." is that value itself.

Members and their order are those of the programs' IDLs and of the official SDKs' decoders.
"""

from hotpath.pools.layout_tables_meteora import METEORA_DAMM_V2, METEORA_DLMM
from hotpath.pools.layout_tables_raydium_orca import ORCA_WHIRLPOOL, RAYDIUM

PUMP = """
pump.BondingCurve anchor=BondingCurve least=49
u64 virtual_token_reserves virtual_quote_reserves real_token_reserves real_quote_reserves
u64 token_total_supply
bool complete
key creator
bool is_mayhem_mode is_cashback_coin
key quote_mint
u64 creator_fee_bps
bool can_edit_creator_fee is_holder_reward

pump.Global anchor=Global least=113
bool initialized
key authority fee_recipient
u64 initial_virtual_token_reserves initial_virtual_sol_reserves initial_real_token_reserves
u64 token_total_supply fee_basis_points
key withdraw_authority
bool enable_migrate
u64 pool_migration_fee creator_fee_basis_points
key*7 fee_recipients
key set_creator_authority admin_set_creator_authority
bool create_v2_enabled
key whitelist_pda reserved_fee_recipient
bool mayhem_mode_enabled
key*7 reserved_fee_recipients
bool is_cashback_enabled
key*8 buyback_fee_recipients
u64 buyback_basis_points initial_virtual_quote_reserves
key*1 whitelisted_quote_mints
bool creator_fee_configurable
u64 max_configurable_creator_fee_bps
key holder_reward_claim_authority
bool is_holder_reward_enabled

pump_amm.Pool anchor=Pool least=211
u8 pool_bump
u16 index
key creator base_mint quote_mint lp_mint pool_base_token_account pool_quote_token_account
u64 lp_supply
key coin_creator
bool is_mayhem_mode is_cashback_coin
i128 virtual_quote_reserves
u64 creator_fee_bps
bool can_edit_creator_fee

pump_amm.GlobalConfig anchor=GlobalConfig least=313
key admin
u64 lp_fee_basis_points protocol_fee_basis_points
u8 disable_flags
key*8 protocol_fee_recipients
u64 coin_creator_fee_basis_points
key admin_set_coin_creator_authority whitelist_pda reserved_fee_recipient
bool mayhem_mode_enabled
key*7 reserved_fee_recipients
bool is_cashback_enabled
key*8 buyback_fee_recipients
u64 buyback_basis_points
key boost_authority
bool boost_enabled creator_fee_configurable
u64 max_configurable_creator_fee_bps

Fees
u64 lp_fee_bps protocol_fee_bps creator_fee_bps

FeeTier
u128 market_cap_lamports_threshold
Fees fees

pump_fees.FeeConfig anchor=FeeConfig least=69
u8 bump
key admin
Fees flat_fees
FeeTier* fee_tiers stable_fee_tiers
Fees exotic_flat_fees

Fees.camel style=camel like=Fees

FeeTier.camel style=camel like=FeeTier

pump_fees.fee_config anchor=FeeConfig least=69 style=camel like=pump_fees.FeeConfig
"""

SPL_AND_PYTH = """
spl_token.Account
key mint owner
u64 amount
u32 delegate_option
key delegate
u8 state
u32 is_native_option
u64 is_native delegated_amount
u32 close_authority_option
key close_authority

spl_token.Mint
u32 mint_authority_option
key mint_authority
u64 supply
u8 decimals
bool is_initialized
u32 freeze_authority_option
key freeze_authority

Partial
u8 numSignatures

Full

PriceMessage
u8*32 feedId
i64 price
u64 conf
i32 exponent
i64 publishTime prevPublishTime emaPrice
u64 emaConf

pyth_solana_receiver.PriceUpdateV2 anchor=PriceUpdateV2
key writeAuthority
partial:Partial|full:Full verificationLevel
PriceMessage priceMessage
u64 postedSlot
"""

TABLES = (PUMP, METEORA_DLMM, METEORA_DAMM_V2, RAYDIUM, ORCA_WHIRLPOOL, SPL_AND_PYTH)

# The names of the accounts files without their program, where one layout has the name.
ALIASES = {
    **{
        name: f"raydium.{name}"
        for name in (
            "liquidityStateV4Layout",
            "CpmmPoolInfoLayout",
            "CpmmConfigInfoLayout",
            "ClmmPoolInfoLayout",
            "ClmmConfigLayout",
            "ClmmTickArrayLayout",
            "ClmmTickArrayBitmapExtensionLayout",
            "ClmmDynamicFeeConfigLayout",
        )
    },
    "BondingCurve": "pump.BondingCurve",
    "Global": "pump.Global",
    "GlobalConfig": "pump_amm.GlobalConfig",
    "fee_config": "pump_fees.fee_config",
    "BinArrayBitmapExtension": "meteora_dlmm.BinArrayBitmapExtension",
    "lb_pair": "meteora_dlmm.lb_pair",
    "bin_array": "meteora_dlmm.bin_array",
    "Config": "meteora_damm_v2.Config",
    "Whirlpool": "orca_whirlpool.Whirlpool",
    "TickArray": "orca_whirlpool.TickArray",
    "TickArray(fixed)": "orca_whirlpool.TickArray",
    "orca_whirlpool.TickArray(fixed)": "orca_whirlpool.TickArray",
    "Oracle": "orca_whirlpool.Oracle",
    "FeeTier": "orca_whirlpool.FeeTier",
    "PriceUpdateV2": "pyth_solana_receiver.PriceUpdateV2",
    "TokenAccount": "spl_token.Account",
    "Mint": "spl_token.Mint",
}

# A bare name that two spellings or two programs share: (layout, fewest bytes, most bytes, and the
# range of reserved bytes that is zero in it). Accounts as the chain holds them have the TypeScript
# coders' camelCase, random ones the IDL's spelling, as the accounts files have them.
MOST = 10 * 1024 * 1024
CHOICES = {
    "Pool": (("meteora_damm_v2.Pool", 1112, MOST, 0, 0), ("pump_amm.Pool", 0, MOST, 0, 0)),
    "FeeConfig": (
        ("pump_fees.fee_config", 4073, MOST, 0, 0),
        ("pump_fees.FeeConfig", 0, MOST, 0, 0),
    ),
    "LbPair": (
        ("meteora_dlmm.lb_pair", 904, MOST, 883, 904),
        ("meteora_dlmm.LbPair", 0, MOST, 0, 0),
    ),
    "BinArray": (
        ("meteora_dlmm.bin_array", 10136, MOST, 17, 24),
        ("meteora_dlmm.BinArray", 0, MOST, 0, 0),
    ),
}
