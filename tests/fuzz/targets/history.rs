//! The files of a back-test. The first byte chooses the file's name.
#![no_main]

use std::fs;

use ballast::backtest::{BARS, History};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = [
    "kraken_usdcusd_1m_x.csv",
    "binance_usdcusdt_1m_x.csv",
    "chainlink_implied_hourly_x.csv",
    "uniswap_v3_hourly_x.csv",
    "cmc_usd_hourly_x.csv",
];

fuzz_target!(|data: &[u8]| {
    let Some((which, rows)) = data.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NAMES[usize::from(*which) % NAMES.len()]), rows).unwrap();
    match History::load(folder.path(), &BARS) {
        Ok(history) => assert!(history.span.from <= history.span.until && !history.series.is_empty()),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
