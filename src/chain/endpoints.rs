//! Several nodes of one chain, any of which may be dead, behind, busy, on another chain, or wrong.
//!
//! [`health`] says who is fit to be asked. Here they are asked: one after the other until one answers ([`Endpoints::first`]), or
//! all at once ([`Endpoints::every`]). Nobody's silence costs more than a moment as long as someone else answers. What the answers
//! are worth when they differ is not decided here: that is the business of whoever asks.
//!
//! Not guarded against: an endpoint that makes up a whole chain. One that claims a height far above the others puts them out; it
//! still has no receipt in a block that they know.

pub mod health;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::{B256, Bytes, U64};
use backon::{ExponentialBuilder, Retryable};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use crate::chain::head;
use crate::chain::provider::{AskFault, Node};
use crate::ports::{Clock, Head, LinkFault, SendFault};

pub use self::health::{Health, HealthRule, Out};

/// How long one endpoint may think about a read before the next is asked as well.
const HEDGE: Duration = Duration::from_millis(700);
/// How long the others may think about a question to all, once one has answered.
const LATE: Duration = Duration::from_secs(2);
/// The longest pause of a busy endpoint that is waited for. One that wants more is left out until then.
const MOST_PAUSE: Duration = Duration::from_secs(5);
/// The pause of a busy endpoint that names none.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// How often a read that failed is asked again at the same endpoint.
const READ_AGAIN: usize = 2;
/// The pause before the first repetition.
const FIRST_AGAIN: Duration = Duration::from_millis(100);
/// How often all endpoints are looked at while they are used, if nobody says otherwise.
const USUAL_SURVEY: Duration = Duration::from_secs(10);

/// Told what the endpoints do, for metrics.
pub type EndpointHook = Arc<dyn Fn(Notice<'_>) + Send + Sync>;

/// Something worth counting. Endpoints are named by their host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A request was not answered; the label is finite.
    Failed {
        /// Whose.
        endpoint: &'a str,
        /// See [`AskFault::label`].
        label: &'static str,
    },
    /// An endpoint was looked at.
    Seen {
        /// Which.
        endpoint: &'a str,
        /// Whether it is fit to be asked.
        healthy: bool,
        /// The height of its head.
        height: Option<u64>,
    },
    /// An endpoint, or the relay, was handed a transaction.
    Broadcast {
        /// Which.
        endpoint: &'a str,
        /// What it said; finite.
        outcome: &'static str,
    },
    /// Two endpoints cannot both be right.
    Contradiction {
        /// About what; finite.
        kind: &'static str,
    },
}

/// How the endpoints are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// The EIP-155 number that all of them must have.
    pub chain_id: u64,
    /// When one is fit to be asked.
    pub health: HealthRule,
    /// How often all are looked at while they are used, on the machine clock.
    pub survey_every: Duration,
}

impl EndpointSettings {
    /// The usual treatment of a chain's endpoints.
    #[must_use]
    pub fn of(chain_id: u64) -> Self {
        Self { chain_id, health: HealthRule::default(), survey_every: USUAL_SURVEY }
    }
}

/// What is known of an endpoint's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// It was not asked yet, or it has been out since.
    Unknown,
    Right,
    Wrong(u64),
}

/// One node.
pub(super) struct Endpoint {
    node: Node,
    name: String,
    rule: HealthRule,
    hook: EndpointHook,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    health: Health,
    chain: Chain,
    busy_until: Option<Instant>,
}

impl Endpoint {
    /// Its host.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether what it says of the newest state may be believed.
    pub(super) fn is_healthy(&self) -> bool {
        self.state().health.out().is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a request that may be made twice: again after a broken connection, and again after the pause that a busy node asks
    /// for. What the node answers with an error is an answer.
    pub(super) async fn read<T, Fut>(&self, ask: impl Fn(Node) -> Fut) -> Result<T, AskFault>
    where
        Fut: Future<Output = Result<T, AskFault>>,
    {
        let again = ExponentialBuilder::default().with_min_delay(FIRST_AGAIN).with_max_times(READ_AGAIN);
        let passing = |fault: &AskFault| matches!(fault, AskFault::Unreachable(_) | AskFault::Busy { .. } | AskFault::Garbled(_));
        let answer = (|| self.once(&ask)).retry(again).when(passing).await;
        match &answer {
            Ok(_) => self.state().health.answered(),
            Err(fault) => self.note(fault),
        }
        answer
    }

    /// Hands a signed transaction over, once and without waiting for anything: who repeats it, and when, is decided elsewhere.
    pub(super) async fn hand_over(&self, raw: Bytes) -> Result<B256, AskFault> {
        let answer = self.node.hand_over("eth_sendRawTransaction", (raw,)).await;
        match &answer {
            Ok(_) => self.state().health.answered(),
            Err(fault) => self.note(fault),
        }
        answer
    }

    async fn once<T, Fut>(&self, ask: impl Fn(Node) -> Fut) -> Result<T, AskFault>
    where
        Fut: Future<Output = Result<T, AskFault>>,
    {
        self.rested().await?;
        let answer = ask(self.node.clone()).await;
        if let Err(AskFault::Busy { pause }) = &answer {
            self.state().busy_until = Instant::now().checked_add(pause.unwrap_or(USUAL_PAUSE));
        }
        answer
    }

    /// Waits for the end of the pause that the node asked for, unless that is too far away.
    async fn rested(&self) -> Result<(), AskFault> {
        let until = self.state().busy_until;
        if let Some(until) = until {
            let pause = until.saturating_duration_since(Instant::now());
            if pause > MOST_PAUSE {
                return Err(AskFault::Busy { pause: Some(pause) });
            }
            sleep_until(until).await;
        }
        Ok(())
    }

    /// It was not waited for any longer.
    fn late(&self) -> AskFault {
        let pause = self.state().busy_until.map(|until| until.saturating_duration_since(Instant::now()));
        let fault = match pause {
            Some(pause) if !pause.is_zero() => AskFault::Busy { pause: Some(pause) },
            _ => AskFault::TimedOut(LATE),
        };
        self.note(&fault);
        fault
    }

    /// Counts a request that gave no answer. An error that the node answered with is none of its failures, and neither is to be
    /// busy.
    fn note(&self, fault: &AskFault) {
        if matches!(fault, AskFault::Answered { .. }) {
            return;
        }
        (self.hook)(Notice::Failed { endpoint: &self.name, label: fault.label() });
        if !matches!(fault, AskFault::Busy { .. }) {
            self.change(Health::failed);
        }
    }

    /// Changes its health, and says so when it goes out or comes back. One that fails may be another node when it answers again:
    /// until its chain is known, it is not asked for anything else.
    fn change(&self, change: impl FnOnce(&mut Health, &HealthRule)) {
        let (before, after) = {
            let mut state = self.state();
            let before = state.health.out();
            change(&mut state.health, &self.rule);
            let after = state.health.out();
            if before.is_none() && after == Some(Out::Failing) {
                state.chain = Chain::Unknown;
            }
            (before, after)
        };
        match (before, after) {
            (None, Some(why)) => warn!(endpoint = self.name, %why, "an endpoint is out"),
            (Some(_), None) => info!(endpoint = self.name, "an endpoint is back"),
            _ => {}
        }
    }

    /// Makes sure of its chain and gets its newest head.
    async fn look(&self, chain_id: u64) -> Result<Head, AskFault> {
        if let ChainCheck::Other(found) = self.check_chain(chain_id).await? {
            return Err(AskFault::Garbled(format!("{} is on chain {found}; expected chain {chain_id}", self.name)));
        }
        self.read(|node| async move { head::newest(&node).await }).await.inspect_err(|fault| {
            // There is no good reason to answer this question with an error.
            if matches!(fault, AskFault::Answered { .. }) {
                self.change(Health::failed);
            }
        })
    }

    /// Asks for its chain, unless it is in and on the right one.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(super) async fn check_chain(&self, chain_id: u64) -> Result<ChainCheck, AskFault> {
        let State { chain, health, .. } = *self.state();
        // Whoever is out may come back as another node.
        if chain == Chain::Right && health.out().is_none() {
            return Ok(ChainCheck::Right);
        }
        let found: U64 = self.read(|node| async move { node.ask("eth_chainId", ()).await }).await?;
        let found: u64 = found.to();
        if found == chain_id {
            self.state().chain = Chain::Right;
            return Ok(ChainCheck::Right);
        }
        self.state().chain = Chain::Wrong(found);
        warn!(endpoint = self.name, found, expected = chain_id, "an endpoint is on another chain");
        Ok(ChainCheck::Other(found))
    }
}

/// What an endpoint says of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChainCheck {
    Right,
    Other(u64),
}

/// Several nodes of one chain. Clones share what is known of them.
#[derive(Clone)]
pub struct Endpoints(Arc<Inner>);

struct Inner {
    list: Vec<Arc<Endpoint>>,
    settings: EndpointSettings,
    clock: Arc<dyn Clock>,
    hook: EndpointHook,
    /// Held while all are looked at; when that was done last.
    survey: tokio::sync::Mutex<Option<Instant>>,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.list.iter().map(|endpoint| endpoint.name());
        f.debug_struct("Endpoints")
            .field("chain_id", &self.0.settings.chain_id)
            .field("hosts", &names.collect::<Vec<_>>())
            .finish()
    }
}

impl Endpoints {
    /// Endpoints in the order of preference. They should speak HTTP: a request must not die with a listener's connection.
    #[must_use]
    pub fn new(nodes: Vec<Node>, settings: EndpointSettings, clock: Arc<dyn Clock>, hook: EndpointHook) -> Self {
        let mut list: Vec<Arc<Endpoint>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            // Two accounts at one provider have one host.
            let twins = list.iter().filter(|other| other.node.host() == node.host()).count();
            let name = if twins == 0 { node.host().to_owned() } else { format!("{}#{}", node.host(), twins.saturating_add(1)) };
            let state = State { health: Health::default(), chain: Chain::Unknown, busy_until: None };
            let (hook, state) = (hook.clone(), Mutex::new(state));
            list.push(Arc::new(Endpoint { node, name, rule: settings.health, hook, state }));
        }
        Self(Arc::new(Inner { list, settings, clock, hook, survey: tokio::sync::Mutex::new(None) }))
    }

    /// The EIP-155 number that all of them must have.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.0.settings.chain_id
    }

    /// How many are configured.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.list.len()).unwrap_or(u32::MAX)
    }

    /// The hosts in order, with what is known of each.
    #[must_use]
    pub fn health(&self) -> Vec<(String, Health)> {
        self.0.list.iter().map(|endpoint| (endpoint.name.clone(), endpoint.state().health)).collect()
    }

    /// Tells the hook.
    pub(super) fn tell(&self, notice: Notice<'_>) {
        (self.0.hook)(notice);
    }

    /// Counts and logs that two endpoints cannot both be right.
    pub(super) fn contradiction(&self, kind: &'static str, detail: &str) {
        warn!(kind, detail, "two endpoints contradict each other");
        self.tell(Notice::Contradiction { kind });
    }

    /// All, whatever is known of them.
    pub(super) fn all(&self) -> &[Arc<Endpoint>] {
        &self.0.list
    }

    /// An endpoint that is known to be on another chain.
    pub(super) fn wrong(&self) -> Option<SendFault> {
        self.0.list.iter().find_map(|endpoint| match endpoint.state().chain {
            Chain::Wrong(found) => {
                Some(SendFault::WrongChain { endpoint: endpoint.name.clone(), found, expected: self.chain_id() })
            }
            Chain::Right | Chain::Unknown => None,
        })
    }

    /// All that are on the right chain, the fittest first: the healthy before those that are out, the idle before the busy, and
    /// otherwise in the order of the configuration.
    pub(super) fn fittest(&self) -> Vec<Arc<Endpoint>> {
        let now = Instant::now();
        let rank = |endpoint: &Arc<Endpoint>| {
            let state = endpoint.state();
            (state.health.out().is_some(), state.busy_until.is_some_and(|until| until > now))
        };
        let right = |endpoint: &&Arc<Endpoint>| endpoint.state().chain == Chain::Right;
        let mut list: Vec<_> = self.0.list.iter().filter(right).map(|endpoint| (rank(endpoint), endpoint.clone())).collect();
        list.sort_by_key(|(rank, _)| *rank);
        list.into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    /// Whoever may bear witness: all that are healthy, and as many of the others as it takes to hear two.
    pub(super) fn witnesses(&self) -> Vec<Arc<Endpoint>> {
        let fittest = self.fittest();
        let healthy = fittest.iter().filter(|endpoint| endpoint.is_healthy()).count();
        fittest.into_iter().take(healthy.max(2)).collect()
    }

    /// Makes sure that someone can be asked. Everybody is looked at before the first use, and now and then later, in the
    /// background: whoever is out comes back that way.
    ///
    /// # Errors
    /// Nobody can be reached, or nobody is on the right chain.
    pub(super) async fn ready(&self) -> Result<(), SendFault> {
        if self.fittest().is_empty() {
            return self.survey().await;
        }
        let all = self.clone();
        if let Ok(last) = self.0.survey.try_lock()
            && last.is_none_or(|last| last.elapsed() >= self.0.settings.survey_every)
        {
            drop(last);
            tokio::spawn(async move { all.survey().await });
        }
        Ok(())
    }

    /// Looks at all of them: their chain where it is not known, and their newest heads, against each other.
    ///
    /// # Errors
    /// Nobody can be reached, or nobody is on the right chain.
    pub(super) async fn survey(&self) -> Result<(), SendFault> {
        let mut last = self.0.survey.lock().await;
        let chain_id = self.chain_id();
        let looks = self.every(self.all(), move |endpoint| async move { endpoint.look(chain_id).await }).await;
        *last = Some(Instant::now());
        drop(last);
        let mut heads = Vec::new();
        let mut fault = None;
        for (endpoint, look) in looks {
            match look {
                Ok(head) => heads.push((endpoint, head)),
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        self.judge(&heads, true);
        if heads.is_empty() {
            let silence = || SendFault::Link(LinkFault::Unreachable("no endpoint is configured".to_owned()));
            return Err(self.wrong().or_else(|| fault.map(|fault| SendFault::Link(fault.into()))).unwrap_or_else(silence));
        }
        Ok(())
    }

    /// Compares heads that were seen at the same time. What is out comes back only by a survey, which asks for its chain as well.
    pub(super) fn judge(&self, heads: &[(Arc<Endpoint>, Head)], surveyed: bool) {
        let best = heads.iter().map(|(_, head)| head.stamp.number).max().unwrap_or_default();
        let now = self.0.clock.now();
        for (endpoint, head) in heads {
            let (height, age) = (head.stamp.number, now.since(head.stamp.timestamp));
            if !surveyed && !endpoint.is_healthy() {
                continue;
            }
            endpoint.change(|health, rule| health.seen(rule, height, age, best));
        }
        for endpoint in self.all() {
            let health = endpoint.state().health;
            self.tell(Notice::Seen { endpoint: &endpoint.name, healthy: health.out().is_none(), height: health.height() });
        }
    }

    /// Asks one endpoint after the other until one gives an answer that is `enough`: the next one begins when the one before has
    /// failed, or thinks for too long. Gives that answer, or everything that was said.
    pub(super) async fn until<T, Fut>(
        &self,
        ask: impl Fn(Arc<Endpoint>) -> Fut,
        enough: impl Fn(&T) -> bool,
    ) -> Result<T, Vec<Result<T, AskFault>>>
    where
        Fut: Future<Output = Result<T, AskFault>>,
    {
        let mut waiting = self.fittest().into_iter();
        let (mut running, mut said) = (FuturesUnordered::new(), Vec::new());
        loop {
            let more = waiting.next().map(|endpoint| running.push(ask(endpoint))).is_some();
            tokio::select! {
                answer = running.next() => match answer {
                    Some(Ok(answer)) if enough(&answer) => return Ok(answer),
                    Some(answer) => said.push(answer),
                    None => return Err(said),
                },
                () = sleep(HEDGE), if more => {}
            }
        }
    }

    /// The first answer that anybody gives.
    ///
    /// # Errors
    /// Nobody answers: the fault of the one that was asked first, of those that are told apart from silence.
    pub(super) async fn first<T, Fut>(&self, ask: impl Fn(Arc<Endpoint>) -> Fut) -> Result<T, AskFault>
    where
        Fut: Future<Output = Result<T, AskFault>>,
    {
        self.until(ask, |_| true).await.map_err(|said| fault_of(said.into_iter().filter_map(Result::err)))
    }

    /// Asks all of `whom` at once. When one has answered, the others have a moment left; whoever is late did not answer.
    pub(super) async fn every<T, Fut>(
        &self,
        whom: &[Arc<Endpoint>],
        ask: impl Fn(Arc<Endpoint>) -> Fut,
    ) -> Vec<(Arc<Endpoint>, Result<T, AskFault>)>
    where
        Fut: Future<Output = Result<T, AskFault>>,
    {
        let name = |endpoint: Arc<Endpoint>| {
            let answer = ask(endpoint.clone());
            async move { (endpoint, answer.await) }
        };
        let mut running: FuturesUnordered<_> = whom.iter().cloned().map(name).collect();
        let (mut said, mut until) = (Vec::with_capacity(whom.len()), None);
        while !running.is_empty() {
            let late = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    // Nobody has answered: the time limits of the requests end this.
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((endpoint, answer)) = running.next() => {
                    if answer.is_ok() && until.is_none() {
                        until = Instant::now().checked_add(LATE);
                    }
                    said.push((endpoint, answer));
                }
                () = late => break,
            }
        }
        drop(running);
        // In the order of the question, so that the same answers give the same conclusion.
        whom.iter()
            .map(|endpoint| {
                let place = said.iter().position(|(who, _)| Arc::ptr_eq(who, endpoint));
                place.map_or_else(|| (endpoint.clone(), Err(endpoint.late())), |place| said.swap_remove(place))
            })
            .collect()
    }
}

/// What to tell of several faults: an answer says more than silence, and otherwise the first counts.
pub(super) fn fault_of(faults: impl IntoIterator<Item = AskFault>) -> AskFault {
    let faults: Vec<AskFault> = faults.into_iter().collect();
    let telling = faults.iter().find(|fault| matches!(fault, AskFault::Answered { .. })).or_else(|| faults.first());
    telling.cloned().unwrap_or_else(|| AskFault::Unreachable("there is no endpoint to ask".to_owned()))
}
