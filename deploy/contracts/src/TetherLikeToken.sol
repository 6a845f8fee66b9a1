// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ledger} from "./Ledger.sol";

/// @title A token with the habits of USDT on Ethereum, that anyone may mint
/// @notice Demo world only. Transfers and approvals return nothing, where ERC-20 promises a bool, and an allowance
/// can only be changed from zero or to zero. The transfer fee of the original, which is zero, is left out.
contract TetherLikeToken is Ledger {
    constructor(string memory name_, string memory symbol_) Ledger(name_, symbol_, 6) {}

    /// @notice Creates tokens out of nothing, for anyone who asks.
    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, msg.sender, value);
        _move(from, to, value);
    }

    /// @notice Reverts, without a reason, when it would replace one allowance that is not zero by another.
    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        _approve(msg.sender, spender, value);
    }
}
