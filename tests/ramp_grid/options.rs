//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser};

/// Measures on the real contracts what a change of weights loses, and fails when the model is further off than 7 %.
#[derive(Clone, Debug, Parser)]
#[command(name = "ramp-grid")]
pub(crate) struct Options {
    /// Only ramps of up to ten minutes
    #[arg(long)]
    quick: bool,
    /// Restless markets for each of the cells that are tried in one; they are told, not judged
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(..=100))]
    seeds: u64,
    /// Tell the model that blocks come a tenth slower than they do: it has to be wrong, and the exit code 1
    #[arg(long)]
    pub(crate) spoil: bool,
    /// Draw the table as SVG
    #[arg(long, value_name = "PATH")]
    pub(crate) picture: Option<PathBuf>,
    /// Everything. Under `cargo test`, which does not say so, only what takes seconds is measured
    #[arg(long, hide = true)]
    whole: bool,

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

impl Options {
    pub(crate) const fn is_quick(&self) -> bool {
        self.quick || !self.whole
    }

    pub(crate) const fn seeds(&self) -> u64 {
        if self.whole { self.seeds } else { 0 }
    }

    /// Whether `cargo test` was asked for something else.
    pub(crate) fn is_not_meant(&self) -> bool {
        let CargoTest { filters, list, ignored, .. } = &self.cargo;
        let named = filters.is_empty() || filters.iter().any(|filter| "ramp_grid".contains(filter.as_str()));
        *list || *ignored || !named
    }
}
