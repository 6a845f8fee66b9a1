// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BatchReader} from "../src/BatchReader.sol";
import {Base} from "./Base.sol";

/// @notice A callee for every way to answer, well or badly.
contract Callee {
    uint256 public written;

    error Refused(uint256 code);

    function echo(uint256 value) external pure returns (uint256) {
        return value;
    }

    function gas() external view returns (uint256) {
        return gasleft();
    }

    function caller() external view returns (address) {
        return msg.sender;
    }

    function refuse(uint256 code) external pure {
        revert Refused(code);
    }

    function burn() external pure {
        while (true) {}
    }

    function invalid() external pure {
        assembly {
            invalid()
        }
    }

    function write() external {
        written = 1;
    }

    /// @notice Returns `size` bytes of ones.
    function bomb(uint256 size) external pure {
        assembly {
            mstore(0, not(0))
            for { let at := 0 } lt(at, size) { at := add(at, 32) } { mstore(at, not(0)) }
            return(0, size)
        }
    }

    /// @notice Returns `size` zero bytes, at the price of the memory alone.
    function zeros(uint256 size) external pure {
        assembly {
            mstore(0x40, 0)
            return(0, size)
        }
    }

    /// @notice Reverts with `size` zero bytes, at the price of the memory alone.
    function revertBomb(uint256 size) external pure {
        assembly {
            mstore(0x40, 0)
            revert(0, size)
        }
    }
}

contract BatchReaderTest is Base {
    uint64 private constant STIPEND = 100_000;
    uint256 private constant MAX_ANSWER = 4096;
    address private constant NOBODY = address(0xDEAD);

    BatchReader private reader = new BatchReader();
    Callee private callee = new Callee();
    bytes private outOfGas = abi.encodeWithSelector(BatchReader.OutOfReaderGas.selector);

    function test_an_empty_batch_has_no_answers() public view {
        eq(reader.read(new BatchReader.Call[](0)).length, 0, "answers");
    }

    function test_good_answers_come_back_as_they_are() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](2);
        calls[0] = ask(abi.encodeCall(callee.echo, (42)));
        calls[1] = ask(abi.encodeCall(callee.caller, ()));
        BatchReader.Answer[] memory answers = reader.read(calls);
        good(answers[0], abi.encode(42));
        good(answers[1], abi.encode(address(reader)));
    }

    function test_the_bad_do_not_spoil_the_good() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](11);
        for (uint256 i = 0; i < calls.length; i += 2) {
            calls[i] = ask(abi.encodeCall(callee.echo, (i)));
        }
        calls[1] = ask(abi.encodeCall(callee.refuse, (7)));
        calls[3] = ask(abi.encodeCall(callee.burn, ()));
        calls[5] = BatchReader.Call(address(callee), 10_000_000, abi.encodeCall(callee.bomb, (1_000_000)));
        calls[7] = BatchReader.Call(NOBODY, STIPEND, abi.encodeCall(callee.echo, (7)));
        calls[9] = ask(abi.encodeCall(callee.invalid, ()));
        BatchReader.Answer[] memory answers = reader.read(calls);
        eq(answers.length, calls.length, "answers");
        for (uint256 i = 0; i < calls.length; i += 2) {
            good(answers[i], abi.encode(i));
        }
        bad(answers[1], abi.encodeWithSelector(Callee.Refused.selector, 7));
        bad(answers[3], "");
        yes(answers[5].ok, "a long answer is an answer");
        bad(answers[7], "");
        bad(answers[9], "");
    }

    function test_a_target_without_code_is_not_an_answer() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](2);
        calls[0] = BatchReader.Call(NOBODY, STIPEND, "");
        calls[1] = BatchReader.Call(address(0), STIPEND, abi.encodeCall(callee.echo, (1)));
        BatchReader.Answer[] memory answers = reader.read(calls);
        bad(answers[0], "");
        bad(answers[1], "");
    }

    function test_a_callee_cannot_write() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](1);
        calls[0] = ask(abi.encodeCall(callee.write, ()));
        bad(reader.read(calls)[0], "");
        eq(callee.written(), 0, "written");
    }

    function test_a_callee_gets_its_stipend_and_not_more() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](1);
        calls[0] = ask(abi.encodeCall(callee.gas, ()));
        uint256 got = abi.decode(reader.read(calls)[0].data, (uint256));
        yes(got < STIPEND && got > STIPEND - 1000, "gas of the callee");

        calls[0] = ask(abi.encodeCall(callee.burn, ()));
        uint256 before = gasleft();
        reader.read(calls);
        yes(before - gasleft() < STIPEND + 20_000, "gas of the burner");
    }

    function test_an_answer_is_cut_at_its_largest_size() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](4);
        calls[0] = ask(abi.encodeCall(callee.bomb, (MAX_ANSWER - 1)));
        calls[1] = ask(abi.encodeCall(callee.bomb, (MAX_ANSWER)));
        calls[2] = ask(abi.encodeCall(callee.bomb, (MAX_ANSWER + 1)));
        calls[3] = ask(abi.encodeCall(callee.revertBomb, (MAX_ANSWER + 1)));
        BatchReader.Answer[] memory answers = reader.read(calls);
        good(answers[0], ones(MAX_ANSWER - 1));
        good(answers[1], ones(MAX_ANSWER));
        good(answers[2], ones(MAX_ANSWER));
        bad(answers[3], new bytes(MAX_ANSWER));
    }

    function test_a_return_bomb_costs_the_reader_little() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](2);
        uint64 stipend = 3_000_000;
        calls[0] = BatchReader.Call(address(callee), stipend, abi.encodeCall(callee.revertBomb, (1_100_000)));
        calls[1] = ask(abi.encodeCall(callee.echo, (1)));
        uint256 before = gasleft();
        BatchReader.Answer[] memory answers = reader.read{gas: stipend + 400_000}(calls);
        yes(before - gasleft() < stipend + 60_000, "gas");
        bad(answers[0], new bytes(MAX_ANSWER));
        good(answers[1], abi.encode(1));
    }

    function test_without_gas_the_rest_is_not_asked() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](4);
        calls[0] = ask(abi.encodeCall(callee.echo, (0)));
        calls[1] = ask(abi.encodeCall(callee.burn, ()));
        calls[2] = ask(abi.encodeCall(callee.echo, (2)));
        calls[3] = BatchReader.Call(address(callee), 0, abi.encodeCall(callee.echo, (3)));
        BatchReader.Answer[] memory answers = reader.read{gas: 190_000}(calls);
        good(answers[0], abi.encode(0));
        bad(answers[1], "");
        bad(answers[2], outOfGas);
        bad(answers[3], outOfGas);
        good(reader.read{gas: 300_000}(calls)[2], abi.encode(2));
    }

    function test_a_stipend_without_end_is_never_granted_short() public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](1);
        calls[0] = BatchReader.Call(address(callee), type(uint64).max, abi.encodeCall(callee.echo, (1)));
        bad(reader.read(calls)[0], outOfGas);
    }

    /// @dev Of the gas at a call one part in 64 stays behind: here that is more than the reader keeps for itself.
    function testFuzz_a_large_stipend_is_granted_whole_or_not_at_all(uint256 gas) public view {
        uint64 stipend = 60_000_000;
        BatchReader.Call[] memory calls = new BatchReader.Call[](1);
        calls[0] = BatchReader.Call(address(callee), stipend, abi.encodeCall(callee.gas, ()));
        gas = bound(gas, stipend, stipend + 1_200_000);
        BatchReader.Answer memory answer = reader.read{gas: gas}(calls)[0];
        if (answer.ok) yes(abi.decode(answer.data, (uint256)) > stipend - 1000, "the whole stipend");
        else bad(answer, outOfGas);
    }

    /// @dev The first touch of an account costs 2600 gas, after the gas was judged to be enough.
    function test_a_callee_not_touched_before_is_in_the_reckoning() public {
        BatchReader.Call[] memory calls = new BatchReader.Call[](1);
        calls[0] = BatchReader.Call(address(callee), 1000, abi.encodeCall(callee.echo, (1)));
        bool asked = false;
        for (uint256 gas = 5000; gas < 25_000; gas += 50) {
            vm.cool(address(callee));
            BatchReader.Answer memory answer = reader.read{gas: gas}(calls)[0];
            yes(answer.ok || !asked, "more gas, more answers");
            if (answer.ok) good(answer, abi.encode(1));
            else bad(answer, outOfGas);
            asked = answer.ok;
        }
        yes(asked, "enough in the end");
    }

    /// @dev Memory grows dear: what holds and returns the largest answers must still be there when the asking stops.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_many_long_answers_end_well(uint256 gas) public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](200);
        for (uint256 i = 0; i < calls.length; ++i) {
            calls[i] = BatchReader.Call(address(callee), 3000, abi.encodeCall(callee.zeros, (MAX_ANSWER)));
        }
        ends(calls, bound(gas, 250_000, 10_000_000), new bytes(MAX_ANSWER));
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_many_short_answers_end_well(uint256 gas) public view {
        BatchReader.Call[] memory calls = new BatchReader.Call[](500);
        for (uint256 i = 0; i < calls.length; ++i) {
            calls[i] = BatchReader.Call(address(callee), 1000, abi.encodeCall(callee.echo, (1)));
        }
        ends(calls, bound(gas, 750_000, 1_800_000), abi.encode(1));
    }

    /// @dev All answers come back: the asked ones with `wanted`, then those not asked.
    function ends(BatchReader.Call[] memory calls, uint256 gas, bytes memory wanted) private view {
        BatchReader.Answer[] memory answers = reader.read{gas: gas}(calls);
        eq(answers.length, calls.length, "answers");
        uint256 asked = 0;
        while (asked < answers.length && answers[asked].ok) {
            good(answers[asked++], wanted);
        }
        for (uint256 i = asked; i < answers.length; ++i) {
            bad(answers[i], outOfGas);
        }
    }

    /// @dev Whatever the gas, a reader that answers at all answers everything, and never grants a stipend in part:
    /// each call was made with all of its stipend, or not at all, and after the first that was not, none was.
    function testFuzz_short_gas_never_makes_a_wrong_answer(uint256 count, uint256 gas, uint256 long) public view {
        count = bound(count, 1, 40);
        gas = bound(gas, 60_000 + 2000 * count, 8_000_000);
        BatchReader.Call[] memory calls = new BatchReader.Call[](count);
        for (uint256 i = 0; i < count; ++i) {
            bool isLong = (long >> i) & 1 == 1;
            calls[i] = ask(isLong ? abi.encodeCall(callee.bomb, (2 * MAX_ANSWER)) : abi.encodeCall(callee.gas, ()));
        }
        BatchReader.Answer[] memory answers = reader.read{gas: gas}(calls);
        eq(answers.length, count, "answers");
        bool stopped = false;
        for (uint256 i = 0; i < count; ++i) {
            if (!answers[i].ok) {
                bad(answers[i], outOfGas);
                stopped = true;
                continue;
            }
            yes(!stopped, "nothing is asked after the stop");
            if ((long >> i) & 1 == 1) {
                good(answers[i], ones(MAX_ANSWER));
            } else {
                yes(abi.decode(answers[i].data, (uint256)) > STIPEND - 1000, "the whole stipend");
            }
        }
    }

    function testFuzz_answers_keep_number_and_order(uint256 count, uint256 seed) public view {
        count = bound(count, 0, 60);
        BatchReader.Call[] memory calls = new BatchReader.Call[](count);
        for (uint256 i = 0; i < count; ++i) {
            calls[i] = question(kind(seed, i), i);
        }
        BatchReader.Answer[] memory answers = reader.read(calls);
        eq(answers.length, count, "answers");
        for (uint256 i = 0; i < count; ++i) {
            uint256 k = kind(seed, i);
            if (k == 0) good(answers[i], abi.encode(i));
            else if (k == 1) bad(answers[i], abi.encodeWithSelector(Callee.Refused.selector, i));
            else if (k == 2) good(answers[i], ones(10 * i));
            else bad(answers[i], "");
        }
    }

    function kind(uint256 seed, uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i))) % 6;
    }

    function question(uint256 k, uint256 i) private view returns (BatchReader.Call memory) {
        if (k == 0) return ask(abi.encodeCall(callee.echo, (i)));
        if (k == 1) return ask(abi.encodeCall(callee.refuse, (i)));
        if (k == 2) return ask(abi.encodeCall(callee.bomb, (10 * i)));
        if (k == 3) return ask(abi.encodeCall(callee.burn, ()));
        if (k == 4) return ask(abi.encodeCall(callee.invalid, ()));
        return BatchReader.Call(NOBODY, STIPEND, "");
    }

    function ask(bytes memory data) private view returns (BatchReader.Call memory) {
        return BatchReader.Call(address(callee), STIPEND, data);
    }

    function ones(uint256 size) private pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            data[i] = 0xff;
        }
    }

    function good(BatchReader.Answer memory answer, bytes memory data) private pure {
        yes(answer.ok, "the call passes");
        eq(answer.data, data, "answer");
    }

    function bad(BatchReader.Answer memory answer, bytes memory data) private pure {
        yes(!answer.ok, "the call fails");
        eq(answer.data, data, "reason");
    }
}
