// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {LenderToken, LendingReserve} from "../src/LendingReserve.sol";
import {TestToken} from "../src/TestToken.sol";
import {TetherLikeToken} from "../src/TetherLikeToken.sol";
import {Base} from "./Base.sol";

contract LendingReserveTest is Base {
    address private constant LENDER = address(0x1e4d);
    address private constant BORROWER = address(0xb0440);
    uint256 private constant ACTIVE = 1 << 56;

    TestToken private dai = new TestToken("Demo DAI", "DAI", 18);
    TetherLikeToken private usdt = new TetherLikeToken("Demo USDT", "USDT");
    LendingReserve private pool = new LendingReserve();
    LenderToken private aDai;
    LenderToken private aUsdt;

    function setUp() public {
        aDai = pool.list(address(dai));
        aUsdt = pool.list(address(usdt));
        dai.mint(LENDER, 1000e18);
        usdt.mint(LENDER, 1000e6);
        vm.prank(LENDER);
        dai.approve(address(pool), type(uint256).max);
        vm.prank(LENDER);
        usdt.approve(address(pool), type(uint256).max);
        vm.prank(LENDER);
        pool.supply(address(dai), 1000e18, LENDER, 0);
    }

    function borrow(uint256 amount) private {
        vm.prank(BORROWER);
        pool.borrow(address(dai), amount, 2, 0, BORROWER);
    }

    function test_a_reserve_has_a_token_that_holds_the_coins() public view {
        LendingReserve.ReserveData memory data = pool.getReserveData(address(dai));
        yes(data.aTokenAddress == address(aDai), "token");
        yes(aDai.UNDERLYING_ASSET_ADDRESS() == address(dai), "coin");
        eq(data.configuration, ACTIVE, "active");
        eq(data.id, 0, "id");
        eq(pool.getReserveData(address(usdt)).id, 1, "the next id");
        eq(aUsdt.decimals(), 6, "decimals");
        eq(dai.balanceOf(address(aDai)), 1000e18, "coins");
        eq(aDai.balanceOf(LENDER), 1000e18, "owed");
    }

    function test_a_coin_that_is_not_listed_has_empty_books() public {
        LendingReserve.ReserveData memory data = pool.getReserveData(address(0xbad));
        yes(data.aTokenAddress == address(0) && data.configuration == 0, "empty");
        vm.expectRevert(abi.encodeWithSignature("NotListed(address)", address(0xbad)));
        pool.setLiquidityRate(address(0xbad), 1);
        vm.expectRevert(abi.encodeWithSignature("ListedAlready(address)", address(dai)));
        pool.list(address(dai));
    }

    function test_what_is_owed_grows_by_the_rate_and_is_linear_in_between() public {
        pool.setLiquidityRate(address(dai), 0.1e27);
        vm.warp(block.timestamp + 365 days / 2);
        near(aDai.totalSupply(), 1050e18, 1e6, "half a year at 10 %");
        eq(pool.getReserveData(address(dai)).currentLiquidityRate, 0.1e27, "rate");
        pool.setLiquidityRate(address(dai), 0);
        vm.warp(block.timestamp + 365 days);
        near(aDai.balanceOf(LENDER), 1050e18, 1e6, "nothing more at 0 %");
        eq(aUsdt.totalSupply(), 0, "the other reserve is another");
    }

    function test_what_is_lent_out_cannot_be_taken_out() public {
        borrow(960e18);
        eq(dai.balanceOf(address(aDai)), 40e18, "there");
        eq(aDai.totalSupply(), 1000e18, "owed");
        vm.expectRevert();
        vm.prank(LENDER);
        pool.withdraw(address(dai), 41e18, LENDER);
        vm.prank(LENDER);
        eq(pool.withdraw(address(dai), 40e18, LENDER), 40e18, "what is there");
        vm.prank(BORROWER);
        dai.approve(address(pool), type(uint256).max);
        vm.prank(BORROWER);
        eq(pool.repay(address(dai), type(uint256).max, 2, BORROWER), 960e18, "all that is owed");
        vm.prank(LENDER);
        eq(pool.withdraw(address(dai), type(uint256).max, LENDER), 960e18, "all");
        eq(aDai.totalSupply(), 0, "nobody is in");
    }

    function test_a_paused_reserve_moves_nothing() public {
        pool.setPaused(address(dai), true);
        eq(pool.getReserveData(address(dai)).configuration, ACTIVE | 1 << 60, "paused");
        vm.expectRevert(abi.encodeWithSignature("Paused(address)", address(dai)));
        vm.prank(LENDER);
        pool.withdraw(address(dai), 1, LENDER);
        pool.setPaused(address(dai), false);
        vm.prank(LENDER);
        pool.withdraw(address(dai), 1, LENDER);
    }

    function test_a_coin_like_usdt_can_be_lent() public {
        vm.prank(LENDER);
        pool.supply(address(usdt), 1000e6, LENDER, 0);
        vm.prank(LENDER);
        pool.withdraw(address(usdt), 1000e6, LENDER);
        eq(usdt.balanceOf(LENDER), 1000e6, "back");
    }

    function test_only_the_pool_moves_the_coins() public {
        vm.expectRevert(abi.encodeWithSignature("OnlyThePool()"));
        aDai.mint(LENDER, 1);
        vm.expectRevert(abi.encodeWithSignature("OnlyThePool()"));
        aDai.burn(LENDER, LENDER, 1);
        vm.expectRevert(abi.encodeWithSignature("OnlyThePool()"));
        aDai.transferUnderlyingTo(LENDER, 1);
    }

    function testFuzz_nobody_takes_out_more_than_is_owed(uint128 rate, uint256 time, uint256 value) public {
        pool.setLiquidityRate(address(dai), uint128(bound(rate, 0, 1e27)));
        vm.warp(block.timestamp + bound(time, 0, 365 days));
        dai.mint(address(aDai), 1000e18);
        uint256 owed = aDai.balanceOf(LENDER);
        value = bound(value, 1, owed);
        vm.prank(LENDER);
        pool.withdraw(address(dai), value, LENDER);
        yes(aDai.balanceOf(LENDER) + value <= owed, "not a wei");
    }
}
