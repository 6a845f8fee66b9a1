//! The command line.

use clap::{Args, Parser, ValueEnum};

use crate::plan::{self, Plan};

/// Kills the real program at every named point and counts what the chain saw.
#[derive(Clone, Debug, Parser)]
#[command(name = "crash-matrix")]
pub(crate) struct Options {
    /// How many runs on each journal: first one for each point, then pairs of points [default: 60, and 8 without write-ahead]
    #[arg(long)]
    runs: Option<usize>,
    /// Which journal
    #[arg(long, value_enum, default_value_t = Journal::Sqlite)]
    pub(crate) journal: Journal,
    /// The same seed gives the same kills and the same faults
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many lanes run beside each other
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) lanes: u32,
    /// Hand transactions over before they are written down: succeeds only if that doubles
    #[arg(long)]
    pub(crate) no_write_ahead: bool,
    /// Kill at this point only; several, one for each life, with commas between
    #[arg(long, value_name = "POINT", value_delimiter = ',', value_parser = point)]
    only: Vec<&'static str>,
    /// No kills and no faults: the harness itself is tried
    #[arg(long, conflicts_with_all = ["only", "no_write_ahead"])]
    calm: bool,
    /// Tell everything of every run, not only of those that fail
    #[arg(long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    cargo: CargoTest,
}

/// What `cargo test` hands to every test binary.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are what libtest takes")]
struct CargoTest {
    #[arg(hide = true)]
    filters: Vec<String>,
    #[arg(long, hide = true)]
    list: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(short, long, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, hide = true)]
    skip: Vec<String>,
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true)]
    color: Option<String>,
}

/// Which journals are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Journal {
    /// A file for each run.
    Sqlite,
    /// A database for each run, in a private cluster.
    Postgres,
    /// One after the other.
    Both,
}

impl Journal {
    /// The journals, one by one.
    pub(crate) const fn kinds(self) -> &'static [Self] {
        match self {
            Self::Sqlite => &[Self::Sqlite],
            Self::Postgres => &[Self::Postgres],
            Self::Both => &[Self::Sqlite, Self::Postgres],
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Both => "both",
        }
    }
}

impl Options {
    /// Whether `cargo test` was asked for something else.
    pub(crate) fn is_not_meant(&self) -> bool {
        let CargoTest { filters, list, ignored, .. } = &self.cargo;
        let named = filters.is_empty() || filters.iter().any(|filter| "crash_matrix".contains(filter.as_str()));
        *list || *ignored || !named
    }

    /// What each run is to go through.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let runs = self.runs.unwrap_or(if self.no_write_ahead { 8 } else { 60 });
        if self.calm {
            plan::calm(runs)
        } else if self.no_write_ahead {
            plan::unguarded(runs)
        } else if self.only.is_empty() {
            plan::matrix(runs, self.seed)
        } else {
            plan::only(&self.only, runs, self.seed)
        }
    }
}

fn point(name: &str) -> Result<&'static str, String> {
    let found = ballast::crash::POINTS.into_iter().find(|point| *point == name);
    found.ok_or_else(|| format!("the points are {}", ballast::crash::POINTS.join(", ")))
}
