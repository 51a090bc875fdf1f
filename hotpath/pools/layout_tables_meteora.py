"""The account layouts of Meteora's programs; how they are written: layout_tables.py."""

METEORA_DLMM = """
StaticParameters
u16 base_factor filter_period decay_period reduction_factor
u32 variable_fee_control max_volatility_accumulator
i32 min_bin_id max_bin_id
u16 protocol_share
u8 base_fee_power_factor function_type collect_fee_mode
u8*3 _padding

VariableParameters
u32 volatility_accumulator volatility_reference
i32 index_reference
u8*4 _padding
i64 last_update_timestamp
u8*8 _padding_1

ProtocolFee
u64 amount_x amount_y

RewardInfo
key mint vault funder
u64 reward_duration reward_duration_end
u128 reward_rate
u64 last_update_time cumulative_seconds_with_empty_liquidity_reward

meteora_dlmm.LbPair anchor=LbPair
StaticParameters parameters
VariableParameters v_parameters
u8*1 bump_seed
u8*2 bin_step_seed
u8 pair_type
i32 active_id
u16 bin_step
u8 status require_base_factor_seed
u8*2 base_factor_seed
u8 activation_type creator_pool_on_off_control
key token_x_mint token_y_mint reserve_x reserve_y
ProtocolFee protocol_fee
u8*32 _padding_1
RewardInfo*2 reward_infos
key oracle
u64*16 bin_array_bitmap
i64 last_updated_at
u8*32 _padding_2
key pre_activation_swap_address base_key
u64 activation_point pre_activation_duration
u8*8 _padding_3
u64 _padding_4
key creator
u8 token_mint_x_program_flag token_mint_y_program_flag version
u8*21 _reserved

Bin
u64 amount_x amount_y
u128 price liquidity_supply
u64 fulfilled_order_amount_x fulfilled_order_amount_y limit_order_fee_ask_side
u64 limit_order_fee_bid_side
u128 fee_amount_x_per_token_stored fee_amount_y_per_token_stored
u64 open_order_amount total_processing_order_amount processed_order_remaining_amount
u32 order_age
u8 limit_order_ask_side
u8*3 _padding_1

meteora_dlmm.BinArray anchor=BinArray
i64 index
u8 version
u8*7 _padding_1
key lb_pair
Bin*70 bins

BitmapRow
u64*8 .

meteora_dlmm.BinArrayBitmapExtension anchor=BinArrayBitmapExtension
key lb_pair
BitmapRow*12 positive_bin_array_bitmap negative_bin_array_bitmap

StaticParameters.camel style=camel like=StaticParameters

VariableParameters.camel style=camel like=VariableParameters

ProtocolFee.camel style=camel like=ProtocolFee

RewardInfo.camel style=camel like=RewardInfo

meteora_dlmm.lb_pair anchor=LbPair style=camel like=meteora_dlmm.LbPair

LiveBin keep=liquiditySupply
u64 amountX amountY
u128 price liquiditySupply
skip*96

meteora_dlmm.bin_array anchor=BinArray
i64 index
u8 version
skip*7
key lbPair
LiveBin*70 bins
"""

METEORA_DAMM_V2 = """
BaseFeeInfo
u8*32 data

BaseFee
BaseFeeInfo base_fee_info
u64 padding_1

DynamicFee
u8 initialized
u8*7 padding
u32 max_volatility_accumulator variable_fee_control
u16 bin_step filter_period decay_period reduction_factor
u64 last_update_timestamp
u128 bin_step_u128 sqrt_price_reference volatility_accumulator volatility_reference

PoolFees
BaseFee base_fee
u8 protocol_fee_percent padding_0 referral_fee_percent
u8*3 padding_1
u16 compounding_fee_bps
DynamicFee dynamic_fee
u128 init_sqrt_price

Metrics
u128 total_lp_a_fee total_lp_b_fee
u64 total_protocol_a_fee total_protocol_b_fee
u64*2 padding_0
u64 total_position padding

RewardInfo
u8 initialized reward_token_flag
u8*6 _padding_0
u64 dead_liquidity_reward_checkpoint
key mint vault funder
u64 reward_duration reward_duration_end
u128 reward_rate
u8*32 reward_per_token_stored
u64 last_update_time cumulative_seconds_with_empty_liquidity_reward

meteora_damm_v2.Pool anchor=Pool
PoolFees pool_fees
key token_a_mint token_b_mint token_a_vault token_b_vault whitelisted_vault
u8*32 padding_0
u128 liquidity padding_1
u64 protocol_a_fee protocol_b_fee
u64 dead_liquidity_fee_checkpoint
u8*8 padding_2
u128 sqrt_min_price sqrt_max_price sqrt_price
u64 activation_point
u8 activation_type pool_status token_a_flag token_b_flag collect_fee_mode pool_type fee_version
u8 padding_3
u8*32 fee_a_per_liquidity fee_b_per_liquidity
u128 permanent_lock_liquidity
Metrics metrics
key creator
u64 token_a_amount token_b_amount
u8 layout_version
u8*7 padding_4
u64*3 padding_5
RewardInfo*2 reward_infos

ConfigDynamicFee
u8 initialized
u8*7 padding
u32 max_volatility_accumulator variable_fee_control
u16 bin_step filter_period decay_period reduction_factor
u8*8 padding_1
u128 bin_step_u128

ConfigFees
BaseFeeInfo base_fee
ConfigDynamicFee dynamic_fee
u8 protocol_fee_percent padding_0 referral_fee_percent
u8*3 padding_1
u16 compounding_fee_bps
u64*5 padding_2

meteora_damm_v2.Config anchor=Config
key vault_config_key pool_creator_authority
ConfigFees pool_fees
u8 activation_type collect_fee_mode config_type
u8*5 _padding_0
u64 index
u128 sqrt_min_price sqrt_max_price permission
u64*8 _padding_1
"""
