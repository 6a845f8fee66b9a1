// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {FeedAggregator, FeedProxy, IFeed} from "../src/PriceFeed.sol";
import {Base} from "./Base.sol";

contract PriceFeedTest is Base {
    bytes private constant NO_DATA = abi.encodeWithSignature("Error(string)", "No data present");
    uint80 private constant PHASE = 1 << 64;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    FeedAggregator private aggregator = new FeedAggregator(8, "DAI / USD");
    FeedProxy private proxy = new FeedProxy(address(aggregator));

    function test_before_the_first_round_there_is_no_data() public {
        vm.expectRevert(NO_DATA);
        aggregator.latestRoundData();
        vm.expectRevert(NO_DATA);
        proxy.latestRoundData();
        vm.expectRevert(NO_DATA);
        aggregator.getRoundData(0);
    }

    function test_a_round_shows_in_the_aggregator_and_in_the_proxy() public {
        vm.expectEmit(true, true, true, true, address(aggregator));
        emit AnswerUpdated(99_950_000, 1, 1_700_000_000);
        aggregator.pushRound(99_950_000, 1_700_000_000);
        latest(aggregator, 1, 99_950_000, 1_700_000_000);
        latest(proxy, PHASE | 1, 99_950_000, 1_700_000_000);
        aggregator.pushRound(-1, 0);
        latest(aggregator, 2, -1, 0);
        latest(proxy, PHASE | 2, -1, 0);
        eq(aggregator.latestRound(), 2, "latest round");
    }

    function test_old_rounds_stay_and_rounds_to_come_do_not_exist() public {
        aggregator.pushRound(7, 70);
        aggregator.pushRound(8, 80);
        past(aggregator, 1, 7, 70);
        past(proxy, PHASE | 1, 7, 70);
        past(proxy, PHASE | 2, 8, 80);
        vm.expectRevert(NO_DATA);
        aggregator.getRoundData(3);
        vm.expectRevert(NO_DATA);
        proxy.getRoundData(PHASE | 3);
        vm.expectRevert(NO_DATA);
        proxy.getRoundData(1);
        vm.expectRevert(NO_DATA);
        proxy.getRoundData(2 * PHASE | 1);
        vm.expectRevert(NO_DATA);
        aggregator.getRoundData(PHASE | 1);
    }

    function test_a_new_aggregator_starts_a_new_phase() public {
        aggregator.pushRound(7, 70);
        eq(proxy.phaseId(), 1, "first phase");
        FeedAggregator next = new FeedAggregator(18, "DAI / USD, second");
        proxy.setAggregator(address(next));
        eq(proxy.phaseId(), 2, "second phase");
        yes(address(proxy.aggregator()) == address(next), "aggregator of the second phase");
        yes(address(proxy.phaseAggregators(1)) == address(aggregator), "aggregator of the first phase");
        vm.expectRevert(NO_DATA);
        proxy.latestRoundData();
        next.pushRound(9, 90);
        latest(proxy, 2 * PHASE | 1, 9, 90);
        past(proxy, PHASE | 1, 7, 70);
        eq(proxy.decimals(), 18, "decimals of the second phase");
        eq(bytes(proxy.description()), "DAI / USD, second", "description of the second phase");
    }

    function test_a_retired_feed_has_no_answers() public {
        aggregator.pushRound(7, 70);
        proxy.setAggregator(address(0));
        yes(address(proxy.aggregator()) == address(0), "no aggregator");
        vm.expectRevert();
        proxy.latestRoundData();
        vm.expectRevert();
        proxy.decimals();
        past(proxy, PHASE | 1, 7, 70);
    }

    function test_decimals_description_and_version_pass_through() public {
        eq(aggregator.decimals(), 8, "decimals");
        eq(proxy.decimals(), 8, "decimals of the proxy");
        aggregator.setDecimals(18);
        eq(aggregator.decimals(), 18, "changed");
        eq(proxy.decimals(), 18, "changed for the proxy too");
        eq(bytes(proxy.description()), "DAI / USD", "description");
        eq(proxy.version(), aggregator.version(), "version");
    }

    function testFuzz_every_round_reads_back(int256[] calldata answers, uint64 time) public {
        for (uint256 i = 0; i < answers.length; ++i) {
            aggregator.pushRound(answers[i], uint256(time) + i);
        }
        for (uint256 i = 0; i < answers.length; ++i) {
            past(proxy, PHASE | uint80(i + 1), answers[i], uint256(time) + i);
        }
    }

    function latest(IFeed feed, uint80 wantedId, int256 wantedAnswer, uint256 wantedTime) private view {
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        same(id, answer, startedAt, updatedAt, answeredIn, wantedId, wantedAnswer, wantedTime);
    }

    function past(IFeed feed, uint80 wantedId, int256 wantedAnswer, uint256 wantedTime) private view {
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) =
            feed.getRoundData(wantedId);
        same(id, answer, startedAt, updatedAt, answeredIn, wantedId, wantedAnswer, wantedTime);
    }

    function same(
        uint80 id,
        int256 answer,
        uint256 startedAt,
        uint256 updatedAt,
        uint80 answeredIn,
        uint80 wantedId,
        int256 wantedAnswer,
        uint256 wantedTime
    ) private pure {
        eq(id, wantedId, "round");
        eq(answer, wantedAnswer, "answer");
        eq(startedAt, wantedTime, "started at");
        eq(updatedAt, wantedTime, "updated at");
        eq(answeredIn, wantedId, "answered in");
    }
}
