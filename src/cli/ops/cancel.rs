//! `ballast ops cancel`: notes that an operator wants an operation back. Only the writer of its lane can do it, at its next block: two
//! who sign for one nonce would not know of each other's transactions.

use std::time::Duration;

use clap::Args;

use super::names::Names;
use super::words::plain;
use super::{ByArg, ConfigArg, OpsFault, Told, say, who};
use crate::cli::asked_to_stop;
use crate::clock::WallClock;
use crate::config::Environment;
use crate::domain::operation::{OperationId, OperationRecord, State};
use crate::ports::{Clock, Journal, JournalFault};

/// How often the journal is asked whether it is over.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Which operation.
#[derive(Args, Debug)]
pub struct CancelArgs {
    /// The first digits of its id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    by: ByArg,
    /// Wait until the operation is over, and say how it ended.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(args: &CancelArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = super::open(&args.config, environment).await?;
    let by = who(&args.by, environment)?;
    let record = super::find(journal.as_ref(), &args.id).await?;
    let prospect = prospect(&record).map_err(OpsFault::Refused)?;
    let at = WallClock::read().now();
    journal.request_cancel(&record.id, &by, at).await.map_err(|fault| match fault {
        // It has ended since it was looked at.
        JournalFault::Conflict(what) => OpsFault::Refused(what),
        other => OpsFault::Journal(other),
    })?;
    let lane = Names::of(&settings).name(&record.lane);
    let told = format!(
        "Noted at {at} for {by}: operation {} of {} on {lane} is wanted back.\nIt is {}. {prospect}\n",
        record.id, record.new.pool, record.state
    );
    if !args.wait {
        return Ok(Told::done(told));
    }
    say(&told);
    tokio::select! {
        ended = over(journal.as_ref(), &record.id) => ended,
        () = asked_to_stop() => Err(OpsFault::Refused(format!("not waited for to the end; {} is wanted back all the same", record.id))),
    }
}

/// What will become of the wish, or why it cannot be granted.
pub(super) fn prospect(record: &OperationRecord) -> Result<String, String> {
    let id = record.id;
    match record.state {
        State::Queued | State::Reserved => {
            Ok("Nothing of it is signed. If its process launches it nevertheless, which takes moments, \
             it takes it back at the next block; a process that starts anew closes it."
                .to_owned())
        }
        State::Prepared | State::InFlight => {
            Ok("A running process acts at its next block: it sends a transfer of nothing to itself \
             with the same nonce, at up to the chain's cancel cap. Whichever of the two is included decides."
                .to_owned())
        }
        State::Cancelling => Ok("It is being taken back already. Whichever of its transactions is included decides.".to_owned()),
        State::Included => {
            let block = record.landing.map(|landing| format!(" {}", landing.block.number)).unwrap_or_default();
            Err(format!("operation {id} is in block{block} already: it cannot be taken back"))
        }
        State::Quarantined => Err(format!(
            "operation {id} is quarantined, its nonce is spent: there is nothing to take back; see `ballast ops reconcile`"
        )),
        State::FinalOk
        | State::FinalReverted
        | State::FinalCancelled
        | State::Expired
        | State::Superseded
        | State::Rejected
        | State::Abandoned => Err(format!("operation {id} is over: {}; it cannot be cancelled", record.state)),
    }
}

/// Waits until nothing more can happen to it without an operator.
async fn over(journal: &dyn Journal, id: &OperationId) -> Result<Told, OpsFault> {
    let mut ticks = tokio::time::interval(LOOK_AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let record = match journal.find(&id.0.to_string()).await {
            Ok(record) => record,
            // Its writer may hold it for a moment.
            Err(JournalFault::Failed(_)) => continue,
            Err(fault) => return Err(fault.into()),
        };
        if let Some(ended) = ending(&record) {
            return Ok(ended);
        }
    }
}

/// How it ended: done when it has not been carried out.
pub(super) fn ending(record: &OperationRecord) -> Option<Told> {
    let what = match record.state {
        State::FinalCancelled => "its cancellation was included and is final",
        State::FinalOk => "it was carried out before it could be taken back",
        State::FinalReverted => "it was included and reverted: nothing has changed but the gas that it cost",
        State::Expired | State::Superseded | State::Rejected => "it was closed, and nothing of it was sent",
        State::Abandoned => "an operator has closed it",
        State::Quarantined => "it is quarantined: see `ballast ops reconcile`",
        _ => return None,
    };
    let reason = record.reason.as_ref().map(|reason| format!(" ({})", plain(reason))).unwrap_or_default();
    let done = !matches!(record.state, State::FinalOk | State::Quarantined);
    Some(Told { text: format!("Operation {} is {}: {what}{reason}.\n", record.id, record.state), done })
}
