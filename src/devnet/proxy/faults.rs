//! What a proxy does wrong, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// One way of doing a request wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Asks nobody and answers `null`: there is no such thing.
    Null,
    /// Asks nobody and answers this.
    Say(Value),
    /// Asks nobody and answers with an error.
    Error {
        /// The JSON-RPC code.
        code: i64,
        /// The words.
        message: String,
    },
    /// HTTP status 429 with `Retry-After`.
    Busy {
        /// Whole seconds.
        pause_secs: u64,
    },
    /// HTTP status 500.
    Broken,
    /// Never answers, and asks nobody.
    Hang,
    /// Asks nobody and closes the connection.
    HangUp,
    /// Does what it is asked and closes the connection without an answer: the transaction is taken, the answer is lost.
    LoseAnswer,
    /// Says yes to a transaction and forgets it. Other requests are done as they should.
    Swallow,
    /// Does it twice and gives the second answer.
    Twice,
    /// Does it as it should, after a while.
    Late(Duration),
    /// Does it as a node would that is so many blocks behind.
    Stale(u64),
}

impl Fault {
    /// An error with the code that geth gives to most.
    #[must_use]
    pub fn error(message: &str) -> Self {
        Self::Error { code: -32_000, message: message.to_owned() }
    }

    /// A finite, stable word for reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Say(_) => "say",
            Self::Error { .. } => "error",
            Self::Busy { .. } => "busy",
            Self::Broken => "broken",
            Self::Hang => "hang",
            Self::HangUp => "hang_up",
            Self::LoseAnswer => "lose_answer",
            Self::Swallow => "swallow",
            Self::Twice => "twice",
            Self::Late(_) => "late",
            Self::Stale(_) => "stale",
        }
    }
}

/// Every request.
pub const ANY: &str = "*";
const RECEIPT: &str = "eth_getTransactionReceipt";

/// Steers a proxy while it runs. Cheap to clone; all clones are the same faults. Without any, the proxy is honest.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    lag: u64,
    random: Option<Random>,
    seen: BTreeMap<String, u64>,
    injected: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    fault: Fault,
    /// How many requests more; `None` until it is taken back.
    left: Option<u32>,
}

/// What is to be done with one request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Treatment {
    pub(super) fault: Option<Fault>,
    /// Blocks that the node seems to be behind.
    pub(super) lag: u64,
}

impl Faults {
    /// No faults, until some are asked for.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Faults by chance, at about `level` per cent of the requests that begin with `eth_`. They are of the kind that a keeper has to
    /// live through: receipts hidden for a while, heads and nonces that are behind, answers that are lost, transactions that are
    /// swallowed or handed on twice, errors, statuses 429 and 500, delays below a third of a second. The same seed draws the same
    /// faults in the same order; which request gets which depends on the order in which they come.
    #[must_use]
    pub fn random(seed: u64, level: u8) -> Self {
        let faults = Self::default();
        faults.randomly(seed, level);
        faults
    }

    /// Begins with faults by chance, as [`Faults::random`]; a level of 0 ends them.
    pub fn randomly(&self, seed: u64, level: u8) {
        self.open().random = (level > 0).then_some(Random { state: seed, level: level.min(100) });
    }

    /// Does all requests of a method ([`ANY`] for all methods) wrong from now on. The youngest rule that fits counts.
    pub fn always(&self, method: &str, fault: Fault) {
        self.rule(method, fault, None);
    }

    /// Does the next so many requests of a method wrong.
    pub fn next(&self, method: &str, times: u32, fault: Fault) {
        self.rule(method, fault, Some(times));
    }

    /// Knows of no receipt from now on.
    pub fn hide_receipts(&self) {
        self.always(RECEIPT, Fault::Null);
    }

    /// Seems to be so many blocks behind from now on, in everything that it says of the chain.
    pub fn lag(&self, blocks: u64) {
        self.open().lag = blocks;
    }

    /// Takes back all that was asked for, chance included.
    pub fn clear(&self) {
        let mut state = self.open();
        state.rules.clear();
        state.lag = 0;
        state.random = None;
    }

    /// How many requests of a method came.
    #[must_use]
    pub fn seen(&self, method: &str) -> u64 {
        self.open().seen.get(method).copied().unwrap_or_default()
    }

    /// What was done wrong, by label.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.open().injected.clone()
    }

    /// Decides on one request.
    pub(super) fn treat(&self, method: &str) -> Treatment {
        let mut state = self.open();
        let seen = state.seen.entry(method.to_owned()).or_default();
        *seen = seen.saturating_add(1);
        let fault = state.rule_for(method).or_else(|| state.chance(method));
        if let Some(fault) = &fault {
            let count = state.injected.entry(fault.label()).or_default();
            *count = count.saturating_add(1);
        }
        Treatment { fault, lag: state.lag }
    }

    fn rule(&self, method: &str, fault: Fault, left: Option<u32>) {
        self.open().rules.push(Rule { method: method.to_owned(), fault, left });
    }

    fn open(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn rule_for(&mut self, method: &str) -> Option<Fault> {
        self.rules.retain(|rule| rule.left != Some(0));
        let rule = self.rules.iter_mut().rev().find(|rule| rule.method == method || rule.method == ANY)?;
        rule.left = rule.left.map(|left| left.saturating_sub(1));
        Some(rule.fault.clone())
    }

    fn chance(&mut self, method: &str) -> Option<Fault> {
        let random = self.random.as_mut().filter(|_| method.starts_with("eth_"))?;
        if random.below(100) >= u64::from(random.level) {
            return None;
        }
        let fault = random.fault(method);
        if method == RECEIPT && fault == Fault::Null {
            // An index that is behind is so for a while.
            let left = u32::try_from(random.below(6)).ok();
            self.rules.push(Rule { method: method.to_owned(), fault: Fault::Null, left });
        }
        Some(fault)
    }
}

/// `SplitMix64`: enough for a simulation.
#[derive(Debug)]
struct Random {
    state: u64,
    level: u8,
}

impl Random {
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or_default()
    }

    fn fault(&mut self, method: &str) -> Fault {
        let roll = self.below(100);
        let late = Fault::Late(Duration::from_millis(self.below(300).saturating_add(20)));
        match (method, roll) {
            ("eth_sendRawTransaction", 0..35) | (_, 65..75) => Fault::LoseAnswer,
            ("eth_sendRawTransaction", 35..50) => Fault::Swallow,
            ("eth_sendRawTransaction", 50..65) => Fault::Twice,
            (RECEIPT, 0..60) => Fault::Null,
            ("eth_getTransactionCount", 0..50) | ("eth_getBlockByNumber" | "eth_blockNumber", 0..30) => {
                Fault::Stale(self.below(3).saturating_add(1))
            }
            (_, 75..82) => Fault::Broken,
            (_, 82..86) => Fault::Busy { pause_secs: 1 },
            (_, 86..94) => Fault::error("internal error"),
            _ => late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_ends_after_its_requests_and_the_youngest_counts() {
        let faults = Faults::none();
        faults.always(ANY, Fault::Broken);
        faults.next("eth_call", 2, Fault::Null);
        let treated = |method| faults.treat(method).fault;
        assert_eq!(treated("eth_chainId"), Some(Fault::Broken));
        assert_eq!([(); 3].map(|()| treated("eth_call")), [Some(Fault::Null), Some(Fault::Null), Some(Fault::Broken)]);
        faults.clear();
        assert_eq!(treated("eth_call"), None);
        assert_eq!((faults.seen("eth_call"), faults.injected()["null"], faults.injected()["broken"]), (4, 2, 2));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_leaves_the_world_alone() {
        let drawn = |seed| {
            let faults = Faults::random(seed, 40);
            let methods = ["eth_sendRawTransaction", RECEIPT, "eth_getTransactionCount", "eth_getBlockByNumber", "eth_call"];
            let drawn: Vec<_> = methods.iter().cycle().take(500).map(|method| faults.treat(method).fault).collect();
            (drawn, faults.injected())
        };
        let (one, injected) = drawn(7);
        assert_eq!(one, drawn(7).0);
        assert_ne!(one, drawn(8).0);
        for label in ["null", "lose_answer", "swallow", "twice", "stale", "broken", "busy", "error", "late"] {
            assert!(injected.contains_key(label), "{label} in {injected:?}");
        }
        assert!(!injected.contains_key("hang"), "nobody waits ten seconds by chance");
        let faults = Faults::random(7, 100);
        assert!((0..100).all(|_| faults.treat("anvil_mine").fault.is_none()));
    }
}
