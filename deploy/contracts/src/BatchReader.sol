// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Many reads in one call, none of which can spoil another
/// @notice Never deployed: the daemon puts its runtime code at a throw-away address by the state override of
/// `eth_call`. Hence no storage, no immutables and no constructor.
contract BatchReader {
    struct Call {
        address target;
        uint64 gasStipend;
        bytes data;
    }

    /// @param ok Whether there is code at the target, and it returned within its stipend.
    /// @param data What it returned, or reverted with: its first 4096 bytes.
    struct Answer {
        bool ok;
        bytes data;
    }

    /// @notice Never thrown: its selector is the data of every call that was not made for want of gas. A callee can
    /// revert with the same bytes, so whoever asks again must do so a limited number of times.
    error OutOfReaderGas();

    /// @dev What is copied of an answer at most: a callee that returns megabytes fills its own memory, not ours.
    uint256 private constant MAX_ANSWER = 4096;

    /// @notice Makes the calls in their order, each with its own stipend, and answers all of them in that order.
    /// When the gas left is below what a call may use and the reader needs to finish, it and the calls after it are
    /// not made; their answers are `OutOfReaderGas()`.
    function read(Call[] calldata calls) external view returns (Answer[] memory answers) {
        uint256 count = calls.length;
        answers = new Answer[](count);
        bytes memory outOfGas = abi.encodeWithSelector(OutOfReaderGas.selector);
        for (uint256 i = 0; i < count; ++i) {
            Call calldata call = calls[i];
            if (!_affordable(call.gasStipend, call.data.length, count)) {
                for (; i < count; ++i) {
                    answers[i].data = outOfGas;
                }
                break;
            }
            (answers[i].ok, answers[i].data) = _ask(call.target, call.gasStipend, call.data);
        }
    }

    function _ask(address target, uint256 stipend, bytes calldata question)
        private
        view
        returns (bool ok, bytes memory answer)
    {
        if (target.code.length == 0) return (false, "");
        assembly ("memory-safe") {
            answer := mload(0x40)
            calldatacopy(answer, question.offset, question.length)
            ok := staticcall(stipend, target, answer, question.length, 0, 0)
            let size := returndatasize()
            if gt(size, MAX_ANSWER) { size := MAX_ANSWER }
            mstore(answer, size)
            returndatacopy(add(answer, 32), 0, size)
            mstore(0x40, and(add(add(answer, 63), size), not(31)))
        }
    }

    /// @dev Whether the whole stipend can be handed on and enough remains to finish. To finish is to hold this
    /// answer at its largest, to write all answers, and to copy everything once more into the return data; the price
    /// of memory is 3 gas a word plus words * words / 512. Of the gas at a call, one part in 64 stays behind.
    function _affordable(uint256 stipend, uint256 questionSize, uint256 count) private view returns (bool) {
        uint256 used;
        assembly ("memory-safe") {
            used := mload(0x40)
        }
        uint256 words = (2 * (used + MAX_ANSWER) + questionSize + 192 * count) / 32;
        uint256 reserve = 10_000 + 600 * count + 6 * words + words * words / 512;
        return gasleft() >= reserve + stipend + stipend / 63 + 1;
    }
}
