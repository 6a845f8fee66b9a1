// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

interface IUniswapV3Pool {
    function mint(address recipient, int24 lower, int24 upper, uint128 amount, bytes calldata data)
        external
        returns (uint256 amount0, uint256 amount1);
    function swap(address recipient, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256 amount0, int256 amount1);
    function token0() external view returns (address);
    function token1() external view returns (address);
}

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
}

/// @title Somebody who trades in a pool of Uniswap v3
/// @notice Tests only: a pool asks whoever mints or swaps for its tokens, and a plain account cannot answer. It pays any
/// contract that asks from its own balance.
contract UniswapTrader {
    /// @notice Adds liquidity between two ticks.
    function provide(IUniswapV3Pool pool, int24 lower, int24 upper, uint128 liquidity) external {
        pool.mint(address(this), lower, upper, liquidity, "");
    }

    /// @notice Sells one of the tokens until the pool's price is at the limit.
    function push(IUniswapV3Pool pool, bool zeroForOne, uint160 limit) external {
        pool.swap(address(this), zeroForOne, 1e36, limit, "");
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        pay(IUniswapV3Pool(msg.sender), amount0, amount1);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        pay(IUniswapV3Pool(msg.sender), amount0 > 0 ? uint256(amount0) : 0, amount1 > 0 ? uint256(amount1) : 0);
    }

    function pay(IUniswapV3Pool pool, uint256 amount0, uint256 amount1) private {
        if (amount0 > 0) IToken(pool.token0()).transfer(msg.sender, amount0);
        if (amount1 > 0) IToken(pool.token1()).transfer(msg.sender, amount1);
    }
}
