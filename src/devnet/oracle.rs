//! Publishes the market's prices the way a feed on a public chain does: a round when the price has moved far enough or the heartbeat
//! has passed, some blocks late. Each coin has a proxy and an aggregator of its own, and so has ether.

use std::collections::VecDeque;
use std::time::Duration;

use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, I256, U256};

use super::batch::raw;
use super::bytecode;
use super::coins::{Coin, PerCoin};
use super::contracts::IAggregator;
use super::deployer::Deployer;
use super::fault::WorldError;
use super::rpc::{Account, Order, Rpc};
use crate::domain::units::{GasPrice, Timestamp};

/// Decimals of every feed.
pub const DECIMALS: u8 = 8;

/// When a round is due.
#[derive(Clone, Copy, Debug)]
pub struct OracleRule {
    /// A move of the price by this part of itself since the last round.
    pub deviation: f64,
    /// A round comes at least this often.
    pub heartbeat: Duration,
    /// How many blocks a round needs to get on the chain.
    pub delay: u32,
}

impl Default for OracleRule {
    fn default() -> Self {
        Self { deviation: 0.0025, heartbeat: Duration::from_hours(1), delay: 1 }
    }
}

/// A feed's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedAddress {
    /// What readers ask.
    pub proxy: Address,
    /// Where rounds are written.
    pub aggregator: Address,
}

/// What the oracle keeps of one feed.
#[derive(Clone, Debug)]
struct Feed {
    place: FeedAddress,
    observed: (f64, Timestamp),
    queue: VecDeque<(u32, f64)>,
    held: bool,
}

impl Feed {
    fn new(place: FeedAddress, price: f64, now: Timestamp) -> Self {
        Self { place, observed: (price, now), queue: VecDeque::new(), held: false }
    }

    /// Looks at the market; gives the price to write in the coming block, if one is due there.
    fn observe(&mut self, price: f64, now: Timestamp, rule: &OracleRule) -> Option<f64> {
        if self.held {
            self.queue.clear();
            return None;
        }
        let (last, at) = self.observed;
        if (price / last - 1.0).abs() >= rule.deviation || now.since(at) >= rule.heartbeat {
            self.observed = (price, now);
            self.queue.push_back((rule.delay, price));
        }
        let due = self.queue.pop_front_if(|(delay, _)| *delay == 0).map(|(_, price)| price);
        for (delay, _) in &mut self.queue {
            *delay = delay.saturating_sub(1);
        }
        due
    }
}

/// All feeds and the account that writes them.
#[derive(Clone, Debug)]
pub struct Oracle {
    account: Account,
    rule: OracleRule,
    coins: PerCoin<Feed>,
    ether: Feed,
}

/// Sends the contracts of a feed, and its first round.
///
/// # Errors
/// The node refuses.
pub async fn deploy(deployer: &mut Deployer<'_>, from: &mut Account, name: &str, price: f64) -> Result<FeedAddress, WorldError> {
    let arguments = (U256::from(DECIMALS), format!("{name} / USD")).abi_encode_params();
    let aggregator = bytecode::creation(bytecode::FEED_AGGREGATOR)?;
    let aggregator = deployer.deploy(from, "FeedAggregator", aggregator, arguments).await?;
    let proxy = bytecode::creation(bytecode::FEED_PROXY)?;
    let proxy = deployer.deploy(from, "FeedProxy", proxy, aggregator.abi_encode()).await?;
    deployer.call(from, aggregator, &round(answer(price), deployer.next_timestamp())).await?;
    Ok(FeedAddress { proxy, aggregator })
}

fn answer(price: f64) -> I256 {
    I256::try_from(raw(price, DECIMALS)).unwrap_or(I256::MAX)
}

fn round(answer: I256, updated_at: u64) -> IAggregator::pushRoundCall {
    IAggregator::pushRoundCall { answer, updatedAt: U256::from(updated_at) }
}

impl Oracle {
    /// Takes charge of feeds whose last round was written at `now`.
    #[must_use]
    pub fn new(
        account: Account,
        rule: OracleRule,
        coins: &PerCoin<FeedAddress>,
        ether: (FeedAddress, f64),
        now: Timestamp,
    ) -> Self {
        let coins = PerCoin::from_fn(|coin| Feed::new(*coins.get(coin), 1.0, now));
        Self { account, rule, coins, ether: Feed::new(ether.0, ether.1, now) }
    }

    /// Sends the rounds that are due in the coming block, which has the time `now`.
    pub(super) async fn publish(
        &mut self,
        rpc: &Rpc,
        base_fee: GasPrice,
        prices: &PerCoin<f64>,
        ether: f64,
        now: Timestamp,
    ) -> Result<(), WorldError> {
        let coins = Coin::ALL.map(|coin| {
            let feed = self.coins.get_mut(coin);
            (feed.place, feed.observe(*prices.get(coin), now, &self.rule))
        });
        let ether = (self.ether.place, self.ether.observe(ether, now, &self.rule));
        for (place, due) in coins.into_iter().chain([ether]) {
            if let Some(price) = due {
                self.send(rpc, base_fee, place, &round(answer(price), now.secs())).await?;
            }
        }
        Ok(())
    }

    /// Writes a round of one's own making into the next block.
    pub(super) async fn push(
        &mut self,
        rpc: &Rpc,
        base_fee: GasPrice,
        coin: Coin,
        answer: I256,
        updated_at: Timestamp,
    ) -> Result<(), WorldError> {
        let place = self.coins.get(coin).place;
        self.send(rpc, base_fee, place, &round(answer, updated_at.secs())).await
    }

    /// Stops or resumes the reports of one coin. On resuming, the next block brings a fresh look at the market.
    pub(super) fn hold(&mut self, coin: Coin, held: bool) {
        let feed = self.coins.get_mut(coin);
        if feed.held && !held {
            feed.observed.1 = Timestamp::default();
        }
        feed.held = held;
    }

    /// Changes what the feed of a coin says of its decimals, not its answers.
    pub(super) async fn set_decimals(
        &mut self,
        rpc: &Rpc,
        base_fee: GasPrice,
        coin: Coin,
        decimals: u8,
    ) -> Result<(), WorldError> {
        let place = self.coins.get(coin).place;
        self.send(rpc, base_fee, place, &IAggregator::setDecimalsCall { decimals }).await
    }

    /// Forgets nonces, after the node has lost what waited for a block.
    pub(super) const fn forget(&mut self) {
        self.account.forget();
    }

    async fn send<C: SolCall>(&mut self, rpc: &Rpc, base_fee: GasPrice, place: FeedAddress, call: &C) -> Result<(), WorldError> {
        let order = Order::at(place.aggregator, call, 200_000, base_fee);
        rpc.send(&mut self.account, &order).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Feed {
        let place = FeedAddress { proxy: Address::ZERO, aggregator: Address::ZERO };
        Feed::new(place, 1.0, Timestamp::from_secs(0))
    }

    #[test]
    fn a_round_is_due_on_a_move_or_on_the_heartbeat_and_comes_late() {
        let (mut feed, rule) = (feed(), OracleRule { delay: 2, ..OracleRule::default() });
        let mut look = |price, at| feed.observe(price, Timestamp::from_secs(at), &rule);
        assert_eq!(look(0.998, 12), None, "20 basis points are not enough");
        assert_eq!(look(0.997, 24), None, "due, but two blocks late");
        assert_eq!(look(0.997, 36), None);
        assert_eq!(look(0.997, 48), Some(0.997));
        assert_eq!(look(0.997, 60), None);
        assert_eq!(look(0.997, 3_624), None);
        assert_eq!(look(0.990, 3_636), None);
        assert_eq!(look(0.990, 3_648), Some(0.997), "the heartbeat");
        assert_eq!(look(0.990, 3_660), Some(0.990), "rounds keep their order");
    }

    #[test]
    fn a_held_feed_is_silent_and_forgets_what_was_on_its_way() {
        let (mut feed, rule) = (feed(), OracleRule::default());
        assert_eq!(feed.observe(0.9, Timestamp::from_secs(12), &rule), None);
        feed.held = true;
        assert_eq!(feed.observe(0.9, Timestamp::from_secs(24), &rule), None);
        feed.held = false;
        assert_eq!(feed.observe(0.9, Timestamp::from_secs(36), &rule), None);
        assert!(feed.queue.is_empty());
    }
}
