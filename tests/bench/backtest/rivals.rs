//! Python on the same prices. It takes an interpreter that has the packages.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use ballast::backtest::trial::World;

/// Ticks a second of each rival.
pub(crate) fn measured(python: &str, world: &World) -> Vec<(String, f64)> {
    let mut prices = tempfile::NamedTempFile::new().unwrap();
    let names: Vec<String> = world.market.assets.iter().map(ToString::to_string).collect();
    writeln!(prices, "{}", names.join(",")).unwrap();
    for tick in 0..world.ticks() {
        let row: Vec<String> = world.market.prices.iter().map(|of| of[tick].as_f64().to_string()).collect();
        writeln!(prices, "{}", row.join(",")).unwrap();
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/backtest/rivals.py");
    let output = Command::new(python).arg(program).arg(prices.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("rivals: {}", told["versions"]);
    let rate = |name: &str| {
        let (ticks, seconds) = (told[name]["ticks"].as_f64().unwrap(), told[name]["seconds"].as_f64().unwrap());
        (name.to_owned(), ticks / seconds)
    };
    vec![rate("python"), rate("vectorbt")]
}
