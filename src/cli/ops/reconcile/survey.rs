//! What the journal has and what the endpoints say of a lane, and the verdict. Every endpoint of the chain is asked, and none is
//! believed more than the others.

use std::fmt;

use alloy_primitives::Address;
use futures::future::join_all;

use crate::chain::provider::USUAL_TIMEOUT;
use crate::chain::witness::{Spender, Testimony, Witness};
use crate::config::{ChainSettings, Settings};
use crate::domain::lane::{self, LaneFacts, Stop};
use crate::domain::operation::{LaneKey, OperationRecord, State};
use crate::ports::journal::{LaneRecord, Selection};
use crate::ports::{Journal, JournalFault};

/// For so many nonces at most it is asked what they were spent on.
const MOST_NONCES: u64 = 10;
/// A process that sends meanwhile moves both sides: so often it is looked at again, until the journal stands still.
const LOOKS: u32 = 3;

/// A lane, from both sides.
pub(super) struct Survey {
    /// As the journal has it.
    pub(super) lane: LaneRecord,
    /// Its operations that are not over.
    pub(super) open: Vec<OperationRecord>,
    /// What each endpoint says.
    pub(super) answers: Vec<Answer>,
    /// What follows.
    pub(super) verdict: Verdict,
    /// What endpoints say that the nonces in question were spent on, as far as they can tell.
    pub(super) spenders: Vec<(u64, Spender)>,
}

/// What an endpoint says, or why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its place in `rpc` and its host.
    pub(super) endpoint: String,
    /// In words, if it is a fault.
    pub(super) said: Result<Testimony, String>,
}

/// What follows for the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It can go on; the nonce of its next operation.
    Goes(u64),
    /// It stands still.
    Stands(Stop),
    /// Nobody could be asked.
    Unknown(String),
}

impl Verdict {
    /// A finite, stable word.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Goes(_) => "goes",
            Self::Stands(stop) => stop.label(),
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goes(nonce) => write!(f, "journal and chain agree: the next operation gets nonce {nonce}"),
            Self::Stands(stop) => write!(f, "{stop}"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

impl Survey {
    /// The next nonces, after the newest block and after what waits, where all endpoints that answer say the same.
    pub(super) fn agreed(&self) -> Option<(u64, u64)> {
        let mut said = self.answers.iter().filter_map(|answer| answer.said.as_ref().ok()).map(|said| (said.latest, said.pending));
        let first = said.next()?;
        said.all(|other| other == first).then_some(first)
    }
}

/// Looks at lanes.
pub(super) struct Surveyor<'a> {
    journal: &'a dyn Journal,
    settings: &'a Settings,
}

impl<'a> Surveyor<'a> {
    pub(super) fn new(journal: &'a dyn Journal, settings: &'a Settings) -> Self {
        Self { journal, settings }
    }

    /// Looks at one lane.
    pub(super) async fn survey(&self, lane: &LaneRecord) -> Result<Survey, JournalFault> {
        let Some(chain) = self.settings.chains.values().find(|chain| chain.chain_id == lane.key.chain_id) else {
            let (lane, open) = self.written(&lane.key, lane).await?;
            let why = format!("no chain with the id {} is configured: nobody can be asked", lane.key.chain_id);
            return Ok(Survey { lane, open, answers: Vec::new(), verdict: Verdict::Unknown(why), spenders: Vec::new() });
        };
        let witnesses = Witnesses::of(chain);
        let mut written = self.written(&lane.key, lane).await?;
        let mut answers = Vec::new();
        for _ in 0..LOOKS {
            answers = witnesses.testify(lane.key.signer).await;
            let now = self.written(&lane.key, lane).await?;
            let stood_still = now == written;
            written = now;
            if stood_still {
                break;
            }
        }
        let (lane, open) = written;
        let verdict = judge(&lane, &open, &answers);
        let mut spenders = Vec::new();
        for nonce in in_question(&verdict) {
            spenders.extend(witnesses.spender(lane.key.signer, nonce).await.map(|spender| (nonce, spender)));
        }
        Ok(Survey { lane, open, answers, verdict, spenders })
    }

    async fn written(&self, key: &LaneKey, known: &LaneRecord) -> Result<(LaneRecord, Vec<OperationRecord>), JournalFault> {
        let all_open = Selection { lane: Some(*key), open: true, limit: u32::MAX, ..Selection::default() };
        let (lanes, open) = (self.journal.lanes().await?, self.journal.list(&all_open).await?);
        let lane = lanes.into_iter().find(|lane| lane.key == *key);
        Ok((lane.unwrap_or_else(|| known.clone()), open))
    }
}

/// What follows from what both sides say: as the lane's own writer judges, with the most that any endpoint says.
pub(super) fn judge(lane: &LaneRecord, open: &[OperationRecord], answers: &[Answer]) -> Verdict {
    let said = || answers.iter().filter_map(|answer| answer.said.as_ref().ok().map(|said| (&answer.endpoint, said)));
    let expected = lane.key.chain_id;
    if let Some((endpoint, said)) = said().find(|(_, said)| said.chain_id != expected) {
        let found = said.chain_id;
        let what =
            format!("{endpoint} is on chain {found}; expected chain {expected}: correct `rpc` of this chain in the settings");
        return Verdict::Stands(Stop::WrongChain(what));
    }
    let most = |nonce: fn(&Testimony) -> u64| said().map(|(_, said)| nonce(said)).max();
    let (Some(latest), Some(pending)) = (most(|said| said.latest), most(|said| said.pending)) else {
        return Verdict::Unknown("no endpoint answers".to_owned());
    };
    if let Some(record) = open.iter().find(|record| record.state == State::Quarantined) {
        let (operation, nonce) = (record.id.to_string(), record.nonce.unwrap_or_default());
        return Verdict::Stands(Stop::Quarantined { operation, nonce });
    }
    let open: Vec<u64> = open.iter().filter_map(|record| record.nonce).collect();
    let facts = LaneFacts { journal_next: lane.next_nonce, open: &open, latest, pending };
    lane::next_nonce(&facts).map_or_else(Verdict::Stands, Verdict::Goes)
}

/// The nonces of which an operator wants to know what they were spent on.
fn in_question(verdict: &Verdict) -> std::ops::Range<u64> {
    let (from, to) = match verdict {
        Verdict::Stands(Stop::JournalBehind { journal, chain }) => (*journal, *chain),
        Verdict::Stands(Stop::ForeignPending { first, pending }) => (*first, *pending),
        Verdict::Stands(Stop::Quarantined { nonce, .. }) => (*nonce, nonce.saturating_add(1)),
        _ => (0, 0),
    };
    from..to.min(from.saturating_add(MOST_NONCES))
}

/// The endpoints of a chain.
struct Witnesses(Vec<(String, Result<Witness, String>)>);

impl Witnesses {
    fn of(chain: &ChainSettings) -> Self {
        let witness = |(place, url)| match Witness::new(url, USUAL_TIMEOUT) {
            Ok(witness) => (format!("rpc[{place}] {}", witness.host()), Ok(witness)),
            Err(fault) => (format!("rpc[{place}]"), Err(fault.to_string())),
        };
        Self(chain.rpc.iter().enumerate().map(witness).collect())
    }

    async fn testify(&self, account: Address) -> Vec<Answer> {
        let ask = |(endpoint, witness): &(String, Result<Witness, String>)| {
            let (endpoint, witness) = (endpoint.clone(), witness.clone());
            async move {
                let said = match witness {
                    Ok(witness) => witness.testify(account).await.map_err(|fault| fault.to_string()),
                    Err(fault) => Err(fault),
                };
                Answer { endpoint, said }
            }
        };
        join_all(self.0.iter().map(ask)).await
    }

    /// What the first endpoint that can tell says.
    async fn spender(&self, account: Address, nonce: u64) -> Option<Spender> {
        for witness in self.0.iter().filter_map(|(_, witness)| witness.as_ref().ok()) {
            if let Some(spender) = witness.spender(account, nonce).await {
                return Some(spender);
            }
        }
        None
    }
}

/// Asks everybody whether the nonce of an operation was spent, and not on one of its own transactions. Gives the reason against it, in
/// words.
pub(super) async fn spent_on_something_else(settings: &Settings, record: &OperationRecord) -> Result<(), String> {
    let (id, nonce, key) = (record.id, record.nonce.unwrap_or_default(), record.lane);
    let chain = settings.chains.values().find(|chain| chain.chain_id == key.chain_id);
    let chain = chain.ok_or_else(|| format!("no chain with the id {} is configured: nobody can be asked", key.chain_id))?;
    let witnesses = Witnesses::of(chain);
    let answers = witnesses.testify(key.signer).await;
    let spent = |answer: &Answer| answer.said.as_ref().is_ok_and(|said| said.chain_id == key.chain_id && said.latest > nonce);
    if !answers.iter().any(spent) {
        return Err(format!(
            "no endpoint says that nonce {nonce} of operation {id} is spent: its transactions may still be included"
        ));
    }
    for ((endpoint, witness), _) in witnesses.0.iter().zip(&answers).filter(|(_, answer)| spent(answer)) {
        let Ok(witness) = witness else { continue };
        for attempt in &record.attempts {
            let hash = attempt.hash;
            match witness.block_of(hash).await {
                Ok(None) => {}
                Ok(Some(block)) => {
                    return Err(format!(
                        "{endpoint} has the transaction {hash} of operation {id} in block {block}: it was ours after all; a running \
                         process takes it up"
                    ));
                }
                Err(fault) => return Err(format!("{endpoint} does not say whether {hash} is in a block: {fault}")),
            }
        }
    }
    Ok(())
}
