//! The `ballast` program. Everything is in the library; see its first page for the map.

use std::process::ExitCode;

fn main() -> ExitCode {
    ballast::cli::main()
}
