// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Coins, ICoin, Ray} from "./SavingsVault.sol";

/// @title What lenders get for their coins
/// @notice Demo world only. Balances grow with the index of the reserve; the coins lie in here until they are lent out.
contract LenderToken {
    using Coins for address;

    string public constant name = "Demo lender token";
    string public constant symbol = "aDEMO";
    uint8 public immutable decimals;
    LendingReserve public immutable POOL;
    address public immutable UNDERLYING_ASSET_ADDRESS;

    /// @notice Balances at an index of one.
    mapping(address account => uint256) public scaledBalanceOf;
    uint256 public scaledTotalSupply;

    event Transfer(address indexed from, address indexed to, uint256 value);

    error OnlyThePool();
    error InsufficientBalance(address account, uint256 balance, uint256 needed);

    modifier onlyPool() {
        if (msg.sender != address(POOL)) revert OnlyThePool();
        _;
    }

    constructor(address asset) {
        POOL = LendingReserve(msg.sender);
        UNDERLYING_ASSET_ADDRESS = asset;
        decimals = ICoin(asset).decimals();
    }

    function balanceOf(address account) public view returns (uint256) {
        return Ray.mulDown(scaledBalanceOf[account], _index(), Ray.ONE);
    }

    function totalSupply() external view returns (uint256) {
        return Ray.mulDown(scaledTotalSupply, _index(), Ray.ONE);
    }

    function mint(address to, uint256 value) external onlyPool {
        uint256 scaled = Ray.mulDown(value, Ray.ONE, _index());
        scaledBalanceOf[to] += scaled;
        scaledTotalSupply += scaled;
        emit Transfer(address(0), to, value);
    }

    function burn(address from, address to, uint256 value) external onlyPool {
        uint256 scaled = Ray.mulUp(value, Ray.ONE, _index());
        uint256 balance = scaledBalanceOf[from];
        if (balance < scaled) revert InsufficientBalance(from, balanceOf(from), value);
        scaledBalanceOf[from] = balance - scaled;
        scaledTotalSupply -= scaled;
        emit Transfer(from, address(0), value);
        UNDERLYING_ASSET_ADDRESS.send(to, value);
    }

    /// @notice Hands coins to a borrower.
    function transferUnderlyingTo(address to, uint256 value) external onlyPool {
        UNDERLYING_ASSET_ADDRESS.send(to, value);
    }

    function _index() private view returns (uint256) {
        return POOL.getReserveNormalizedIncome(UNDERLYING_ASSET_ADDRESS);
    }
}

/// @title A lending pool in the style of Aave v3
/// @notice Demo world only: anyone may list a coin, set what it pays, and borrow without a security. What lenders are
/// owed grows by the rate and is not taken from borrowers: the coins are there or not, and how much is lent out is real.
contract LendingReserve {
    using Coins for address;

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

    uint256 private constant ACTIVE = 1 << 56;
    uint256 private constant PAUSED = 1 << 60;
    uint256 private constant YEAR = 365 days;

    mapping(address asset => ReserveData) private _reserves;
    /// @notice What borrowers owe, without interest.
    mapping(address asset => mapping(address borrower => uint256)) public debtOf;
    uint16 private _count;

    error NotListed(address asset);
    error ListedAlready(address asset);
    error Paused(address asset);

    modifier open(address asset) {
        ReserveData storage reserve = _listed(asset);
        if (reserve.configuration & PAUSED != 0) revert Paused(asset);
        _;
    }

    /// @notice Opens a reserve for a coin.
    function list(address asset) external returns (LenderToken token) {
        ReserveData storage reserve = _reserves[asset];
        if (reserve.aTokenAddress != address(0)) revert ListedAlready(asset);
        token = new LenderToken(asset);
        reserve.configuration = ACTIVE;
        reserve.liquidityIndex = uint128(Ray.ONE);
        reserve.variableBorrowIndex = uint128(Ray.ONE);
        reserve.lastUpdateTimestamp = uint40(block.timestamp);
        reserve.id = _count++;
        reserve.aTokenAddress = address(token);
    }

    /// @notice Sets what lenders are paid from now on: a part of one for a year, with 27 decimals.
    function setLiquidityRate(address asset, uint128 rate) external {
        ReserveData storage reserve = _listed(asset);
        reserve.liquidityIndex = uint128(getReserveNormalizedIncome(asset));
        reserve.lastUpdateTimestamp = uint40(block.timestamp);
        reserve.currentLiquidityRate = rate;
    }

    /// @notice Stops everything that moves the coin, or lets it go on.
    function setPaused(address asset, bool paused) external {
        ReserveData storage reserve = _listed(asset);
        reserve.configuration = paused ? ACTIVE | PAUSED : ACTIVE;
    }

    function supply(address asset, uint256 amount, address onBehalfOf, uint16) external open(asset) {
        LenderToken token = LenderToken(_reserves[asset].aTokenAddress);
        asset.collect(msg.sender, amount);
        asset.send(address(token), amount);
        token.mint(onBehalfOf, amount);
    }

    /// @notice Takes coins out; the largest number is all that the caller has.
    function withdraw(address asset, uint256 amount, address to) external open(asset) returns (uint256) {
        LenderToken token = LenderToken(_reserves[asset].aTokenAddress);
        if (amount == type(uint256).max) amount = token.balanceOf(msg.sender);
        token.burn(msg.sender, to, amount);
        return amount;
    }

    function borrow(address asset, uint256 amount, uint256, uint16, address onBehalfOf) external open(asset) {
        debtOf[asset][onBehalfOf] += amount;
        LenderToken(_reserves[asset].aTokenAddress).transferUnderlyingTo(msg.sender, amount);
    }

    /// @notice Gives coins back, at most what is owed.
    function repay(address asset, uint256 amount, uint256, address onBehalfOf) external open(asset) returns (uint256) {
        uint256 debt = debtOf[asset][onBehalfOf];
        if (amount > debt) amount = debt;
        debtOf[asset][onBehalfOf] = debt - amount;
        asset.collect(msg.sender, amount);
        asset.send(_reserves[asset].aTokenAddress, amount);
        return amount;
    }

    /// @notice The books of a reserve; all zero for a coin that is not listed, as the original says it.
    function getReserveData(address asset) external view returns (ReserveData memory) {
        return _reserves[asset];
    }

    /// @notice What a balance has grown to, with 27 decimals: linear since the rate was last set.
    function getReserveNormalizedIncome(address asset) public view returns (uint256) {
        ReserveData storage reserve = _reserves[asset];
        uint256 elapsed = block.timestamp - reserve.lastUpdateTimestamp;
        uint256 growth = Ray.ONE + uint256(reserve.currentLiquidityRate) * elapsed / YEAR;
        return Ray.mulDown(reserve.liquidityIndex, growth, Ray.ONE);
    }

    function _listed(address asset) private view returns (ReserveData storage reserve) {
        reserve = _reserves[asset];
        if (reserve.aTokenAddress == address(0)) revert NotListed(asset);
    }
}
