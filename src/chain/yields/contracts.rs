//! The contracts that pay, as far as they are asked.

use alloy::sol;

sol! {
    /// The pool of Aave v3. Newer versions keep other books; this view of them has stayed the same.
    #[derive(Debug, PartialEq, Eq)]
    interface IAavePool {
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

        function getReserveData(address asset) external view returns (ReserveData memory data);
    }

    /// A market of Compound v3.
    #[derive(Debug, PartialEq, Eq)]
    interface IComet {
        function baseToken() external view returns (address token);
        function isWithdrawPaused() external view returns (bool paused);
        function getUtilization() external view returns (uint256 part);
        function getSupplyRate(uint256 utilization) external view returns (uint64 rate);
        function supplyKink() external view returns (uint256 part);
        function supplyPerSecondInterestRateBase() external view returns (uint256 rate);
        function supplyPerSecondInterestRateSlopeLow() external view returns (uint256 rate);
        function supplyPerSecondInterestRateSlopeHigh() external view returns (uint256 rate);
    }

    /// Maker's Pot, which has `dsr`, and Sky's savings token, which has `ssr` and an asset.
    #[derive(Debug, PartialEq, Eq)]
    interface ISavingsRate {
        function dsr() external view returns (uint256 factor);
        function ssr() external view returns (uint256 factor);
        function chi() external view returns (uint256 ray);
        function rho() external view returns (uint256 time);
    }

    /// A vault with shares.
    #[derive(Debug, PartialEq, Eq)]
    interface IERC4626 {
        function asset() external view returns (address token);
        function decimals() external view returns (uint8 places);
        function totalAssets() external view returns (uint256 assets);
        function convertToAssets(uint256 shares) external view returns (uint256 assets);
    }
}
