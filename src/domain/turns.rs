//! Who may send, and when: the state machine of the sequential queue. Pure data in and out; an actor feeds it and acts on what it
//! says.
//!
//! - One **turn** at a time, spaced by class since the lane last sent. Order: depeg strictly first, then class lifted by age,
//!   then the longest wait. The first in that order sets the spacing, so a request with a shorter spacing never overtakes for
//!   ever.
//! - **Gas holds an item, never the queue.** A request whose cap is below the price (or while the price is unknown) stays queued
//!   and the others pass it. Past its deadline it leaves, with a report.
//! - **Protection is a batch.** Protective requests of one episode are granted together and unspaced, once every holder of the
//!   asset has requested or declined, or a short window after the first of them. While the batch is open no other class is
//!   granted. Who asks when the batch is already out waits for it to end and joins the following one.
//! - **A turn ends when its holder says so**, never by itself. One that does not reach Execute in time is reported as overdue,
//!   once; killing the holder is what ends it.
//!
//! After a crash a new queue starts with the next epoch and knows nothing: pools ask again, turns of the old epoch are unknown to
//! it, and a busy or recovering lane keeps it from granting beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::gas::GasCap;
use crate::domain::ids::{AssetId, EpisodeId, PoolId};
use crate::domain::trigger::{Class, PerClass};
use crate::domain::units::{GasPrice, Timestamp};

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The policy clock: spacing, deadlines, ageing. A demo scales it.
    pub policy: Timestamp,
    /// Machine time since process start, never scaled: the batch window and the limit of a turn.
    pub machine: Duration,
}

/// The rules of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnPolicy {
    /// Least policy time between the lane's last send and a turn of the class. Not used for protective classes.
    pub spacing: PerClass<Duration>,
    /// A request that waits this long counts as one class more urgent, and so on, but never as a protective one. Zero lifts at
    /// once.
    pub ageing: Duration,
    /// Machine time that a protective request waits for the other holders of its asset.
    pub batch_window: Duration,
    /// Machine time in which a turn must reach Execute.
    pub reach_execute_within: Duration,
}

impl TurnPolicy {
    /// The rules with the usual machine limits: a batch window of 20 ms, and 5 s for a turn to reach Execute.
    #[must_use]
    pub const fn new(spacing: PerClass<Duration>, ageing: Duration) -> Self {
        Self { spacing, ageing, batch_window: Duration::from_millis(20), reach_execute_within: Duration::from_secs(5) }
    }
}

/// Names one turn for ever: numbers are unique within the life of a queue, epochs tell its lives apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId {
    /// The life of the queue that granted the turn.
    pub epoch: u64,
    /// Counts the turns of that life, from 1.
    pub number: u64,
}

/// What a pool asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub pool: PoolId,
    /// How urgent it is.
    pub class: Class,
    /// The episode that a protective request belongs to; one without is granted alone. Ignored for other classes.
    pub episode: Option<EpisodeId>,
    /// What gas may cost, and until when the request stands.
    pub cap: GasCap,
}

impl Request {
    fn protects(&self, episode: &EpisodeId) -> bool {
        self.class.is_protective() && self.episode.as_ref() == Some(episode)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// The pool had no live request; it has one now.
    New,
    /// The pool had one already; both are one now.
    Merged,
}

/// What the queue knows of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneView {
    /// It still finds out what it sent before, or it stands still: nothing may be granted.
    Closed,
    /// It is free.
    Idle {
        /// Policy time of its latest send; `None` when it has never sent.
        last_sent: Option<Timestamp>,
    },
    /// Operations are in flight.
    Busy {
        /// Whether all of them would give way to a defence.
        yields: bool,
    },
}

/// What the queue knows of the lanes of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanesView {
    /// Moves weights.
    pub keeper: LaneView,
    /// Stops trading; everything in it is a defence, and they follow each other with consecutive nonces.
    pub guardian: Option<LaneView>,
}

impl LanesView {
    /// A chain with one lane.
    #[must_use]
    pub const fn only(keeper: LaneView) -> Self {
        Self { keeper, guardian: None }
    }

    /// Whether a defence can be sent by any of them: it waits behind nothing that is less urgent.
    #[must_use]
    pub const fn open_to_protection(self) -> bool {
        matches!(self.keeper, LaneView::Idle { .. } | LaneView::Busy { yields: true })
            || matches!(self.guardian, Some(LaneView::Idle { .. } | LaneView::Busy { .. }))
    }
}

/// A turn, as given to a pool. The grants of one [`Look`] are one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The turn's name.
    pub id: TurnId,
    /// What it was granted for.
    pub request: Request,
    /// Policy time from the request to the grant.
    pub waited: Duration,
}

/// When to look again although nothing happened. Something may have changed at either moment; `None`: only an event changes
/// anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// A moment of the policy clock.
    pub policy_at: Option<Timestamp>,
    /// A moment of the machine clock.
    pub machine_at: Option<Duration>,
}

/// What there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Look {
    /// Turns to hand out now: at most one, or one batch of one episode.
    pub grants: Vec<Grant>,
    /// Turns that did not reach Execute in time, each reported once: kill the holder, whose death ends the turn.
    pub overdue: Vec<Grant>,
    /// Requests that ran out of time and have left the queue.
    pub expired: Vec<Request>,
    /// Pools whose request gas holds up since this look; reported again only after gas was acceptable in between.
    pub held_for_gas: Vec<PoolId>,
    /// When to look again.
    pub wake: Wake,
}

/// The queue, for dashboards and health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnsView {
    /// Requests that wait, by the class they asked for.
    pub waiting: PerClass<usize>,
    /// How many of them gas held up at the last look.
    pub held_for_gas: usize,
    /// Turns that are out.
    pub outstanding: Vec<TurnId>,
    /// Policy time that the oldest request has waited; `None` for an empty queue.
    pub oldest_wait: Option<Duration>,
}

/// The state of the queue. Every method is total; the caller looks again after each event.
#[derive(Debug)]
pub struct Turns {
    policy: TurnPolicy,
    epoch: u64,
    /// Number of the latest turn.
    granted: u64,
    /// Number of the latest request that was new: the order of waiting.
    arrivals: u64,
    waiting: BTreeMap<PoolId, Waiting>,
    outstanding: BTreeMap<TurnId, Outstanding>,
    holders: BTreeMap<AssetId, BTreeSet<PoolId>>,
    /// Who declined in the newest episode of each asset since its last batch.
    declined: BTreeMap<AssetId, (u64, BTreeSet<PoolId>)>,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    /// Policy time of the first request that was merged into this one.
    since: Timestamp,
    arrival: u64,
    /// Machine time at which it came to want its present class and episode: opens the batch window.
    asked: Duration,
    /// Gas held it up at the last look.
    held: bool,
}

#[derive(Debug)]
struct Outstanding {
    grant: Grant,
    /// Machine time by which it must reach Execute; `None` once it has, or once it was reported.
    due: Option<Duration>,
    /// It has reached Execute.
    executing: bool,
}

/// What an idle lane means for the queue.
enum Next {
    Grant(Vec<PoolId>),
    Wait(Wake),
}

impl Turns {
    /// An empty queue. The epoch must be higher than that of every queue before it on the same lane.
    #[must_use]
    pub fn new(policy: TurnPolicy, epoch: u64) -> Self {
        Self {
            policy,
            epoch,
            granted: 0,
            arrivals: 0,
            waiting: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            holders: BTreeMap::new(),
            declined: BTreeMap::new(),
        }
    }

    /// Queues a request. A pool has at most one live request: a second one is merged into it. The waiting time stays, and the
    /// more urgent class wins with its episode and its cap. Of two with the same class the newer wins, but keeps the earlier
    /// start and deadline, so that asking again neither prolongs a request nor sets a rising cap back to its beginning. A less
    /// urgent request changes nothing; withdraw first to ask for less.
    ///
    /// A pool that holds a turn may ask: the request is served after that turn.
    pub fn request(&mut self, now: Now, request: Request) -> Requested {
        let Some(live) = self.waiting.get_mut(&request.pool) else {
            self.arrivals = self.arrivals.saturating_add(1);
            let waiting = Waiting { since: now.policy, arrival: self.arrivals, asked: now.machine, held: false, request };
            self.waiting.insert(waiting.request.pool.clone(), waiting);
            return Requested::New;
        };
        if request.class > live.request.class {
            return Requested::Merged;
        }
        let mut merged = request;
        if merged.class == live.request.class {
            merged.cap.from = merged.cap.from.min(live.request.cap.from);
            merged.cap.until = merged.cap.until.min(live.request.cap.until);
        }
        if (merged.class, &merged.episode) != (live.request.class, &live.request.episode) {
            live.asked = now.machine;
        }
        live.request = merged;
        Requested::Merged
    }

    /// The pool holds the asset, has looked at the episode and will not ask for a turn: its batch need not wait for it. Forgotten
    /// when the batch is granted or a newer episode of the asset is declined. Does not touch a live request; [`Turns::withdraw`]
    /// does.
    pub fn decline(&mut self, pool: PoolId, episode: &EpisodeId) {
        let (number, pools) = self.declined.entry(episode.asset.clone()).or_default();
        if *number > episode.number {
            return;
        }
        if *number < episode.number {
            *number = episode.number;
            pools.clear();
        }
        pools.insert(pool);
    }

    /// Takes back the pool's live request; `false` when it has none. A turn that it holds is not affected.
    pub fn withdraw(&mut self, pool: &PoolId) -> bool {
        self.waiting.remove(pool).is_some()
    }

    /// Which pools hold which asset: a batch is complete when all of them have answered. Of an asset without, it waits for the window.
    pub fn set_holders(&mut self, holders: BTreeMap<AssetId, BTreeSet<PoolId>>) {
        self.holders = holders;
    }

    /// Whether a turn of the pool is out.
    #[must_use]
    pub fn holds_one(&self, pool: &PoolId) -> bool {
        self.outstanding.values().any(|turn| turn.grant.request.pool == *pool)
    }

    /// Does what is due. `gas` is the price of the next block, base fee and tip together; `None` when it is unknown.
    pub fn look(&mut self, now: Now, lanes: LanesView, gas: Option<GasPrice>) -> Look {
        let expired = self.expire(now.policy);
        let held_for_gas = self.hold(now.policy, gas);
        let (grants, mut wake) = match self.next(now, lanes, gas) {
            Next::Grant(pools) => (self.grant(now, &pools), Wake::default()),
            Next::Wait(wake) => (Vec::new(), wake),
        };
        let overdue = self.overdue(now.machine);

        let expiry = self.waiting.values().map(|item| item.request.cap.until).min();
        wake.policy_at = wake.policy_at.into_iter().chain(expiry).min();
        let limit = self.outstanding.values().filter_map(|turn| turn.due).min();
        wake.machine_at = wake.machine_at.into_iter().chain(limit).min();
        Look { grants, overdue, expired, held_for_gas, wake }
    }

    /// The turn has reached Execute: how long it takes from here is the executor's matter. `false` for a turn that is not out.
    pub fn executing(&mut self, id: TurnId) -> bool {
        self.outstanding.get_mut(&id).map(|turn| (turn.due, turn.executing) = (None, true)).is_some()
    }

    /// The turn is over, however it went. `false` for a turn that is not out: of another epoch, or ended before.
    pub fn ended(&mut self, id: TurnId) -> bool {
        self.outstanding.remove(&id).is_some()
    }

    /// The live request of a pool.
    #[must_use]
    pub fn waiting(&self, pool: &PoolId) -> Option<&Request> {
        self.waiting.get(pool).map(|item| &item.request)
    }

    /// What waits and what is out.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> TurnsView {
        let waiting = |class| self.waiting.values().filter(|item| item.request.class == class).count();
        TurnsView {
            waiting: PerClass {
                depeg: waiting(Class::Depeg),
                drift: waiting(Class::Drift),
                yields: waiting(Class::Yield),
                schedule: waiting(Class::Schedule),
                manual: waiting(Class::Manual),
            },
            held_for_gas: self.waiting.values().filter(|item| item.held).count(),
            outstanding: self.outstanding.keys().copied().collect(),
            oldest_wait: self.waiting.values().map(|item| now.since(item.since)).max(),
        }
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Request> {
        self.waiting.extract_if(.., |_, item| item.request.cap.expired(now)).map(|(_, item)| item.request).collect()
    }

    fn hold(&mut self, now: Timestamp, gas: Option<GasPrice>) -> Vec<PoolId> {
        let mut newly = Vec::new();
        for (pool, item) in &mut self.waiting {
            // Who is held goes on a good tenth below the cap, so that a price that dithers on the line holds nobody twice.
            let limit = item.request.cap.at(now);
            let limit = if item.held { below_by_a_tenth(limit) } else { limit };
            let held = gas.is_none_or(|gas| gas > limit);
            if held && !item.held {
                newly.push(pool.clone());
            }
            item.held = held;
        }
        newly
    }

    fn overdue(&mut self, now: Duration) -> Vec<Grant> {
        let mut overdue = Vec::new();
        for turn in self.outstanding.values_mut() {
            if turn.due.take_if(|due| *due <= now).is_some() {
                overdue.push(turn.grant.clone());
            }
        }
        overdue
    }

    fn next(&self, now: Now, lanes: LanesView, gas: Option<GasPrice>) -> Next {
        // What is out or in flight ends with an event, and that is soon enough to look again. Only a defence does not wait for it:
        // what has reached Execute for a lesser cause gives way.
        let gives_way = |turn: &Outstanding| turn.executing && !turn.grant.request.class.is_protective();
        let protects = lanes.open_to_protection() && self.outstanding.values().all(gives_way);
        let batch = protects.then(|| self.next_batch(now.machine)).flatten();
        let single = match lanes.keeper {
            LaneView::Idle { last_sent } if self.outstanding.is_empty() => Some(last_sent),
            _ => None,
        };
        let mut next = match (batch, single) {
            (Some(batch), _) => batch,
            (None, Some(last_sent)) => self.next_single(now.policy, last_sent),
            (None, None) if protects => Next::Wait(Wake::default()),
            (None, None) => return Next::Wait(Wake::default()),
        };
        if let Next::Wait(wake) = &mut next {
            let affordable = gas.and_then(|gas| self.next_affordable(now.policy, gas));
            wake.policy_at = wake.policy_at.into_iter().chain(affordable).min();
        }
        next
    }

    /// The protective requests that gas allows: the oldest batch that is complete, or the wait for one. `None` without any.
    fn next_batch(&self, now: Duration) -> Option<Next> {
        let mut ready: Vec<&Waiting> = self.affordable().filter(|item| item.request.class.is_protective()).collect();
        ready.sort_by_key(|item| item.arrival);
        let mut closes = None;
        for item in &ready {
            let Some(episode) = &item.request.episode else { return Some(Next::Grant(vec![item.request.pool.clone()])) };
            let batch = ready.iter().filter(|other| other.request.protects(episode));
            // A request that gas held up was asked long ago; counting it would close the window on the ones that come now.
            let closes_at = batch.clone().map(|item| item.asked.saturating_add(self.policy.batch_window)).min()?;
            if now >= closes_at || self.all_answered(episode) {
                return Some(Next::Grant(batch.map(|item| item.request.pool.clone()).collect()));
            }
            closes = closes.into_iter().chain([closes_at]).min();
        }
        closes.map(|at| Next::Wait(Wake { policy_at: None, machine_at: Some(at) }))
    }

    fn all_answered(&self, episode: &EpisodeId) -> bool {
        let requested = |pool| self.waiting.get(pool).is_some_and(|item| item.request.protects(episode));
        let declined = self.declined.get(&episode.asset).filter(|(number, _)| *number == episode.number);
        let answered = |pool| requested(pool) || declined.is_some_and(|(_, pools)| pools.contains(pool));
        self.holders.get(&episode.asset).is_some_and(|holders| holders.iter().all(answered))
    }

    /// The first of the other requests that gas allows, or the wait for its spacing.
    fn next_single(&self, now: Timestamp, last_sent: Option<Timestamp>) -> Next {
        let order = |item: &&Waiting| (self.rank(item, now), item.arrival);
        let Some(first) = self.affordable().min_by_key(order) else { return Next::Wait(Wake::default()) };
        let due = |item: &Waiting| last_sent.map(|sent| sent.plus(*self.policy.spacing.get(item.request.class)));
        if due(first).is_none_or(|due| now >= due) {
            return Next::Grant(vec![first.request.pool.clone()]);
        }
        // Whoever is first by then may have a shorter spacing: look when any spacing is over, and when any age changes the order.
        let moments = self.affordable().flat_map(|item| due(item).into_iter().chain(self.next_lift(item, now)));
        Next::Wait(Wake { policy_at: moments.filter(|at| *at > now).min(), machine_at: None })
    }

    /// Place of a request in the order of classes, lifted by its age. Protective requests never stand in this comparison, so no
    /// age takes anything past them.
    fn rank(&self, item: &Waiting, now: Timestamp) -> usize {
        let own = Class::ALL.iter().filter(|class| **class < item.request.class).count();
        own.saturating_sub(self.lifts(item, now))
    }

    fn lifts(&self, item: &Waiting, now: Timestamp) -> usize {
        let lifts = now.since(item.since).as_millis().checked_div(self.policy.ageing.as_millis());
        lifts.and_then(|lifts| usize::try_from(lifts).ok()).unwrap_or(usize::MAX)
    }

    fn next_lift(&self, item: &Waiting, now: Timestamp) -> Option<Timestamp> {
        let lifts = u32::try_from(self.lifts(item, now)).ok()?.checked_add(1)?;
        Some(item.since.plus(self.policy.ageing.checked_mul(lifts)?))
    }

    fn affordable(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values().filter(|item| !item.held)
    }

    /// The first moment at which the rising cap of a held request meets the present price.
    fn next_affordable(&self, now: Timestamp, gas: GasPrice) -> Option<Timestamp> {
        self.waiting.values().filter(|item| item.held).filter_map(|item| cap_clears(&item.request.cap, now, gas)).min()
    }

    fn grant(&mut self, now: Now, pools: &[PoolId]) -> Vec<Grant> {
        let mut grants = Vec::new();
        for item in pools.iter().filter_map(|pool| self.waiting.remove(pool)) {
            if let Some(episode) = item.request.episode.as_ref().filter(|_| item.request.class.is_protective())
                && self.declined.get(&episode.asset).is_some_and(|(number, _)| *number == episode.number)
            {
                self.declined.remove(&episode.asset);
            }
            self.granted = self.granted.saturating_add(1);
            let id = TurnId { epoch: self.epoch, number: self.granted };
            let grant = Grant { id, waited: now.policy.since(item.since), request: item.request };
            let due = Some(now.machine.saturating_add(self.policy.reach_execute_within));
            self.outstanding.insert(id, Outstanding { grant: grant.clone(), due, executing: false });
            grants.push(grant);
        }
        grants
    }
}

/// A price a tenth lower, rounded down.
fn below_by_a_tenth(price: GasPrice) -> GasPrice {
    let wei = price.wei();
    GasPrice::from_wei(wei.saturating_sub(wei.div_ceil(10)))
}

/// The first moment after `now`, and before the deadline, at which a request that is held for `gas` may go on. The cap never falls, so
/// it is searched by halving.
fn cap_clears(cap: &GasCap, now: Timestamp, gas: GasPrice) -> Option<Timestamp> {
    let clears = |at| below_by_a_tenth(cap.at(Timestamp::from_millis(at))) >= gas;
    let (mut below, mut reached) = (now.millis(), cap.until.millis().checked_sub(1)?);
    if !clears(reached) {
        return None;
    }
    while reached.saturating_sub(below) > 1 {
        let middle = below.midpoint(reached);
        if clears(middle) { reached = middle } else { below = middle }
    }
    Some(Timestamp::from_millis(reached)).filter(|at| *at > now)
}

#[cfg(test)]
mod tests;
