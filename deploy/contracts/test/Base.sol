// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @notice The few cheat codes of forge that the tests use.
interface Vm {
    function cool(address account) external;
    function deal(address account, uint256 balance) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function expectRevert() external;
    function expectRevert(bytes calldata reason) external;
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
}

/// @notice Assertions that say what they saw.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(string what, uint256 seen, uint256 wanted);
    error NotEqualBytes(string what, bytes seen, bytes wanted);
    error NotSo(string what);

    function eq(uint256 seen, uint256 wanted, string memory what) internal pure {
        if (seen != wanted) revert NotEqual(what, seen, wanted);
    }

    function eq(int256 seen, int256 wanted, string memory what) internal pure {
        eq(uint256(seen), uint256(wanted), what);
    }

    function eq(bytes memory seen, bytes memory wanted, string memory what) internal pure {
        if (keccak256(seen) == keccak256(wanted)) return;
        if (seen.length > 256 || wanted.length > 256) revert NotSo(what);
        revert NotEqualBytes(what, seen, wanted);
    }

    function near(uint256 seen, uint256 wanted, uint256 off, string memory what) internal pure {
        if (seen > wanted ? seen - wanted > off : wanted - seen > off) revert NotEqual(what, seen, wanted);
    }

    function yes(bool condition, string memory what) internal pure {
        if (!condition) revert NotSo(what);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        return low + value % (high - low + 1);
    }
}
