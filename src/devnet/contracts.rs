//! Solidity interfaces of what the world deploys, uses and reads.
#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated from the interfaces below")]

alloy::sol! {
    interface IToken {
        function mint(address to, uint256 value) external;
        function approve(address spender, uint256 value) external;
        function balanceOf(address account) external view returns (uint256);
    }

    interface IAggregator {
        function pushRound(int256 answer, uint256 updatedAt) external;
        function setDecimals(uint8 decimals) external;
    }

    interface ISavingsVault {
        function setRate(uint256 factor) external;
        function lose(uint256 assets) external;
        function deposit(uint256 assets, address receiver) external returns (uint256 shares);
    }

    interface ILendingReserve {
        struct ReserveData {
            uint256 configuration;
            uint128 liquidityIndex;
            uint128 currentLiquidityRate;
            uint128 variableBorrowIndex;
            uint128 currentVariableBorrowRate;
            uint128 currentStableBorrowRate;
            uint40 lastUpdateTimestamp;
            uint16 id;
            address aTokenAddress;
            address stableDebtTokenAddress;
            address variableDebtTokenAddress;
            address interestRateStrategyAddress;
            uint128 accruedToTreasury;
            uint128 unbacked;
            uint128 isolationModeTotalDebt;
        }

        function list(address asset) external returns (address token);
        function setLiquidityRate(address asset, uint128 rate) external;
        function setPaused(address asset, bool paused) external;
        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function borrow(address asset, uint256 amount, uint256 interestRateMode, uint16 referralCode, address onBehalfOf) external;
        function getReserveData(address asset) external view returns (ReserveData memory data);
    }

    interface IBatchReader {
        struct Call {
            address target;
            uint64 gasStipend;
            bytes data;
        }

        struct Answer {
            bool ok;
            bytes data;
        }

        function read(Call[] calldata calls) external view returns (Answer[] memory answers);
    }

    #[derive(Debug)]
    interface IVault {
        struct JoinPoolRequest {
            address[] assets;
            uint256[] maxAmountsIn;
            bytes userData;
            bool fromInternalBalance;
        }

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
            address payable recipient;
            bool toInternalBalance;
        }

        function joinPool(bytes32 poolId, address sender, address recipient, JoinPoolRequest memory request) external payable;
        function swap(SingleSwap memory singleSwap, FundManagement memory funds, uint256 limit, uint256 deadline)
            external
            payable
            returns (uint256 amountCalculated);
        function querySwap(SingleSwap memory singleSwap, FundManagement memory funds) external returns (uint256);
        function getPoolTokens(bytes32 poolId)
            external
            view
            returns (address[] memory tokens, uint256[] memory balances, uint256 lastChangeBlock);
    }

    interface IManagedPoolFactory {
        struct NewPoolParams {
            string name;
            string symbol;
            address[] tokens;
            uint256[] normalizedWeights;
            address[] assetManagers;
            uint256 swapFeePercentage;
            bool swapEnabledOnStart;
            bool mustAllowlistLPs;
            uint256 managementAumFeePercentage;
            uint256 aumFeeId;
        }

        event PoolCreated(address indexed pool);

        function create(NewPoolParams memory poolParams, address owner) external returns (address pool);
    }

    #[derive(Debug)]
    interface IManagedPool {
        event GradualWeightUpdateScheduled(
            uint256 startTime, uint256 endTime, uint256[] startWeights, uint256[] endWeights
        );

        function getPoolId() external view returns (bytes32);
        function getNormalizedWeights() external view returns (uint256[] memory);
        function getSwapFeePercentage() external view returns (uint256);
        function getSwapEnabled() external view returns (bool);
        function getGradualWeightUpdateParams()
            external
            view
            returns (uint256 startTime, uint256 endTime, uint256[] memory startWeights, uint256[] memory endWeights);
        function updateWeightsGradually(uint256 startTime, uint256 endTime, address[] memory tokens, uint256[] memory endWeights)
            external;
    }
}
