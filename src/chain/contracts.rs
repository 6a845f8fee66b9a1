//! The contracts that Ballast talks to, as far as it talks to them, and the two ways of talking: [`question`] and [`answered`].

use alloy::sol;
use alloy::sol_types::SolCall;
use alloy_primitives::Address;

use crate::chain::revert;
use crate::ports::{Answer, Call, CallFault};

sol! {
    /// A managed pool of Balancer V2: version 1 (20221021), and the same calls of version 2 (20230411).
    #[derive(Debug, PartialEq, Eq)]
    interface IManagedPool {
        function getPoolId() external view returns (bytes32 poolId);
        function getVault() external view returns (address vault);
        function getOwner() external view returns (address owner);
        function getNormalizedWeights() external view returns (uint256[] memory weights);
        function getGradualWeightUpdateParams() external view
            returns (uint256 startTime, uint256 endTime, uint256[] memory startWeights, uint256[] memory endWeights);
        function getSwapEnabled() external view returns (bool enabled);
        function setSwapEnabled(bool swapEnabled) external;
        function getSwapFeePercentage() external view returns (uint256 fee);
        function getScalingFactors() external view returns (uint256[] memory factors);
        function getPausedState() external view returns (bool paused, uint256 pauseWindowEndTime, uint256 bufferPeriodEndTime);
        function inRecoveryMode() external view returns (bool recovering);
        function getGradualSwapFeeUpdateParams() external view
            returns (uint256 startTime, uint256 endTime, uint256 startFee, uint256 endFee);
        function getActualSupply() external view returns (uint256 supply);
        function balanceOf(address account) external view returns (uint256 shares);
        function getCircuitBreakerState(address token) external view
            returns (uint256 bptPrice, uint256 referenceWeight, uint256 lowerBound, uint256 upperBound,
                uint256 lowerBptPriceBound, uint256 upperBptPriceBound);
        function setCircuitBreakers(address[] tokens, uint256[] bptPrices, uint256[] lowerBounds, uint256[] upperBounds) external;
        function updateSwapFeeGradually(uint256 startTime, uint256 endTime, uint256 startFee, uint256 endFee) external;
        function updateWeightsGradually(uint256 startTime, uint256 endTime, address[] tokens, uint256[] endWeights) external;
    }

    /// The vault of Balancer V2: holds the tokens of all pools.
    #[derive(Debug, PartialEq, Eq)]
    interface IVault {
        function getPoolTokenInfo(bytes32 poolId, address token) external view
            returns (uint256 cash, uint256 managed, uint256 lastChangeBlock, address assetManager);
        function getPoolTokens(bytes32 poolId) external view
            returns (address[] memory tokens, uint256[] memory balances, uint256 lastChangeBlock);
        function getPausedState() external view returns (bool paused, uint256 pauseWindowEndTime, uint256 bufferPeriodEndTime);
        struct SingleSwap {
            bytes32 poolId;
            uint8 kind;
            address assetIn;
            address assetOut;
            uint256 amount;
            bytes userData;
        }
        struct FundManagement {
            address sender;
            bool fromInternalBalance;
            address recipient;
            bool toInternalBalance;
        }
        struct ExitPoolRequest {
            address[] assets;
            uint256[] minAmountsOut;
            bytes userData;
            bool toInternalBalance;
        }
        function swap(SingleSwap memory singleSwap, FundManagement memory funds, uint256 limit, uint256 deadline)
            external payable returns (uint256 amountOut);
        function exitPool(bytes32 poolId, address sender, address recipient, ExitPoolRequest memory request) external;
    }

    /// A token.
    #[derive(Debug, PartialEq, Eq)]
    interface IERC20 {
        function decimals() external view returns (uint8 places);
        function symbol() external view returns (string memory text);
        function balanceOf(address account) external view returns (uint256 value);
        function allowance(address owner, address spender) external view returns (uint256 value);
        function totalSupply() external view returns (uint256 value);
    }

    /// A Chainlink-style price feed, asked at its proxy.
    #[derive(Debug, PartialEq, Eq)]
    interface IAggregator {
        function latestRoundData() external view
            returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function decimals() external view returns (uint8 places);
        function description() external view returns (string memory text);
        function aggregator() external view returns (address current);
    }

    /// What every aggregator behind such a proxy tells of a new round.
    #[derive(Debug, PartialEq, Eq)]
    interface IAnswers {
        event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    }

    /// What an aggregator of the first off-chain reporting protocol tells of a report: what each node observed.
    #[derive(Debug, PartialEq, Eq)]
    interface IOcr1 {
        event NewTransmission(uint32 indexed aggregatorRoundId, int192 answer, address transmitter, int192[] observations,
            bytes observers, bytes32 rawReportContext);
    }

    /// The same for the second protocol.
    #[allow(clippy::too_many_arguments, reason = "the event has nine fields")]
    #[derive(Debug, PartialEq, Eq)]
    interface IOcr2 {
        event NewTransmission(uint32 indexed aggregatorRoundId, int192 answer, address transmitter, uint32 observationsTimestamp,
            int192[] observations, bytes observers, int192 juelsPerFeeCoin, bytes32 configDigest, uint40 epochAndRound);
    }

    /// A pool of Uniswap V3.
    #[derive(Debug, PartialEq, Eq)]
    interface IUniswapV3Pool {
        function observe(uint32[] secondsAgos) external view
            returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);
        function slot0() external view
            returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality,
                uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
        function fee() external view returns (uint24 fee);
        function token0() external view returns (address token);
        function token1() external view returns (address token);
    }

    /// A pool of Curve's stableswap; only the newer ones ("ng") have an oracle.
    #[derive(Debug, PartialEq, Eq)]
    interface ICurvePool {
        function coins(uint256 index) external view returns (address token);
        function get_dy(int128 i, int128 j, uint256 dx) external view returns (uint256 dy);
        function price_oracle(uint256 index) external view returns (uint256 price);
        function fee() external view returns (uint256 fee);
    }
}

sol!(
    /// Many reads in one call, none of which can spoil another. Its runtime code is put at a throw-away address for the time of
    /// one `eth_call`; it is never deployed.
    #[derive(Debug, PartialEq, Eq)]
    BatchReader,
    "deploy/contracts/artifacts/BatchReader.json"
);

/// A call with its data encoded.
#[must_use]
pub fn question<C: SolCall>(target: Address, call: &C) -> Call {
    Call { target, data: call.abi_encode().into() }
}

/// Decodes an answer strictly.
///
/// # Errors
/// Why there is nothing to decode, or that it does not decode; in words.
pub fn answered<C: SolCall>(answer: Option<&Answer>) -> Result<C::Return, String> {
    match answer {
        None => Err("there is no answer to it".to_owned()),
        Some(Err(CallFault::Failed(data))) => Err(revert::reason(data)),
        Some(Err(fault @ CallFault::NotReached)) => Err(fault.to_string()),
        Some(Ok(data)) => {
            C::abi_decode_returns_validate(data).map_err(|_| format!("{} bytes are no answer to {}", data.len(), C::SIGNATURE))
        }
    }
}
