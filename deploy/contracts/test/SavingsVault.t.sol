// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {SavingsVault} from "../src/SavingsVault.sol";
import {TestToken} from "../src/TestToken.sol";
import {TetherLikeToken} from "../src/TetherLikeToken.sol";
import {Base} from "./Base.sol";

contract SavingsVaultTest is Base {
    /// 5 % a year, for each second.
    uint256 private constant FIVE_PERCENT = 1_000_000_001_547_125_957_863_212_448;
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);

    TestToken private dai = new TestToken("Demo DAI", "DAI", 18);
    SavingsVault private vault = new SavingsVault(address(dai), "Savings DAI", "sDAI");

    function setUp() public {
        for (uint256 at = 0; at < 2; ++at) {
            address who = at == 0 ? ALICE : BOB;
            dai.mint(who, 1e30);
            vm.prank(who);
            dai.approve(address(vault), type(uint256).max);
        }
    }

    function deposit(address who, uint256 assets) private returns (uint256) {
        vm.prank(who);
        return vault.deposit(assets, who);
    }

    function test_it_is_a_vault_for_its_coin() public view {
        yes(vault.asset() == address(dai), "asset");
        eq(vault.decimals(), 18, "decimals");
        eq(vault.totalAssets(), 0, "empty");
        eq(vault.convertToAssets(1e18), 1e18, "a share of an empty vault is a coin");
        eq(vault.convertToShares(1e18), 1e18, "and the other way round");
    }

    function test_a_year_at_five_percent() public {
        deposit(ALICE, 1000e18);
        vault.setRate(FIVE_PERCENT);
        vm.warp(block.timestamp + 365 days);
        near(vault.totalAssets(), 1050e18, 1e6, "assets");
        near(vault.convertToAssets(1e18), 1.05e18, 1e6, "a share");
        near(vault.drip(), 1.05e27, 1e15, "chi");
        eq(dai.balanceOf(address(vault)), vault.totalAssets(), "what is promised is there");
        uint256 shares = vault.balanceOf(ALICE);
        vm.prank(ALICE);
        near(vault.redeem(shares, ALICE, ALICE), 1050e18, 1e6, "and can be taken out");
    }

    function test_the_savings_rate_and_the_shares_say_the_same() public {
        deposit(ALICE, 1000e18);
        vault.setRate(FIVE_PERCENT);
        vm.warp(block.timestamp + 100 days);
        uint256 before = vault.convertToAssets(1e18);
        near(vault.drip() / 1e9, before, 10, "chi");
        eq(vault.rho(), block.timestamp, "rho");
        eq(vault.ssr(), FIVE_PERCENT, "ssr");
    }

    function test_a_late_depositor_gets_nothing_of_what_was_earned_before() public {
        deposit(ALICE, 1000e18);
        vault.setRate(FIVE_PERCENT);
        vm.warp(block.timestamp + 365 days);
        deposit(BOB, 1050e18);
        near(vault.balanceOf(BOB), 1000e18, 1e6, "shares");
        near(vault.convertToAssets(vault.balanceOf(ALICE)), 1050e18, 1e6, "Alice");
        near(vault.convertToAssets(vault.balanceOf(BOB)), 1050e18, 1e6, "Bob");
    }

    function test_a_gift_lifts_the_shares_at_once() public {
        deposit(ALICE, 1000e18);
        dai.mint(address(vault), 10e18);
        near(vault.convertToAssets(1e18), 1.01e18, 2, "a share");
    }

    function test_a_loss_lowers_them() public {
        deposit(ALICE, 1000e18);
        vault.setRate(FIVE_PERCENT);
        vm.warp(block.timestamp + 365 days);
        vault.lose(150e18);
        near(vault.convertToAssets(1e18), 0.9e18, 1e6, "a share");
        vm.warp(block.timestamp + 365 days);
        near(vault.convertToAssets(1e18), 0.945e18, 1e6, "and it goes on from there");
    }

    function test_a_rate_that_takes_is_refused() public {
        vm.expectRevert(abi.encodeWithSignature("FactorBelowOne(uint256)", 1e27 - 1));
        vault.setRate(1e27 - 1);
    }

    function test_nobody_takes_the_shares_of_another() public {
        deposit(ALICE, 1000e18);
        vm.expectRevert();
        vm.prank(BOB);
        vault.redeem(1e18, BOB, ALICE);
        vm.prank(ALICE);
        vault.approve(BOB, 1e18);
        vm.prank(BOB);
        vault.redeem(1e18, BOB, ALICE);
        eq(vault.allowance(ALICE, BOB), 0, "the allowance is used up");
        vm.expectRevert();
        vm.prank(BOB);
        vault.withdraw(1, BOB, ALICE);
    }

    function test_a_coin_like_usdt_has_shares_too() public {
        TetherLikeToken usdt = new TetherLikeToken("Demo USDT", "USDT");
        SavingsVault shares = new SavingsVault(address(usdt), "Savings USDT", "sUSDT");
        eq(shares.decimals(), 6, "decimals");
        usdt.mint(ALICE, 1000e6);
        vm.prank(ALICE);
        usdt.approve(address(shares), 1000e6);
        vm.prank(ALICE);
        shares.deposit(1000e6, ALICE);
        shares.setRate(FIVE_PERCENT);
        vm.warp(block.timestamp + 1 hours);
        yes(shares.convertToAssets(1e18) > 1e18, "an hour shows in eighteen digits");
        vm.prank(ALICE);
        shares.withdraw(1000e6, ALICE, ALICE);
        eq(usdt.balanceOf(ALICE), 1000e6, "back");
    }

    function testFuzz_nobody_gains_by_going_in_and_out(uint256 others, uint256 mine, uint256 gift, bool byShares)
        public
    {
        deposit(ALICE, bound(others, 0, 1e27));
        dai.mint(address(vault), bound(gift, 0, 1e27));
        mine = bound(mine, 1, 1e27);
        uint256 before = dai.balanceOf(BOB);
        if (byShares) {
            uint256 shares = vault.convertToShares(mine);
            vm.prank(BOB);
            vault.mint(shares, BOB);
        } else {
            deposit(BOB, mine);
        }
        uint256 held = vault.balanceOf(BOB);
        vm.prank(BOB);
        vault.redeem(held, BOB, BOB);
        yes(dai.balanceOf(BOB) <= before, "no coin for nothing");
    }

    function testFuzz_previews_are_what_happens(uint256 others, uint256 mine, uint256 gift) public {
        deposit(ALICE, bound(others, 1, 1e27));
        dai.mint(address(vault), bound(gift, 0, 1e24));
        mine = bound(mine, 1, 1e27);
        uint256 expected = vault.previewDeposit(mine);
        eq(deposit(BOB, mine), expected, "deposit");
        uint256 half = vault.balanceOf(BOB) / 2;
        expected = vault.previewRedeem(half);
        vm.prank(BOB);
        eq(vault.redeem(half, BOB, BOB), expected, "redeem");
        uint256 assets = vault.maxWithdraw(BOB);
        expected = vault.previewWithdraw(assets);
        yes(expected <= vault.maxRedeem(BOB), "what may be withdrawn can be");
        vm.prank(BOB);
        eq(vault.withdraw(assets, BOB, BOB), expected, "withdraw");
    }

    function testFuzz_a_share_never_falls_by_itself(uint256 first, uint256 second, uint256 time) public {
        deposit(ALICE, bound(first, 1e6, 1e27));
        vault.setRate(FIVE_PERCENT);
        uint256 before = vault.convertToAssets(1e18);
        vm.warp(block.timestamp + bound(time, 0, 3650 days));
        uint256 later = vault.convertToAssets(1e18);
        yes(later >= before, "with time");
        deposit(BOB, bound(second, 1, 1e27));
        yes(vault.convertToAssets(1e18) >= later, "with a deposit");
        uint256 half = vault.balanceOf(BOB) / 2;
        later = vault.convertToAssets(1e18);
        vm.prank(BOB);
        vault.redeem(half, BOB, BOB);
        yes(vault.convertToAssets(1e18) >= later, "with a withdrawal");
    }
}
