// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ledger} from "./Ledger.sol";

/// @notice A coin of the demo world, which anyone may mint.
interface ICoin {
    function balanceOf(address account) external view returns (uint256);
    function decimals() external view returns (uint8);
    function mint(address to, uint256 value) external;
}

/// @notice Moves coins that return a bool, and those that return nothing.
library Coins {
    error TransferFailed(address coin);

    function send(address coin, address to, uint256 value) internal {
        _call(coin, abi.encodeWithSignature("transfer(address,uint256)", to, value));
    }

    function collect(address coin, address from, uint256 value) internal {
        _call(coin, abi.encodeWithSignature("transferFrom(address,address,uint256)", from, address(this), value));
    }

    function _call(address coin, bytes memory data) private {
        (bool ok, bytes memory answer) = coin.call(data);
        if (!ok || (answer.length != 0 && !abi.decode(answer, (bool)))) revert TransferFailed(coin);
    }
}

/// @notice Products and powers of factors with 27 decimals.
library Ray {
    uint256 internal constant ONE = 1e27;

    function mulDown(uint256 a, uint256 b, uint256 d) internal pure returns (uint256) {
        return a * b / d;
    }

    function mulUp(uint256 a, uint256 b, uint256 d) internal pure returns (uint256) {
        uint256 product = a * b;
        return product == 0 ? 0 : (product - 1) / d + 1;
    }

    /// @dev Each product is rounded to the nearest.
    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        result = ONE;
        while (exponent != 0) {
            if (exponent & 1 == 1) result = (result * base + ONE / 2) / ONE;
            exponent >>= 1;
            if (exponent != 0) base = (base * base + ONE / 2) / ONE;
        }
    }
}

/// @title A vault with shares (ERC-4626) whose coins grow by themselves
/// @notice Demo world only: anyone may set the rate and take coins out of it. It pays what it promises by minting the
/// coin. It also answers as a savings rate does: `ssr` is the factor of a second, and a share that was worth `chi` at
/// the time `rho` grows by it.
contract SavingsVault is Ledger {
    using Coins for address;

    /// @notice The coin.
    address public immutable asset;
    /// @notice What a second multiplies by, with 27 decimals.
    uint256 public ssr = Ray.ONE;
    /// @notice When the growth was last paid.
    uint256 public rho = block.timestamp;

    /// @dev Coins that grow: what had come in when the growth was last paid. What is given later does not grow yet.
    uint256 private _growing;

    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );

    error FactorBelowOne(uint256 factor);

    constructor(address asset_, string memory name_, string memory symbol_)
        Ledger(name_, symbol_, ICoin(asset_).decimals())
    {
        asset = asset_;
    }

    /// @notice Sets what a second multiplies by, from now on.
    function setRate(uint256 factor) external {
        if (factor < Ray.ONE) revert FactorBelowOne(factor);
        drip();
        ssr = factor;
    }

    /// @notice Loses coins, as a vault does that has lent them to the wrong people.
    function lose(uint256 assets) external {
        drip();
        asset.send(address(0xdead), assets);
        _growing -= assets;
    }

    /// @notice Pays the growth up to now.
    function drip() public returns (uint256) {
        uint256 growth = _growth();
        if (growth != 0) ICoin(asset).mint(address(this), growth);
        _growing = ICoin(asset).balanceOf(address(this));
        rho = block.timestamp;
        return chi();
    }

    /// @notice What a share was worth when the growth was last paid, with 27 decimals.
    function chi() public view returns (uint256) {
        return Ray.mulDown(Ray.ONE, _growing + 1, totalSupply + 1);
    }

    function totalAssets() public view returns (uint256) {
        return ICoin(asset).balanceOf(address(this)) + _growth();
    }

    /// @dev One share and one coin that nobody owns keep the first depositor from setting the price for the second.
    function convertToShares(uint256 assets) public view returns (uint256) {
        return Ray.mulDown(assets, totalSupply + 1, totalAssets() + 1);
    }

    function convertToAssets(uint256 shares) public view returns (uint256) {
        return Ray.mulDown(shares, totalAssets() + 1, totalSupply + 1);
    }

    function maxDeposit(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function maxMint(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function maxWithdraw(address owner) external view returns (uint256) {
        return convertToAssets(balanceOf[owner]);
    }

    function maxRedeem(address owner) external view returns (uint256) {
        return balanceOf[owner];
    }

    function previewDeposit(uint256 assets) public view returns (uint256) {
        return convertToShares(assets);
    }

    function previewMint(uint256 shares) public view returns (uint256) {
        return Ray.mulUp(shares, totalAssets() + 1, totalSupply + 1);
    }

    function previewWithdraw(uint256 assets) public view returns (uint256) {
        return Ray.mulUp(assets, totalSupply + 1, totalAssets() + 1);
    }

    function previewRedeem(uint256 shares) public view returns (uint256) {
        return convertToAssets(shares);
    }

    function deposit(uint256 assets, address receiver) external returns (uint256 shares) {
        drip();
        shares = previewDeposit(assets);
        _enter(assets, shares, receiver);
    }

    function mint(uint256 shares, address receiver) external returns (uint256 assets) {
        drip();
        assets = previewMint(shares);
        _enter(assets, shares, receiver);
    }

    function withdraw(uint256 assets, address receiver, address owner) external returns (uint256 shares) {
        drip();
        shares = previewWithdraw(assets);
        _leave(assets, shares, receiver, owner);
    }

    function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets) {
        drip();
        assets = previewRedeem(shares);
        _leave(assets, shares, receiver, owner);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    function _enter(uint256 assets, uint256 shares, address receiver) private {
        asset.collect(msg.sender, assets);
        _growing += assets;
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    function _leave(uint256 assets, uint256 shares, address receiver, address owner) private {
        if (msg.sender != owner) _spend(owner, msg.sender, shares);
        _burn(owner, shares);
        _growing -= assets;
        asset.send(receiver, assets);
        emit Withdraw(msg.sender, receiver, owner, assets, shares);
    }

    function _growth() private view returns (uint256) {
        return Ray.mulDown(_growing, Ray.power(ssr, block.timestamp - rho), Ray.ONE) - _growing;
    }
}
