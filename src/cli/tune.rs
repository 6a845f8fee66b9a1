//! `ballast tune`: searches for better numbers of a policy, in windows of history and in episodes that chance has made, and says what they
//! are worth where they were not chosen.

mod space;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::backtest::Span;
use crate::backtest::trial::bootstrap::Interval;
use crate::backtest::trial::episodes::Episode;
use crate::backtest::trial::search::book::Book;
use crate::backtest::trial::search::{Arena, EPISODES_A_YEAR, Kind, Outcome, Verdict, arenas, fight, judge};
use crate::backtest::trial::{Archive, Contender, Law, Setup, World};
use crate::chain::managed_pool::NEEDS;
use crate::config::{self, EXIT_CODE};
use crate::domain::units::Timestamp;
use space::{Candidate, Space};

/// What to search, and where.
#[derive(Args, Debug)]
pub struct TuneArgs {
    /// The folder with market data; `ballast replay-prices --help` has its columns. Without it only made-up episodes are searched.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The policy that is to be better: a built-in name, or a file.
    #[arg(long, value_name = "NAME|FILE", default_value = "guarded")]
    policy: String,
    /// The values that are tried: a file with lines such as `"breakers.fall" = ["1%", "2%"]`.
    #[arg(long, value_name = "FILE")]
    space: PathBuf,
    /// How many candidates are drawn beside the policy itself.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tries: u32,
    /// Windows that history is cut into; each is judged by what was best before it.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=100))]
    windows: u32,
    /// Days that are left out at the end of the window before the one that is judged.
    #[arg(long, value_name = "DAYS", default_value_t = 3)]
    purge: u64,
    /// Episodes to learn from, and as many that are kept apart.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    episodes: u64,
    /// What chance begins with: the same seed makes the same search.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The folder of the search: its outcomes, `runs.jsonl`, from which a search that was stopped goes on; its verdict, `verdict.json`;
    /// and the best policy file, `best.toml`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// Searches, and prints the verdict. 0 when there is one, 1 when the data is at fault, 78 when the policy is.
#[must_use]
pub fn run(args: &TuneArgs) -> ExitCode {
    match told(args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("ballast tune: {fault}");
            if fault.is::<config::Faults>() { ExitCode::from(EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}

fn told(args: &TuneArgs) -> Result<String, Box<dyn Error>> {
    let base = base(&args.policy)?;
    config::policy_of(&base, &args.policy)?;
    let base: toml_edit::DocumentMut = base.parse()?;
    let place = args.space.display().to_string();
    let text = fs::read_to_string(&args.space).map_err(|fault| format!("--space: {place}: {fault}"))?;
    let space = Space::read(&text, &place, &base)?;
    let (candidates, refused) = space.candidates(&base, usize::try_from(args.tries)?, args.seed);
    let (rule, votes) = config::peg_defaults()?;
    let search = Search {
        setup: Setup::example(NEEDS)?,
        law: Law { rule, votes, operator: Some(Duration::from_hours(24)) },
        archive: args.data.as_deref().map(Archive::load).transpose()?,
        contenders: candidates.iter().map(Candidate::contender).collect::<Result<_, _>>()?,
    };
    let arenas = search.arenas(args)?;
    fs::create_dir_all(&args.out).map_err(|fault| format!("--out: {}: {fault}", args.out.display()))?;
    let identity = json!({
        "policy": args.policy, "space": text, "tries": args.tries, "windows": args.windows, "purge": args.purge, "seed": args.seed,
        "episodes": args.episodes, "data": args.data, "base": base.to_string(), "version": env!("CARGO_PKG_VERSION"),
    });
    let mut book = Book::open(&args.out.join("runs.jsonl"), &identity.to_string())?;
    let outcomes = search.all(&arenas, &mut book, !args.json)?;
    let verdict = judge(&arenas, &outcomes, args.seed).ok_or("there is nothing to judge")?;
    let best = candidates.get(verdict.best).ok_or("there is no best candidate")?;
    fs::write(args.out.join("best.toml"), &best.text).map_err(|fault| format!("--out: {}: {fault}", args.out.display()))?;
    let all = json!({
        "verdict": verdict, "refused": refused, "episodes_a_year": EPISODES_A_YEAR,
        "candidates": candidates.iter().map(|one| &one.name).collect::<Vec<_>>(),
    });
    let all = serde_json::to_string_pretty(&all)? + "\n";
    fs::write(args.out.join("verdict.json"), &all).map_err(|fault| format!("--out: {}: {fault}", args.out.display()))?;
    Ok(if args.json { all } else { table::table(&verdict, &candidates, refused, &args.out) })
}

/// The file of a policy.
fn base(policy: &str) -> Result<String, String> {
    match config::built_in_text(policy) {
        Some(text) => Ok(text.to_owned()),
        None => fs::read_to_string(policy)
            .map_err(|fault| format!("--policy: found `{policy}`; expected guarded, article or a policy file: {fault}")),
    }
}

/// What a search goes through.
struct Search {
    setup: Setup,
    law: Law,
    archive: Option<Archive>,
    contenders: Vec<Contender>,
}

impl Search {
    fn arenas(&self, args: &TuneArgs) -> Result<Vec<Arena>, Box<dyn Error>> {
        let nothing = Span { from: Timestamp::default(), until: Timestamp::default(), step: Duration::from_mins(1) };
        let (span, windows) = match &self.archive {
            None => (nothing, 0),
            Some(archive) => {
                let span = archive.span(&self.setup.mandate.assets);
                (span.ok_or("the data has no time at which all assets of the pool have a price")?, args.windows)
            }
        };
        let purge = Duration::from_hours(args.purge.saturating_mul(24));
        let shortest = (span.until.since(span.from) / windows.max(1)).saturating_sub(purge);
        if windows > 0 && shortest < Duration::from_hours(48) {
            return Err(format!(
                "--windows: found {windows} of the data's days less --purge, expected two days at least for each"
            )
            .into());
        }
        Ok(arenas(span, windows, purge, args.episodes, args.seed))
    }

    /// What became of every candidate in every arena, from the book where it is known.
    fn all(&self, arenas: &[Arena], book: &mut Book, shown: bool) -> Result<Vec<Vec<Outcome>>, Box<dyn Error>> {
        let bar = if shown { ProgressBar::new(u64::try_from(arenas.len())?) } else { ProgressBar::hidden() };
        let bar = bar.with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} arenas  {elapsed}, {eta} to go  {msg}")?);
        let mut all = Vec::new();
        for arena in arenas {
            bar.set_message(arena.name.clone());
            if book.of(&arena.name).is_none_or(|known| known.len() != self.contenders.len()) {
                book.note(&arena.name, fight(&self.world(arena)?, &self.setup, &self.contenders)?)?;
            }
            all.push(book.of(&arena.name).cloned().unwrap_or_default());
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(all)
    }

    fn world(&self, arena: &Arena) -> Result<World, Box<dyn Error>> {
        let (mandate, law) = (&self.setup.mandate, self.law);
        match (arena.kind, &self.archive) {
            (Kind::Window { span, .. }, Some(archive)) => Ok(World::of_history(archive, span, mandate, law)?),
            (Kind::Window { .. }, None) => Err("there is no history".into()),
            (Kind::Episode { seed, .. }, _) => {
                let episode = Episode::draw(mandate, seed).ok_or("the pool has no assets")?;
                Ok(episode.told(|story| World::of_story(story, mandate, law, seed)))
            }
        }
    }
}

/// Where the best policy file lies.
fn best_in(out: &Path) -> PathBuf {
    out.join("best.toml")
}

/// What is less than this, in basis points, pays for no change of a file that works.
const WORTH: f64 = 0.1;

/// What people read first.
fn headline(verdict: &Verdict) -> &'static str {
    let better = |found: Option<Interval>| found.is_some_and(|found| found.low > WORTH);
    match (verdict.best == 0, better(verdict.walk_forward_bp), better(verdict.apart_bp)) {
        (true, ..) => "Nothing that was tried is better than the policy as it is.",
        (_, true, true) => "The best candidate is better where it was not chosen, in history and in episodes: nineteen to one.",
        (_, false, true) => {
            "The best candidate is better in episodes that it was not chosen by. History shows no difference that chance could not make."
        }
        (_, true, false) => {
            "Choosing would have paid in history. In episodes that it was not chosen by, the best candidate is no better than chance."
        }
        (_, false, false) => {
            "The best candidate shows nothing where it was not chosen that chance could not make: keep the policy as it is."
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: TuneArgs,
    }

    fn answer(words: &[&str]) -> Result<String, String> {
        told(&Cli::try_parse_from([&["tune"], words].concat()).unwrap().args).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_search_that_was_stopped_goes_on_and_ends_as_one_that_was_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let space = folder.path().join("space.toml");
        fs::write(&space, "\"breakers.fall\" = [\"1%\", \"3%\"]\n\"depeg.reopen.settled\" = [\"30m\", \"24h\"]\n").unwrap();
        let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
        let search = |out: &Path, seed: &str| {
            let (space, out) = (space.to_str().unwrap(), out.to_str().unwrap());
            answer(&["--space", space, "--tries", "3", "--episodes", "2", "--seed", seed, "--out", out, "--json"])
        };
        let verdict = search(&whole, "1").unwrap();
        let told: serde_json::Value = serde_json::from_str(&verdict).unwrap();
        assert_eq!(told["verdict"]["tried"], 4);
        assert_eq!(told["candidates"][0], "base");
        assert!(config::policy_in(&whole.join("best.toml")).is_ok());
        // The book of the other has the first two lines, and half of a third.
        let lines = fs::read_to_string(whole.join("runs.jsonl")).unwrap();
        let ends: Vec<usize> = lines.match_indices('\n').map(|(at, _)| at).collect();
        fs::create_dir(&stopped).unwrap();
        fs::write(stopped.join("runs.jsonl"), &lines[..ends[1] + 40]).unwrap();
        assert_eq!(search(&stopped, "1").unwrap(), verdict);
        let known = |path: &Path| fs::read_to_string(path).unwrap().lines().filter(|line| line.ends_with('}')).count();
        assert_eq!(known(&stopped.join("runs.jsonl")), known(&whole.join("runs.jsonl")), "nothing was counted twice");
        let fault = search(&whole, "2").unwrap_err();
        assert!(fault.contains("the outcomes of another search"), "{fault}");
    }

    #[test]
    fn what_cannot_be_searched_is_said() {
        let fault = answer(&["--space", "none.toml", "--out", "x"]).unwrap_err();
        assert!(fault.contains("--space: none.toml"), "{fault}");
        let fault = answer(&["--policy", "guardd", "--space", "none.toml", "--out", "x"]).unwrap_err();
        assert!(fault.contains("--policy: found `guardd`; expected guarded, article or a policy file"), "{fault}");
    }
}
