//! What goes in comes out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use proptest::prelude::*;

use super::read::parse;
use super::*;
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Timestamp};
use crate::ports::Recorder;

fn source(number: usize) -> Arc<Source> {
    let unit = if number.is_multiple_of(2) { Unit::Usd } else { Unit::Asset(AssetId::new("USDT")) };
    let (id, asset) = (SourceId::new(&format!("source {number}")), AssetId::new("USDC"));
    let (group, good_for) = (Group::ALL[number % 6], Duration::from_millis(15_001));
    Arc::new(Source { id, asset, unit, group, advisory: number == 3, good_for })
}

fn written(name: &str, readings: &[Reading]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join(name);
    let recording = Recording::begin(&path).unwrap();
    for reading in readings {
        recording.record(reading);
    }
    assert_eq!(recording.end().unwrap(), readings.len() as u64);
    (dir, path)
}

fn readings() -> impl Strategy<Value = Vec<Reading>> {
    let quote = (1u128..10u128.pow(19), 0u128..10u128.pow(16), any::<u32>()).prop_map(|(wad, width, at)| {
        let price = |wad| Price::from_wad(wad).unwrap();
        let (low, high) = (price(wad.saturating_sub(width).max(1)), price(wad + width));
        Ok(Quote { price: price(wad), low, high, updated_at: Timestamp::from_millis(u64::from(at)) })
    });
    let fault = prop_oneof![
        Just(Err(ReadingFault::ChainSilent)),
        Just(Err(ReadingFault::Gap)),
        ".*".prop_map(|words| Err(ReadingFault::Disconnected(words))),
    ];
    let reading = (0usize..5, prop_oneof![3 => quote.boxed(), 1 => fault.boxed()], any::<u32>(), any::<Option<[u8; 32]>>());
    let reading = reading.prop_map(|(number, quote, at, block)| Reading {
        source: source(number),
        quote,
        as_of: Timestamp::from_millis(u64::from(at)),
        block: block.map(B256::from),
    });
    proptest::collection::vec(reading, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_reading_comes_back_as_it_was(readings in readings(), compressed: bool) {
        let (_dir, path) = written(if compressed { "r.jsonl.gz" } else { "r.jsonl" }, &readings);
        let back = read(&path).unwrap();
        // The words of a fault are told as a whole sentence; what the decision tells apart is the same.
        prop_assert_eq!(back.len(), readings.len());
        for (back, was) in back.iter().zip(&readings) {
            match (&back.quote, &was.quote) {
                (Err(ReadingFault::Disconnected(told)), Err(fault @ ReadingFault::Disconnected(_))) => {
                    prop_assert_eq!(told, &fault.to_string());
                }
                (back, was) => prop_assert_eq!(back, was),
            }
            prop_assert_eq!((&back.source, back.as_of, back.block), (&was.source, was.as_of, was.block));
        }
    }

    #[test]
    fn no_text_is_a_crash(text in ".*") {
        let whole = format!("{{\"ballast_recording\":1}}\n{text}\n");
        let _ = parse(whole.as_bytes(), Path::new("test"));
    }
}

fn sample() -> Vec<Reading> {
    let quote = Quote::exact(Price::parse("0.9987").unwrap(), Timestamp::from_secs(1_678_400_000));
    let reading = |quote| Reading { source: source(0), quote, as_of: Timestamp::from_secs(1_678_400_001), block: None };
    vec![reading(Ok(quote)), reading(Err(ReadingFault::Unauthorised)), reading(Ok(quote))]
}

#[test]
fn silence_comes_back_as_silence() {
    let (_dir, path) = written("r.jsonl", &sample());
    assert!(read(&path).unwrap()[1].quote.as_ref().unwrap_err().is_silence());
}

#[test]
fn a_recording_that_was_cut_off_is_read_up_to_there() {
    // The end of a compressed file is a checksum: nothing is lost with it.
    for (name, whole) in [("r.jsonl", 2), ("r.jsonl.gz", 3)] {
        let (_dir, path) = written(name, &sample());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.len(), whole, "{name}");
        assert!(back.iter().zip(sample()).all(|(back, was)| back.as_of == was.as_of), "{name}");
    }
}

#[test]
fn a_recording_is_never_written_over_and_faults_name_file_and_line() {
    let (_dir, path) = written("r.jsonl", &sample());
    let fault = Recording::begin(&path).unwrap_err().to_string();
    assert!(fault.contains("r.jsonl: it exists already"), "{fault}");
    let told = |text: &str| parse(text.as_bytes(), Path::new("r.jsonl")).unwrap_err().to_string();
    for (text, piece) in [
        ("hello\n", "r.jsonl:1: "),
        ("{\"ballast_recording\":2}\n", "version 2; expected version 1"),
        ("{\"ballast_recording\":1}\n{\"r\":0,\"t\":1,\"p\":\"1\",\"u\":1}\n", "r.jsonl:2: a reading of source 0"),
        (
            "{\"ballast_recording\":1}\n{\"s\":0,\"id\":\"a\",\"asset\":\"b\",\"group\":\"pyth\",\"good_for_ms\":1}\n{\"r\":0,\"t\":1,\"p\":\"-1\",\"u\":1}\n",
            "r.jsonl:3: a price of `-1`",
        ),
        (
            "{\"ballast_recording\":1}\n{\"s\":0,\"id\":\"a\",\"asset\":\"b\",\"group\":\"gossip\",\"good_for_ms\":1}\n",
            "r.jsonl:2: `gossip` is no group of sources",
        ),
    ] {
        assert!(told(text).contains(piece), "{piece} in: {}", told(text));
    }
}
