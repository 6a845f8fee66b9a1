//! Tells the story: a line for each thing that matters, with the time of the story and the time on the wall.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use owo_colors::{OwoColorize, Style};

use crate::clock::ScaledClock;
use crate::devnet::handle::WorldHandle;
use crate::devnet::scenario::{Scenario, Step};
use crate::domain::decide::Decision;
use crate::domain::ids::AssetId;
use crate::domain::outcome::Outcome;
use crate::domain::peg::{PegState, Trust};
use crate::domain::route::Via;
use crate::domain::units::Weight;
use crate::domain::yields::Apy;
use crate::observe::Event;
use crate::observe::event::{AttemptKind, Settlement};
use crate::ports::Clock;

/// Writes to standard output, in colour where somebody looks.
#[derive(Clone)]
pub(super) struct Narrator {
    colour: bool,
    clock: Arc<ScaledClock>,
    /// What has been told once and is not told again.
    told: Arc<Mutex<BTreeSet<AssetId>>>,
}

/// Who speaks.
#[derive(Clone, Copy)]
enum Voice {
    Story,
    Market,
    Decision,
    Sent,
    Good,
    Bad,
}

impl Voice {
    const fn mark(self) -> &'static str {
        match self {
            Self::Story => "▸",
            Self::Market => "$",
            Self::Decision => "?",
            Self::Sent => "→",
            Self::Good => "✓",
            Self::Bad => "!",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Story => Style::new().bold(),
            Self::Market => Style::new().yellow(),
            Self::Decision => Style::new().cyan(),
            Self::Sent => Style::new().blue(),
            Self::Good => Style::new().green(),
            Self::Bad => Style::new().red().bold(),
        }
    }
}

impl Narrator {
    pub(super) fn new(colour: bool, clock: Arc<ScaledClock>) -> Self {
        Self { colour, clock, told: Arc::default() }
    }

    /// What is about to be seen, and under which rules.
    pub(super) fn opening(story: &Scenario, world: &WorldHandle, http: SocketAddr, speed: f64) {
        println!("Scenario {}: {}.", story.name, story.about);
        println!(
            "A local chain at {} with the real Balancer V2, {} pools, blocks every {} s, time {speed} times as fast.",
            world.http_url(),
            world.specs().len(),
            world.block_time().as_secs(),
        );
        println!(
            "The same program as `ballast run`, under a policy with short windows: drift 5 points, interval 10 min, ramps 5 to 20 min, \
             steps of 13 points at most, gas cap 30 gwei (depeg: rising to 300). Transactions go by a private relay, and to everybody \
             when it has not included them within two blocks. Prices come from a feed on the chain, from Kraken, Coinbase and Binance, \
             and from Pyth (servers of the demo's own that speak their protocols): two independent groups to defend, three to come back."
        );
        println!("Metrics at http://{http}/metrics. Times: of the story, and on the wall.\n");
    }

    pub(super) fn step(&self, step: &Step) {
        self.say(Voice::Story, step.narration);
    }

    /// Tells an event, if it is one for the audience.
    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::PegMoved { asset, to, price, .. } => {
                let price = price.map(|price| format!(" at {price}")).unwrap_or_default();
                match to {
                    PegState::Depegged => self.say(Voice::Market, &format!("{asset} is off its peg{price}")),
                    PegState::Recovering => self.say(Voice::Market, &format!("{asset} is on its way back{price}")),
                    PegState::Watch => self.say(Voice::Market, &format!("{asset} is watched{price}")),
                    PegState::Stressed => self.say(Voice::Market, &format!("{asset} is under stress{price}")),
                    PegState::Disabled => self.say(Voice::Market, &format!("{asset} is disabled until a human says otherwise")),
                    PegState::Sound => self.say(Voice::Market, &format!("{asset} is sound again{price}")),
                }
            }
            Event::TrustMoved { asset, to: Trust::Disputed, .. } => {
                self.say(Voice::Market, &format!("the sources of {asset} disagree on its price"));
            }
            Event::TrustMoved { asset, to: Trust::Blind, .. } => {
                self.say(Voice::Bad, &format!("nobody knows the price of {asset} for certain"));
            }
            Event::YieldTaken { asset, result: Ok(found), share, .. } => self.yields(asset, found.smooth, share.is_some()),
            Event::ShareRateFell { asset, from, to, .. } => {
                self.say(Voice::Bad, &format!("a share of {asset} is worth less: {from} → {to}"));
            }
            Event::SourceDown { source, reason, .. } => self.say(Voice::Market, &format!("{source} is down: {reason}")),
            Event::SourceBack { source, .. } => self.say(Voice::Market, &format!("{source} is back")),
            Event::Decided { pool, decision: Decision::Hold(hold), .. } if hold.needs_attention() => {
                self.say(Voice::Decision, &format!("{pool} holds: {hold}"));
            }
            Event::TurnRequested { pool, trigger } => self.say(Voice::Decision, &format!("{pool} asks for a turn: {trigger}")),
            Event::TurnHeldForGas { pool, class, gas, cap } => {
                let gas = gas.map_or_else(|| "of unknown price".to_owned(), |gas| gas.to_string());
                self.say(Voice::Decision, &format!("{pool} waits for gas ({class}): {gas}, may pay {cap} now"));
            }
            Event::TurnExpired { pool, class } => self.say(Voice::Bad, &format!("{pool}: its {class} request ran out of time")),
            Event::TxSent { pool, kind, nonce, max_fee, via, .. } => {
                let what = match kind {
                    AttemptKind::First => "sends",
                    AttemptKind::Replacement => "raises its offer",
                    AttemptKind::Cancellation => "cancels",
                };
                let way = match via {
                    Via::Private => "by the relay",
                    Via::Public => "to everybody",
                };
                self.say(Voice::Sent, &format!("{pool} {what} {way}: nonce {nonce}, at most {max_fee}"));
            }
            Event::Settled(settlement) => self.settled(settlement),
            Event::ActorDied { actor, reason, restart_in, .. } => {
                self.say(Voice::Bad, &format!("{actor} died ({reason}); back in {restart_in:?}"));
            }
            Event::ActorRestarted { actor, took, .. } => {
                self.say(Voice::Good, &format!("{actor} is back; the start took {took:?}"));
            }
            Event::ChainSilent { chain } => self.say(Voice::Bad, &format!("{chain} is silent: everything on it is unknown")),
            Event::LinkLost { chain, fault, .. } => self.say(Voice::Bad, &format!("{chain}: {fault}")),
            Event::PoolParked { pool, reason } => self.say(Voice::Bad, &format!("{pool} is parked: {reason}")),
            _ => {}
        }
    }

    /// Once for each asset: what it earns moves little within a day.
    fn yields(&self, asset: &AssetId, earns: Apy, share: bool) {
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(asset.clone()) {
            return;
        }
        let what = if share {
            format!("a share of {asset} earns {earns} a year, which a pool that holds it keeps")
        } else {
            format!("{asset} earns {earns} a year in a lending market; raw coins in a pool earn none of it, so no weight follows")
        };
        self.say(Voice::Market, &what);
    }

    fn settled(&self, settlement: &Settlement) {
        let Settlement { pool, assets, before, target, ramp, outcome, .. } = settlement;
        match outcome {
            Outcome::Done(inclusion) if settlement.deed != "reweight" => {
                let cost = inclusion.cost_usd.map(|usd| format!(" for {usd} of gas")).unwrap_or_default();
                let what = match settlement.deed {
                    "freeze" => "stops trading",
                    "open" => "trades again",
                    "fee_ramp" => "raises its swap fee, to open again behind it",
                    "brake" => "sets its circuit breakers",
                    other => other,
                };
                self.say(Voice::Good, &format!("{pool} {what}, in block {}{cost}", inclusion.block.number));
            }
            Outcome::Done(inclusion) => {
                let moves: Vec<String> = assets
                    .iter()
                    .zip(before)
                    .zip(target)
                    .map(|((asset, from), to)| format!("{asset} {} → {}", short(*from), short(*to)))
                    .collect();
                let cost = inclusion.cost_usd.map(|usd| format!(" for {usd} of gas")).unwrap_or_default();
                let minutes = ramp.as_secs_f64() / 60.0;
                self.say(
                    Voice::Good,
                    &format!(
                        "{pool} moves {} within {minutes:.1} min, in block {}{cost}",
                        moves.join(", "),
                        inclusion.block.number
                    ),
                );
            }
            other => self.say(Voice::Bad, &format!("{pool}: {}", other.label())),
        }
    }

    fn say(&self, voice: Voice, text: &str) {
        let (story, wall) = (self.clock.elapsed().as_secs(), self.clock.uptime().as_secs_f64());
        let time = format!("{:>2}:{:02}:{:02} {wall:>5.1}s", story / 3_600, story / 60 % 60, story % 60);
        if self.colour {
            println!("{} {} {}", time.dimmed(), voice.mark().style(voice.style()), text.style(voice.style()));
        } else {
            println!("{time} {} {text}", voice.mark());
        }
    }
}

/// Percent with one digit.
fn short(weight: Weight) -> String {
    format!("{:.1}", weight.as_fraction() * 100.0)
}
