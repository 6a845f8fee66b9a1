//! The scenarios that come with Ballast.

use std::time::Duration;

use super::coins::Coin;
use super::market::{Curve, Path};
use super::relay::Mood;
use super::scenario::{Action, Scenario, Step};
use super::venues::{VenueMood, VenueName};

/// All scenarios, the default first.
#[must_use]
pub fn all() -> Vec<Scenario> {
    vec![usdc_depeg(), calm(), gas_spike()]
}

/// The scenario of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

const fn step(minute: u64, narration: &'static str, action: Action) -> Step {
    Step { at: Duration::from_mins(minute), narration, action }
}

fn path(coin: Coin, points: &[(u32, f64)]) -> Action {
    Action::PricePath { coin, path: Path::minutes(points, Curve::Smooth) }
}

/// The default: a pool off its target, a pool nobody trades, a depeg in the manner of March 2023 with dear gas and a crash in the
/// middle of it, and the way back. Prices are made up after the shape of that weekend; they are no record of it.
#[must_use]
pub fn usdc_depeg() -> Scenario {
    Scenario {
        name: "usdc-depeg",
        about: "USDC and DAI lose their peg while one source is silent, one lies, gas is dear and a pool crashes; synthetic prices in the shape of March 2023",
        steps: vec![
            step(0, "A calm morning. Five pools hold $2.3M; `grants` was created 6 points off its target.", Action::Note),
            step(24, "Arbitrageurs lose interest in `payroll`: nobody corrects it now.", Action::PauseArbitrage("payroll")),
            step(
                25,
                "A large swap pushes `payroll` off its prices. Its weights are right, so a reweight would mend nothing.",
                Action::Skew { pool: "payroll", from: Coin::Usdc, to: Coin::Usdt, part: 0.12 },
            ),
            step(36, "Arbitrage resumes: one trade puts `payroll` right again.", Action::ResumeArbitrage("payroll")),
            step(
                42,
                "A bank fails over the weekend. USDC slides, to 0.88 in the next quarter of an hour (synthetic prices).",
                path(Coin::Usdc, &[(0, 1.0), (4, 0.992), (8, 0.96), (15, 0.88), (24, 0.90), (34, 0.885)]),
            ),
            step(
                42,
                "Money flees into USDT, which trades at a premium.",
                path(Coin::Usdt, &[(0, 1.0), (15, 1.008), (40, 1.006)]),
            ),
            step(
                44,
                "Kraken falls silent: its connections stay open, and nothing comes any more.",
                Action::Venue(VenueName::Kraken, VenueMood::Silent),
            ),
            step(
                45,
                "Pyth's server lies: it goes on to say that USDC is worth a dollar.",
                Action::Venue(VenueName::Pyth, VenueMood::Lies(1.0)),
            ),
            step(
                46,
                "DAI is largely backed by USDC and follows, to 0.90.",
                path(Coin::Dai, &[(0, 1.0), (3, 0.995), (7, 0.96), (15, 0.90), (30, 0.905)]),
            ),
            step(52, "Everybody wants out: gas rises to 120 gwei.", Action::BaseFee(120)),
            step(54, "A bug is let loose: `reserve` will panic as soon as it holds a turn.", Action::PanicPool("reserve")),
            step(70, "The rush is over: gas falls to 3 gwei.", Action::BaseFee(3)),
            step(74, "Kraken answers again.", Action::Venue(VenueName::Kraken, VenueMood::Honest)),
            step(76, "Pyth's server says what the market says.", Action::Venue(VenueName::Pyth, VenueMood::Honest)),
            step(
                80,
                "The deposits are guaranteed. USDC climbs back to a dollar.",
                path(Coin::Usdc, &[(0, 0.885), (8, 0.97), (14, 0.999), (20, 1.0)]),
            ),
            step(82, "DAI follows.", path(Coin::Dai, &[(0, 0.905), (8, 0.975), (14, 0.999), (20, 1.0)])),
            step(84, "The premium of USDT melts.", path(Coin::Usdt, &[(0, 1.006), (12, 1.0)])),
            step(98, "Both are near a dollar. Ballast waits until that has lasted before it buys them again.", Action::Note),
            step(104, "The private relay goes quiet: it takes transactions and includes none.", Action::Relay(Mood::Drops)),
            step(
                112,
                "The weights go home to their targets, in legs, as cheaply as arbitrage allows. `payroll`, which was frozen, trades again.",
                Action::Note,
            ),
            step(120, "The private relay includes again.", Action::Relay(Mood::Honest)),
            step(146, "Done.", Action::Note),
        ],
        length: Duration::from_mins(186),
    }
}

/// Nothing happens to the market; one pool is brought to its target.
#[must_use]
pub fn calm() -> Scenario {
    Scenario {
        name: "calm",
        about: "a quiet market: one pool is brought to its target, and nothing else is worth a transaction",
        steps: vec![
            step(0, "A calm morning. Five pools hold $2.3M; `grants` was created 6 points off its target.", Action::Note),
            step(36, "That was all. Doing nothing is most of the work.", Action::Note),
        ],
        length: Duration::from_mins(40),
    }
}

/// Gas is too dear for anything that can wait.
#[must_use]
pub fn gas_spike() -> Scenario {
    Scenario {
        name: "gas-spike",
        about: "gas at 120 gwei: what can wait waits, holds nobody up, and is done when gas is cheap again",
        steps: vec![
            step(0, "Gas stands at 120 gwei when the day begins; `grants` is 6 points off its target.", Action::BaseFee(120)),
            step(8, "`grants` waits: its class may pay 30 gwei. Nobody waits behind it.", Action::Note),
            step(15, "Gas falls to 3 gwei.", Action::BaseFee(3)),
            step(36, "`grants` is on its way.", Action::Note),
        ],
        length: Duration::from_mins(48),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devnet::catalogue;
    use std::collections::BTreeSet;

    #[test]
    fn every_story_is_told_in_order_and_knows_its_pools() {
        let pools: BTreeSet<String> = catalogue::demo().into_iter().map(|pool| pool.name).collect();
        for scenario in all() {
            assert!(scenario.steps.is_sorted_by_key(|step| step.at), "{}", scenario.name);
            assert!(scenario.steps.iter().all(|step| step.at <= scenario.length && !step.narration.is_empty()));
            for step in &scenario.steps {
                if let Action::PauseArbitrage(pool)
                | Action::ResumeArbitrage(pool)
                | Action::PanicPool(pool)
                | Action::Skew { pool, .. } = &step.action
                {
                    assert!(pools.contains(*pool), "{pool}");
                }
            }
            assert!(scenario.length <= Duration::from_mins(190), "{} takes too long", scenario.name);
        }
        assert_eq!(by_name("usdc-depeg"), Some(usdc_depeg()));
        assert_eq!(by_name("nothing"), None);
    }

    #[test]
    fn prices_join_without_a_jump_and_end_at_par() {
        let scenario = usdc_depeg();
        for coin in Coin::ALL {
            let (mut price, mut since, mut path) = (1.0, Duration::ZERO, Path::constant(1.0));
            for step in &scenario.steps {
                if let Action::PricePath { coin: whose, path: next } = &step.action
                    && *whose == coin
                {
                    price = path.at(step.at.checked_sub(since).unwrap());
                    assert!((next.at(Duration::ZERO) - price).abs() < 0.002, "{coin} jumps at {:?}", step.at);
                    (since, path) = (step.at, next.clone());
                }
            }
            let end = path.at(scenario.length.checked_sub(since).unwrap());
            assert!((end - 1.0).abs() < 1e-9 && price > 0.0, "{coin} ends at {end}");
        }
    }
}
