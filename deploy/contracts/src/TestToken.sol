// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ledger} from "./Ledger.sol";

/// @title A plain ERC-20 token that anyone may mint
/// @notice Demo world only: it stands for DAI (18 decimals) and USDC (6 decimals) on a local chain.
contract TestToken is Ledger {
    constructor(string memory name_, string memory symbol_, uint8 decimals_) Ledger(name_, symbol_, decimals_) {}

    /// @notice Creates tokens out of nothing, for anyone who asks.
    function mint(address to, uint256 value) external {
        _mint(to, value);
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
}
