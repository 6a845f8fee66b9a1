// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @notice The part of an aggregator that its proxy asks for.
interface IFeed {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);
    function getRoundData(uint80 id)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// @title A price aggregator in the style of Chainlink
/// @notice Demo world only: anyone may push a round, with any answer and any time, and may change the decimals.
contract FeedAggregator is IFeed {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    uint256 public constant version = 4;
    uint8 public decimals;
    string public description;
    /// @notice Number of the latest round; the first one is 1.
    uint64 public latestRound;

    mapping(uint80 roundId => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(uint8 decimals_, string memory description_) {
        decimals = decimals_;
        description = description_;
    }

    /// @notice Publishes the next round.
    function pushRound(int256 answer, uint256 updatedAt) external {
        uint64 roundId = ++latestRound;
        _rounds[roundId] = Round(answer, updatedAt);
        emit AnswerUpdated(answer, roundId, updatedAt);
    }

    /// @notice Changes the decimals under the feet of the readers, as a careless migration would.
    function setDecimals(uint8 decimals_) external {
        decimals = decimals_;
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(latestRound);
    }

    function getRoundData(uint80 id)
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        require(id != 0 && id <= latestRound, "No data present");
        Round storage round = _rounds[id];
        return (id, round.answer, round.updatedAt, round.updatedAt, id);
    }
}

/// @title The fixed address in front of a series of aggregators
/// @notice Demo world only: anyone may change the aggregator. Every change starts a new phase, and the upper bits of
/// a round id tell the phase: `phase << 64 | round of the aggregator`. Events come from the aggregator, not from here.
contract FeedProxy is IFeed {
    uint16 public phaseId;
    mapping(uint16 phase => IFeed) public phaseAggregators;

    constructor(address aggregator_) {
        setAggregator(aggregator_);
    }

    /// @notice Starts the next phase. The zero address retires the feed: it then has no answers.
    function setAggregator(address aggregator_) public {
        phaseAggregators[++phaseId] = IFeed(aggregator_);
    }

    /// @notice The aggregator of the present phase.
    function aggregator() public view returns (IFeed) {
        return phaseAggregators[phaseId];
    }

    function decimals() external view returns (uint8) {
        return aggregator().decimals();
    }

    function description() external view returns (string memory) {
        return aggregator().description();
    }

    function version() external view returns (uint256) {
        return aggregator().version();
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        (roundId, answer, startedAt, updatedAt, answeredInRound) = aggregator().latestRoundData();
        roundId = _inPhase(phaseId, roundId);
        answeredInRound = _inPhase(phaseId, answeredInRound);
    }

    /// @notice A round of the present or of an earlier phase.
    function getRoundData(uint80 id)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        uint16 phase = uint16(id >> 64);
        require(address(phaseAggregators[phase]) != address(0), "No data present");
        (roundId, answer, startedAt, updatedAt, answeredInRound) = phaseAggregators[phase].getRoundData(uint64(id));
        roundId = _inPhase(phase, roundId);
        answeredInRound = _inPhase(phase, answeredInRound);
    }

    function _inPhase(uint16 phase, uint80 aggregatorRound) private pure returns (uint80) {
        return (uint80(phase) << 64) | uint64(aggregatorRound);
    }
}
