//! `ballast ops reconcile`: what the journal has of a lane against what the chain says of its account, and what to do where they
//! disagree. It changes nothing unless an operator gives his word with `--accept` or `--abandon`, and takes the word only where the
//! facts call for it. A lane that stands still reads the journal again every second, so no restart is needed.

mod report;
mod survey;

#[cfg(test)]
mod tests;

use clap::Args;

use self::survey::{Survey, Surveyor, Verdict};
use super::names::Names;
use super::view::{self, OperationView};
use super::{ByArg, ConfigArg, OpsFault, Told, who};
use crate::clock::WallClock;
use crate::config::{Environment, Settings};
use crate::domain::lane::Stop;
use crate::domain::operation::{OperationRecord, State};
use crate::ports::journal::LaneRecord;
use crate::ports::{Clock, Journal};

/// What to hold against what.
#[derive(Args, Debug)]
pub struct ReconcileArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Only this lane: `keeper@CHAIN`, `guardian@CHAIN` or `ADDRESS@CHAIN`.
    #[arg(long, value_name = "LANE")]
    lane: Option<String>,
    /// Account for the nonces that the chain has spent, or holds a transaction for, and the journal knows nothing of.
    #[arg(long, conflicts_with = "abandon")]
    accept: bool,
    /// Close this quarantined operation: its nonce was spent on something else.
    #[arg(long, value_name = "ID", conflicts_with = "lane")]
    abandon: Option<String>,
    #[command(flatten)]
    by: ByArg,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &ReconcileArgs, environment: &Environment) -> Result<Told, OpsFault> {
    let (settings, journal) = super::open(&args.config, environment).await?;
    let journal = journal.as_ref();
    let names = Names::of(&settings);
    if let Some(id) = &args.abandon {
        let by = who(&args.by, environment)?;
        let record = super::find(journal, id).await?;
        return abandon(journal, &settings, &names, &record, &by, args.json).await;
    }
    let all = journal.lanes().await?;
    let lanes: Vec<LaneRecord> = match &args.lane {
        Some(text) => vec![names.find(text, &all)?.clone()],
        None => all,
    };
    let surveyor = Surveyor::new(journal, &settings);
    let mut surveys = Vec::new();
    for lane in &lanes {
        surveys.push(surveyor.survey(lane).await?);
    }
    let mut accepted = None;
    if args.accept {
        let by = who(&args.by, environment)?;
        let place = acceptable(&surveys, &names)?;
        if let Some(survey) = surveys.get_mut(place) {
            accepted = Some(accept(journal, survey, &names, &by).await?);
            *survey = surveyor.survey(&survey.lane.clone()).await?;
        }
    }
    // A lane that nobody could be asked about is not reconciled.
    let done = surveys.iter().all(|survey| !matches!(survey.verdict, Verdict::Unknown(_)));
    let text = if args.json {
        report::json(&surveys, &names, &settings, accepted.as_ref())?
    } else {
        let said = accepted.as_ref().map(|accepted| format!("{accepted}\n\n")).unwrap_or_default();
        format!("{said}{}", report::text(&surveys, &names))
    };
    Ok(Told { text, done })
}

/// The one lane whose nonces can be accepted.
fn acceptable(surveys: &[Survey], names: &Names) -> Result<usize, OpsFault> {
    let calls =
        |survey: &Survey| matches!(survey.verdict, Verdict::Stands(Stop::JournalBehind { .. } | Stop::ForeignPending { .. }));
    let name = |survey: &Survey| names.name(&survey.lane.key);
    let calling: Vec<usize> = surveys.iter().enumerate().filter(|(_, survey)| calls(survey)).map(|(place, _)| place).collect();
    match calling.as_slice() {
        [only] => Ok(*only),
        [] => {
            let verdicts: Vec<String> =
                surveys.iter().map(|survey| format!("\n  {}: {}", name(survey), survey.verdict)).collect();
            let verdicts = if verdicts.is_empty() { " it has no lane".to_owned() } else { verdicts.concat() };
            Err(OpsFault::Refused(format!("the journal lacks no nonce that could be accepted:{verdicts}")))
        }
        several => {
            let lanes: Vec<String> =
                several.iter().filter_map(|place| surveys.get(*place)).map(|one| name(one).to_string()).collect();
            Err(OpsFault::Refused(format!("several lanes lack nonces: name one with --lane: {}", lanes.join(", "))))
        }
    }
}

/// What was accepted.
#[derive(Debug, serde::Serialize)]
struct Accepted {
    lane: String,
    next_nonce: u64,
    before: Option<u64>,
    by: String,
    at: String,
}

impl std::fmt::Display for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lane, next_nonce, before, by, at } = self;
        let before = before.map_or_else(|| "none".to_owned(), |before| before.to_string());
        write!(f, "Accepted at {at} by {by}: all nonces of {lane} below {next_nonce} are accounted for (before: {before}).")
    }
}

/// Accounts for the chain's nonces. What is accepted cannot be taken back, so one endpoint that is ahead of the others is not believed.
async fn accept(journal: &dyn Journal, survey: &Survey, names: &Names, by: &str) -> Result<Accepted, OpsFault> {
    let Some((latest, pending)) = survey.agreed() else {
        return Err(OpsFault::Refused(
            "the endpoints do not agree on what the account has done, and what is accepted cannot be taken back: try again when they \
             do, or take the one that is wrong out of `rpc`"
                .to_owned(),
        ));
    };
    let (lane, at) = (&survey.lane, WallClock::read().now());
    let next_nonce = pending.max(latest);
    journal.accept_nonces(&lane.key, next_nonce, by, at).await?;
    Ok(Accepted {
        lane: names.name(&lane.key).to_string(),
        next_nonce,
        before: lane.next_nonce,
        by: by.to_owned(),
        at: at.to_string(),
    })
}

/// Closes a quarantined operation. From then on its evidence may call for another one, so it is refused while anybody says that one
/// of its transactions is in a block, and while its nonce is free: they could still be included.
async fn abandon(
    journal: &dyn Journal,
    settings: &Settings,
    names: &Names,
    record: &OperationRecord,
    by: &str,
    json: bool,
) -> Result<Told, OpsFault> {
    let (id, nonce) = (record.id, record.nonce.unwrap_or_default());
    if record.state != State::Quarantined {
        return Err(OpsFault::Refused(format!("operation {id} is {}: only a quarantined one can be abandoned", record.state)));
    }
    survey::spent_on_something_else(settings, record).await.map_err(OpsFault::Refused)?;
    let at = WallClock::read().now();
    let record = journal.abandon(&record.id, by, at).await?;
    let text = if json {
        view::json(&OperationView::of(&record, names, settings))?
    } else {
        let lane = names.name(&record.lane);
        format!("Abandoned at {at} by {by}: operation {id} of {}. Nonce {nonce} of {lane} stays spent.\n", record.new.pool)
    };
    Ok(Told::done(text))
}
