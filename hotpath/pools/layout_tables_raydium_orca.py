"""The account layouts of Raydium and Orca; how they are written: layout_tables.py."""

RAYDIUM = """
raydium.liquidityStateV4Layout exact=yes
u64 status nonce maxOrder depth baseDecimal quoteDecimal state resetFlag minSize volMaxCutRatio
u64 amountWaveRatio baseLotSize quoteLotSize minPriceMultiplier maxPriceMultiplier
u64 systemDecimalValue minSeparateNumerator minSeparateDenominator tradeFeeNumerator
u64 tradeFeeDenominator pnlNumerator pnlDenominator swapFeeNumerator swapFeeDenominator
u64 baseNeedTakePnl quoteNeedTakePnl quoteTotalPnl baseTotalPnl poolOpenTime punishPcAmount
u64 punishCoinAmount orderbookToInitTime
u128 swapBaseInAmount swapQuoteOutAmount
u64 swapBase2QuoteFee
u128 swapQuoteInAmount swapBaseOutAmount
u64 swapQuote2BaseFee
key baseVault quoteVault baseMint quoteMint lpMint openOrders marketId marketProgramId
key targetOrders withdrawQueue lpVault owner
u64 lpReserve
u64*3 padding

raydium.CpmmPoolInfoLayout
skip*8
key configId poolCreator vaultA vaultB mintLp mintA mintB mintProgramA mintProgramB observationId
u8 bump status lpDecimals mintDecimalA mintDecimalB
u64 lpAmount protocolFeesMintA protocolFeesMintB fundFeesMintA fundFeesMintB openTime epoch
u8 feeOn
bool enableCreatorFee
skip*6
u64 creatorFeesMintA creatorFeesMintB
skip*224

raydium.CpmmConfigInfoLayout
skip*8
u8 bump
bool disableCreatePool
u16 index
u64 tradeFeeRate protocolFeeRate fundFeeRate createPoolFee
key protocolOwner fundOwner
u64 creatorFeeRate creatorFeeShareRate
skip*112

DynamicFeeInfo
u16 filterPeriod decayPeriod reductionFactor
u32 dynamicFeeControl maxVolatilityAccumulator
i32 tickSpacingIndexReference
u32 volatilityReference volatilityAccumulator
u64 lastUpdateTimestamp
skip*46

RewardInfo
u8 state
u64 openTime endTime lastUpdateTime
u128 emissionsPerSecondX64
u64 totalEmissioned claimed
key mint vault creator
u128 growthGlobalX64

raydium.ClmmPoolInfoLayout
skip*8
u8 bump
key configId creator mintA mintB vaultA vaultB observationId
u8 mintDecimalsA mintDecimalsB
u16 tickSpacing
u128 liquidity sqrtPriceX64
i32 tickCurrent
skip*4
u128 feeGrowthGlobalX64A feeGrowthGlobalX64B
u64 protocolFeesTokenA protocolFeesTokenB
skip*64
u8 status feeOn
skip*6
RewardInfo*3 rewardInfos
hex*128 tickArrayBitmap
skip*32
u64 fundFeesTokenA fundFeesTokenB startTime recentEpoch
DynamicFeeInfo dynamicFeeInfo
skip*368

raydium.ClmmConfigLayout
skip*8
u8 bump
u16 index
key owner
u32 protocolFeeRate tradeFeeRate
u16 tickSpacing
u32 fundFeeRate
skip*4
key fundOwner
skip*24

Tick
i32 tick
i128 liquidityNet
u128 liquidityGross feeGrowthOutsideX64A feeGrowthOutsideX64B
u128*3 rewardGrowthsOutsideX64
u64 orderPhase ordersAmount partFilledOrdersRemaining
u128 unfilledRatioX64
skip*12

raydium.ClmmTickArrayLayout
skip*8
key poolId
i32 startTickIndex
Tick*60 ticks
u8 initializedTickCount
u64 recentEpoch
skip*107

raydium.ClmmTickArrayBitmapExtensionLayout
skip*8
key poolId
hex*896 positiveTickArrayBitmap negativeTickArrayBitmap

raydium.ClmmDynamicFeeConfigLayout
skip*8
u16 index filterPeriod decayPeriod reductionFactor
u32 dynamicFeeControl maxVolatilityAccumulator
skip*64
"""

ORCA_WHIRLPOOL = """
RewardInfo
key mint vault
buffer*32 extension
u128 emissionsPerSecondX64 growthGlobalX64

orca_whirlpool.Whirlpool anchor=Whirlpool show=discriminator
buffer*8 discriminator
key whirlpoolsConfig
buffer*1 whirlpoolBump
u16 tickSpacing
buffer*2 feeTierIndexSeed
u16 feeRate protocolFeeRate
u128 liquidity sqrtPrice
i32 tickCurrentIndex
u64 protocolFeeOwedA protocolFeeOwedB
key tokenMintA tokenVaultA
u128 feeGrowthGlobalA
key tokenMintB tokenVaultB
u128 feeGrowthGlobalB
u64 rewardLastUpdatedTimestamp
RewardInfo*3 rewardInfos

Tick keep=initialized
bool initialized
i128 liquidityNet
u128 liquidityGross feeGrowthOutsideA feeGrowthOutsideB
u128*3 rewardGrowthsOutside

orca_whirlpool.TickArray anchor=TickArray show=discriminator
buffer*8 discriminator
i32 startTickIndex
Tick*88 ticks
key whirlpool

AdaptiveFeeConstants
u16 filterPeriod decayPeriod reductionFactor
u32 adaptiveFeeControlFactor maxVolatilityAccumulator
u16 tickGroupSize majorSwapThresholdTicks
buffer*16 reserved

AdaptiveFeeVariables
u64 lastReferenceUpdateTimestamp lastMajorSwapTimestamp
u32 volatilityReference
i32 tickGroupIndexReference
u32 volatilityAccumulator
buffer*16 reserved

orca_whirlpool.Oracle anchor=Oracle show=discriminator
buffer*8 discriminator
key whirlpool
u64 tradeEnableTimestamp
AdaptiveFeeConstants adaptiveFeeConstants
AdaptiveFeeVariables adaptiveFeeVariables
buffer*128 reserved

orca_whirlpool.FeeTier anchor=FeeTier show=discriminator
buffer*8 discriminator
key whirlpoolsConfig
u16 tickSpacing defaultFeeRate
"""
