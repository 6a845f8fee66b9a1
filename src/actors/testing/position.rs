//! A position and a price source of the chain in memory. Their answers are plain text.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, Bytes, I256};

use super::chain::address;
use super::open;
use crate::domain::decide::GasNeeds;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::plan::Plan;
use crate::domain::position::{BlockStamp, Capabilities, Controls, Ownership, PositionFacts, Ramp};
use crate::domain::reading::{FeedRule, Quote, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::testing::set;
use crate::domain::units::{Price, SwapFee, Timestamp, TokenAmount, Weight};
use crate::ports::{Announcements, Answer, Call, Position, PositionFault, PriceSource};

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn weights_text(weights: &[Weight]) -> String {
    weights.iter().map(|weight| weight.wad().to_string()).collect::<Vec<_>>().join(",")
}

fn weights_of(text: &str) -> Vec<Weight> {
    text.split(',').map(|wad| Weight::from_wad(wad.parse().unwrap())).collect()
}

fn ramp_text(ramp: &Ramp) -> String {
    format!("{}|{}|{}", ramp.start.millis(), ramp.end.millis(), weights_text(&ramp.end_weights))
}

fn ramp_of(start: &str, end: &str, weights: &str) -> Ramp {
    let at = |millis: &str| Timestamp::from_millis(millis.parse().unwrap());
    Ramp { start: at(start), end: at(end), end_weights: weights_of(weights) }
}

pub(crate) fn encode_price(wad: u128) -> Bytes {
    Bytes::from(wad.to_string().into_bytes())
}

pub(crate) fn decode_order(data: &Bytes) -> Ramp {
    let text = text(data);
    let parts: Vec<&str> = text.split('|').collect();
    ramp_of(parts[0], parts[1], parts[2])
}

/// The call that stops trading.
pub(crate) const FREEZE: &[u8] = b"freeze";

/// What a block says of a pool.
pub(crate) struct Snapshot {
    pub(crate) weights: Vec<Weight>,
    pub(crate) shares: Vec<Weight>,
    pub(crate) ramp: Ramp,
    pub(crate) paused: bool,
    pub(crate) frozen: bool,
}

impl Snapshot {
    pub(crate) fn encode(&self) -> Bytes {
        let (weights, shares) = (weights_text(&self.weights), weights_text(&self.shares));
        Bytes::from(format!("{weights}|{shares}|{}|{}|{}", self.paused, ramp_text(&self.ramp), self.frozen).into_bytes())
    }
}

/// A pool of the chain in memory; it is worth a million dollars when every token is worth one.
pub(crate) struct FakePosition(pub(crate) String);

impl Position for FakePosition {
    fn capabilities(&self) -> Capabilities {
        Capabilities { read: true, reweight: true, halt: true, ..Capabilities::default() }
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call { target: address(&self.0), data: Bytes::new() }]
    }

    fn facts(&self, answers: &[Answer], at: &BlockStamp) -> Result<PositionFacts, PositionFault> {
        let fault = |fault: String| PositionFault { what: "pool", fault };
        let answer = answers.first().ok_or_else(|| fault("nothing".to_owned()))?;
        let text = text(answer.as_ref().map_err(|error| fault(error.to_string()))?);
        let parts: Vec<&str> = text.split('|').collect();
        let amount = |share: &Weight| TokenAmount { raw: share.wad() * 1_000_000, decimals: 18 };
        Ok(PositionFacts {
            block: *at,
            weights: weights_of(parts[0]),
            balances: weights_of(parts[1]).iter().map(amount).collect(),
            controls: Controls { swap_enabled: parts[6] == "false", ..set(ramp_of(parts[3], parts[4], parts[5])) },
            swap_fee: SwapFee::from_bps(5),
            paused: parts[2] == "true",
            touched: 0,
            ownership: Ownership { supply: 1, treasury: 1 },
            breakers: Vec::new(),
            purse: Vec::new(),
        })
    }

    fn gas_needs(&self) -> GasNeeds {
        GasNeeds { reweight: 100_000, switch: 30_000, ..GasNeeds::default() }
    }

    fn order(&self, plan: &Plan, start: Timestamp, end: Timestamp) -> Call {
        let reweight = match plan {
            Plan::Reweight(reweight) => reweight,
            Plan::Freeze => return Call { target: address(&self.0), data: Bytes::from_static(FREEZE) },
            other => panic!("the chain in memory has no {}", other.label()),
        };
        let ramp = Ramp { start, end, end_weights: reweight.target.weights().to_vec() };
        Call { target: address(&self.0), data: Bytes::from(ramp_text(&ramp).into_bytes()) }
    }
}

/// The price of an asset of the chain in memory. The rounds of its aggregator are all number 1, and their answers have 18 decimals.
pub(crate) struct FakeSource {
    source: Arc<Source>,
    /// Whose announcements are about it, in this block.
    pub(crate) aggregator: Arc<Mutex<Option<Address>>>,
}

impl FakeSource {
    pub(crate) fn new(asset: &str) -> Self {
        let source = Source {
            id: SourceId::new(&format!("fake:{asset}")),
            asset: AssetId::new(asset),
            unit: Unit::Usd,
            group: Group::Chainlink,
            advisory: false,
            good_for: Duration::from_secs(3_600),
        };
        Self { source: Arc::new(source), aggregator: Arc::default() }
    }
}

impl PriceSource for FakeSource {
    fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call { target: address(self.source.asset.as_str()), data: Bytes::new() }]
    }

    fn quote(&self, answers: &[Answer], at: &BlockStamp) -> Result<Quote, ReadingFault> {
        match answers.first() {
            Some(Ok(bytes)) => {
                let price = text(bytes).parse().ok().and_then(Price::from_wad);
                let price = price.ok_or_else(|| ReadingFault::Unreadable("no number".to_owned()))?;
                Ok(Quote::exact(price, at.timestamp))
            }
            other => Err(ReadingFault::Unreadable(format!("{other:?}"))),
        }
    }

    fn aggregator(&self, _: &[Answer]) -> Option<Address> {
        *open(&self.aggregator)
    }

    fn widen(&self, quote: Quote, answers: &[Answer], heard: &Announcements) -> Quote {
        let bound = |wad| Price::from_wad(wad).unwrap();
        let (low, high) = (bound(Price::PAR.wad() / 2), bound(Price::PAR.wad() * 2));
        let rule = FeedRule { decimals: 18, heartbeat: Duration::MAX, grace: Duration::ZERO, low, high, deviation_bps: 0 };
        let transmission =
            self.aggregator(answers).and_then(|aggregator| heard.of(aggregator, 1, I256::try_from(quote.price.wad()).unwrap()));
        transmission.map_or(quote, |transmission| transmission.widen(quote, &rule))
    }
}
