//! What an owner allows and asks for, in one typed value. The numbers are the settings'; this module only says what each of them means.

use std::time::Duration;

use crate::domain::gas::{GasCap, GasRule};
use crate::domain::schedule::Schedule;
use crate::domain::trigger::{Class, PerClass};
use crate::domain::units::{GasPrice, Price, Rounding, SwapFee, Timestamp, Usd, Weight, mul_div};

/// The rules of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Policy drift above which the pool is brought back to its target. Strictly above: exactly the threshold does not fire.
    pub drift_threshold: Weight,
    /// Policy drift that is not worth a scheduled transaction, and the tolerance within which a pool counts as on target.
    pub dead_band: Weight,
    /// Least time between the starts of two ramps; a depeg does not wait for it.
    pub min_interval: Duration,
    /// Calendar of unconditional returns to the target; `None` switches the trigger off.
    pub schedule: Option<Schedule>,
    /// Most that any one weight may move in one ramp.
    pub max_step: Weight,
    /// How the target departs from the base target.
    pub tilt: TiltRule,
    /// When the pool counts as not being arbitraged.
    pub composition: CompositionRule,
    /// When better yields are followed; `None`: never.
    pub yields: Option<YieldRule>,
    /// What a move must bring; `None`: whatever is due is done.
    pub worth: Option<WorthRule>,
    /// What may be moved in a day.
    pub limits: DailyLimits,
    /// How long ramps take.
    pub ramp: RampRule,
    /// What is done when a coin is off its peg.
    pub depeg: DepegRule,
    /// The chain's own brakes; `None`: they are left alone.
    pub brakes: Option<BrakeRule>,
    /// Swaps with the treasury's money; `None`: never.
    pub swap: Option<SwapRule>,
    /// What gas may cost, and until when to wait for it.
    pub gas: PerClass<GasRule>,
}

impl Policy {
    /// Whether something in it can only be done by whoever has the treasury's key.
    #[must_use]
    pub fn needs_treasury(&self) -> bool {
        self.swap.is_some() || self.depeg.answer == DepegAnswer::Exit
    }

    /// What a transaction may pay: the cap of its class, and for a defence no more than the policy's multiple of what it is expected to
    /// save. Where that cannot be counted, the class alone decides: a defence does not fail for want of a price of ether.
    #[must_use]
    pub fn cap(&self, class: Class, gas_used: u64, benefit: Option<Usd>, ether: Option<Price>, now: Timestamp) -> GasCap {
        let cap = self.gas.get(class).start(now);
        let (Some(benefit), Some(ether), true) = (benefit, ether, class.is_protective()) else { return cap };
        let most = mul_div(benefit.wad(), u128::from(self.depeg.gas_multiple_bps), 10_000, Rounding::Down);
        most.map_or(cap, |most| cap.within(Usd::from_wad(most), gas_used, ether))
    }

    /// Rules that ask for little: whatever is due is done, a coin that is off its peg is sold at any price, and there are no tilts, swaps
    /// and brakes. No policy of an owner, but what tests and experiments begin with: they say what they are about on top of it.
    #[must_use]
    pub fn permissive() -> Self {
        let gas =
            GasRule { cap: GasPrice::from_gwei(30), cap_at_deadline: GasPrice::from_gwei(30), deadline: Duration::from_hours(1) };
        let cent = Price::CENT;
        Policy {
            drift_threshold: Weight::from_bps(500),
            dead_band: Weight::from_bps(10),
            min_interval: Duration::from_hours(1),
            schedule: None,
            max_step: Weight::from_bps(1_000),
            tilt: TiltRule { volatility: None, yield_gain_bps: 0, dead_band: Weight::ZERO },
            composition: CompositionRule { threshold: Weight::from_bps(200), persist: Duration::from_mins(10) },
            yields: None,
            worth: None,
            limits: DailyLimits { moves: 100, weight: Weight::from_bps(100_000) },
            ramp: RampRule {
                min: Duration::from_mins(10),
                max: Duration::from_hours(1),
                max_velocity_per_hour: Weight::from_bps(6_000),
                start_lead: Duration::from_mins(3),
                arbitrage_gas: 130_000,
                max_loss: None,
                max_legs: 4,
            },
            depeg: DepegRule {
                answer: DepegAnswer::Derisk,
                reopen: ReopenRule {
                    settled: Duration::from_mins(30),
                    fee: SwapFee::from_bps(500),
                    fee_ramp: Duration::from_hours(1),
                },
                derisk: DeriskRule {
                    max_loss: Weight::ZERO,
                    recovery_floor: cent,
                    least_price: cent,
                    budget: Weight::ONE,
                    then: AfterDerisk::Hold,
                    accept_third_parties: false,
                },
                exit: ExitRule { slippage: Weight::from_bps(50) },
                gas_multiple_bps: 10_000,
            },
            brakes: None,
            swap: None,
            gas: PerClass::urgent_and(gas, gas),
        }
    }
}

/// How volatility and yield tilt the target: `base x (1 - volatility) x (1 + yield)`, normalised and bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TiltRule {
    /// How volatility lowers a weight; `None`: not at all.
    pub volatility: Option<VolatilityRule>,
    /// How a yield that the pool captures raises a weight, as a multiple of the yield in basis points of one; zero: not at all.
    pub yield_gain_bps: u32,
    /// A target closer to the base target than this *is* the base target: noise moves nothing.
    pub dead_band: Weight,
}

/// Volatility of a peg, measured in deviations of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolatilityRule {
    /// After how long a movement counts half. Above zero.
    pub half_life: Duration,
    /// For how long a peg must have been watched before its volatility is known.
    pub window: Duration,
    /// By how many times its deviation of a day a weight is lowered, in basis points of one: 10 000 is the deviation itself.
    pub gain_bps: u32,
    /// A weight is lowered by at most this part of itself.
    pub cap: Weight,
}

/// Composition drift (value share against weight) means that nobody trades the pool: the feed lies, swaps are off, or
/// arbitrage has stopped. Reweighting such a pool moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompositionRule {
    /// Drift above this is suspicious.
    pub threshold: Weight,
    /// For how long before it is believed; arbitrage needs a few blocks after every price move.
    pub persist: Duration,
}

/// When weights follow yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldRule {
    /// The gap between the best and the poorest yield of the pool above which it counts, in basis points a year. Strictly above.
    pub gap_bps: u64,
    /// The gap must fall below this to stop counting. At most `gap_bps`.
    pub release_bps: u64,
    /// For how long it must have counted.
    pub persist: Duration,
    /// Whether yields of assets that do not accrue in the pool count as well, as the article has it. They bring nothing.
    pub uncaptured: bool,
    /// What the owner could earn elsewhere, in basis points a year: what idle coins cost is told against it.
    pub benchmark_bps: u64,
}

/// What a move must bring before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorthRule {
    /// How long its benefit is counted.
    pub horizon: Duration,
    /// So many times its cost, in basis points of one: 20 000 is twice.
    pub multiple_bps: u32,
    /// The same for a move that takes back, within the horizon, what an earlier one did.
    pub reversal_multiple_bps: u32,
    /// What it is worth to the owner that value stands where the mandate wants it, in basis points a year of what is misplaced.
    pub misplaced_bps: u32,
}

/// What may be moved in any 24 hours. Protection does not count and is not held up: it has limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyLimits {
    /// Changes of weights.
    pub moves: u32,
    /// The sum of what each of them moved: half the sum of all distances.
    pub weight: Weight,
}

/// Bounds of a ramp. See [`crate::domain::ramp`] for how a duration is chosen between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampRule {
    /// Never shorter.
    pub min: Duration,
    /// Never longer, unless the velocity limit demands it.
    pub max: Duration,
    /// Most that any weight may move in an hour, whatever the cost model says.
    pub max_velocity_per_hour: Weight,
    /// How far ahead of the send a ramp starts. The transaction must be included before the start or it is cancelled, because a
    /// late one would compress the ramp (its end is absolute).
    pub start_lead: Duration,
    /// What arbitrageurs pay for one trade, in units of gas: they trade only when the profit exceeds it.
    pub arbitrage_gas: u64,
    /// The most of the pool that one change may be expected to lose to arbitrage. `None`: no budget.
    pub max_loss: Option<Weight>,
    /// Into how many legs a big move may be split where that saves more than their gas: 1 is never.
    pub max_legs: u32,
}

/// What is done when a coin of the pool is off its peg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepegRule {
    /// The answer.
    pub answer: DepegAnswer,
    /// How trading is started again after a freeze.
    pub reopen: ReopenRule,
    /// How weight is moved out of the coin, where that is the answer.
    pub derisk: DeriskRule,
    /// How the treasury leaves, where that is the answer.
    pub exit: ExitRule,
    /// A protective transaction may cost at most so many times the loss that it is expected to avoid, in basis points of one; the
    /// class's cap holds as well.
    pub gas_multiple_bps: u32,
}

/// The answers to a depeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepegAnswer {
    /// Stop trading: nearly free if the coin recovers, and the pool buys no more of it.
    Freeze,
    /// Sell what the mandate does not allow to be lost, then do as [`DeriskRule::then`] says.
    Derisk,
    /// Take the treasury's own part out.
    Exit,
    /// Nothing.
    Hold,
}

impl DepegAnswer {
    /// All answers.
    pub const ALL: [Self; 4] = [Self::Freeze, Self::Derisk, Self::Exit, Self::Hold];

    /// The word of the settings and of records.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Derisk => "derisk",
            Self::Exit => "exit",
            Self::Hold => "hold",
        }
    }
}

/// How trading is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReopenRule {
    /// How long all coins must have been back before trading is.
    pub settled: Duration,
    /// The swap fee that trading starts with. Where prices have moved further, arbitrage takes the rest.
    pub fee: SwapFee,
    /// How long the fee takes to come down to what it was.
    pub fee_ramp: Duration,
}

/// How weight is moved out of a coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeriskRule {
    /// The most of the position's value that may be lost if one coin dies; a pool may say otherwise for a token.
    pub max_loss: Weight,
    /// What a dead coin is still worth.
    pub recovery_floor: Price,
    /// Below this price nothing is sold any more.
    pub least_price: Price,
    /// The most weight that is moved in one episode.
    pub budget: Weight,
    /// What is done when there is nothing to sell (any more).
    pub then: AfterDerisk,
    /// Whether the pool may be traded out of a coin although others than the treasury own more than [`THIRD_PARTIES`] of it: they did
    /// not ask for it.
    pub accept_third_parties: bool,
}

/// The part of a position that others may own without anybody's word.
pub const THIRD_PARTIES: Weight = Weight::from_bps(500);

/// What follows when there is nothing to sell any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterDerisk {
    /// Stop trading.
    Freeze,
    /// Trade on.
    Hold,
}

/// How the treasury leaves: with all that it has. A part that is taken out at every look would be all of it in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRule {
    /// How much less may come out than its share of the balances.
    pub slippage: Weight,
}

/// The chain's own brakes: a swap that would move a price further than this in comparison to when they were set reverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeRule {
    /// How far an asset's price may fall against the others before its brake holds.
    pub fall: Weight,
    /// How far it may rise.
    pub rise: Weight,
    /// A weight that has moved further than this since the brakes were set, or a reference that is further off, sets them anew.
    pub tolerance: Weight,
}

/// Swaps with the treasury's money that bring value shares back to the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapRule {
    /// The least part less than the quote that a swap may bring.
    pub slippage: Weight,
    /// The most, when markets are restless.
    pub max_slippage: Weight,
    /// By how much a deviation of a day widens it, in basis points of one.
    pub volatility_gain_bps: u32,
    /// The most that one swap may be worth.
    pub most: Usd,
    /// Whether the pool may be traded against although others than the treasury own more than [`THIRD_PARTIES`] of it: what the
    /// treasury gains, they lose in part.
    pub accept_third_parties: bool,
}
