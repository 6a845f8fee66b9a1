// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ledger} from "../src/Ledger.sol";
import {TestToken} from "../src/TestToken.sol";
import {TetherLikeToken} from "../src/TetherLikeToken.sol";
import {WrappedEther} from "../src/WrappedEther.sol";
import {Base} from "./Base.sol";

contract TokensTest is Base {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    TestToken private token = new TestToken("Dai Stablecoin", "DAI", 18);
    TetherLikeToken private tether = new TetherLikeToken("Tether USD", "USDT");
    WrappedEther private weth = new WrappedEther();

    function test_names_and_decimals_come_from_the_constructor() public {
        eq(bytes(token.name()), "Dai Stablecoin", "name");
        eq(bytes(token.symbol()), "DAI", "symbol");
        eq(token.decimals(), 18, "decimals of DAI");
        eq(new TestToken("USD Coin", "USDC", 6).decimals(), 6, "decimals of USDC");
        eq(bytes(tether.symbol()), "USDT", "symbol of USDT");
        eq(tether.decimals(), 6, "decimals of USDT");
        eq(weth.decimals(), 18, "decimals of WETH");
    }

    function test_anyone_mints_and_the_supply_follows() public {
        vm.prank(BOB);
        token.mint(ALICE, 70);
        vm.prank(BOB);
        tether.mint(ALICE, 30);
        eq(token.balanceOf(ALICE), 70, "balance");
        eq(token.totalSupply(), 70, "supply");
        eq(tether.balanceOf(ALICE), 30, "tether balance");
        eq(tether.totalSupply(), 30, "tether supply");
    }

    function test_a_plain_token_answers_true_and_emits() public {
        token.mint(address(this), 100);
        vm.expectEmit(true, true, true, true, address(token));
        emit Transfer(address(this), BOB, 40);
        yes(token.transfer(BOB, 40), "transfer answers");
        vm.expectEmit(true, true, true, true, address(token));
        emit Approval(address(this), ALICE, 60);
        yes(token.approve(ALICE, 60), "approve answers");
        vm.prank(ALICE);
        yes(token.transferFrom(address(this), BOB, 25), "transferFrom answers");
        eq(token.balanceOf(BOB), 65, "moved");
        eq(token.balanceOf(address(this)), 35, "left");
        eq(token.allowance(address(this), ALICE), 35, "allowance runs down");
    }

    function test_a_plain_token_replaces_an_allowance() public {
        token.approve(ALICE, 5);
        token.approve(ALICE, 9);
        eq(token.allowance(address(this), ALICE), 9, "allowance");
    }

    function test_nobody_moves_more_than_there_is_or_than_allowed() public {
        token.mint(address(this), 10);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InsufficientBalance.selector, address(this), 10, 11));
        token.transfer(BOB, 11);
        token.approve(ALICE, 4);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InsufficientAllowance.selector, address(this), ALICE, 4, 5));
        vm.prank(ALICE);
        token.transferFrom(address(this), BOB, 5);
        tether.mint(address(this), 10);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InsufficientBalance.selector, address(this), 10, 11));
        tether.transfer(BOB, 11);
        vm.expectRevert(abi.encodeWithSelector(Ledger.InsufficientAllowance.selector, address(this), ALICE, 0, 1));
        vm.prank(ALICE);
        tether.transferFrom(address(this), BOB, 1);
    }

    function test_the_largest_allowance_never_runs_down() public {
        token.mint(address(this), 10);
        token.approve(ALICE, type(uint256).max);
        vm.prank(ALICE);
        token.transferFrom(address(this), BOB, 10);
        eq(token.allowance(address(this), ALICE), type(uint256).max, "allowance");
    }

    function test_a_tether_like_token_returns_nothing() public {
        tether.mint(address(this), 100);
        eq(returned(abi.encodeCall(tether.transfer, (BOB, 40))), "", "transfer");
        eq(returned(abi.encodeCall(tether.approve, (address(this), 60))), "", "approve");
        eq(returned(abi.encodeCall(tether.transferFrom, (address(this), BOB, 25))), "", "transferFrom");
        eq(tether.balanceOf(BOB), 65, "moved");
        eq(tether.allowance(address(this), address(this)), 35, "allowance runs down");
    }

    function test_a_tether_like_allowance_changes_only_from_or_to_zero() public {
        tether.approve(ALICE, 5);
        vm.expectRevert(bytes(""));
        tether.approve(ALICE, 9);
        eq(tether.allowance(address(this), ALICE), 5, "refused");
        tether.approve(ALICE, 0);
        tether.approve(ALICE, 0);
        tether.approve(ALICE, 9);
        eq(tether.allowance(address(this), ALICE), 9, "after zero");
    }

    function test_ether_is_wrapped_and_unwrapped() public {
        vm.deal(address(this), 10 ether);
        weth.deposit{value: 3 ether}();
        (bool sent,) = address(weth).call{value: 2 ether}("");
        yes(sent, "plain ether is taken");
        eq(weth.balanceOf(address(this)), 5 ether, "wrapped");
        eq(address(weth).balance, 5 ether, "backed");
        weth.withdraw(4 ether);
        eq(address(this).balance, 9 ether, "unwrapped");
        eq(weth.totalSupply(), 1 ether, "supply");
        vm.expectRevert(
            abi.encodeWithSelector(Ledger.InsufficientBalance.selector, address(this), 1 ether, 1 ether + 1)
        );
        weth.withdraw(1 ether + 1);
    }

    function test_ether_that_its_owner_refuses_stays_wrapped() public {
        vm.deal(address(tether), 1 ether);
        vm.prank(address(tether));
        weth.deposit{value: 1 ether}();
        vm.expectRevert(abi.encodeWithSelector(WrappedEther.EtherRefused.selector, address(tether)));
        vm.prank(address(tether));
        weth.withdraw(1 ether);
        eq(weth.balanceOf(address(tether)), 1 ether, "wrapped");
    }

    function test_wrapped_ether_moves_with_an_allowance_or_by_its_owner() public {
        vm.deal(address(this), 1 ether);
        weth.deposit{value: 1 ether}();
        yes(weth.transferFrom(address(this), BOB, 1), "own tokens");
        vm.expectRevert(abi.encodeWithSelector(Ledger.InsufficientAllowance.selector, address(this), ALICE, 0, 1));
        vm.prank(ALICE);
        weth.transferFrom(address(this), BOB, 1);
        yes(weth.approve(ALICE, 1), "approve answers");
        vm.prank(ALICE);
        yes(weth.transferFrom(address(this), BOB, 1), "allowed");
        yes(weth.transfer(BOB, 1), "transfer answers");
        eq(weth.balanceOf(BOB), 3, "moved");
    }

    receive() external payable {}

    function returned(bytes memory data) private returns (bytes memory) {
        (bool ok, bytes memory answer) = address(tether).call(data);
        yes(ok, "the call passes");
        return answer;
    }
}
