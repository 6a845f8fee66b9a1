//! What an exchange may say, message by message, one a line; an empty line is the answer to a ping.
#![no_main]

use std::time::Duration;

use ballast::domain::units::Timestamp;
use ballast::sources::venue::{Heard, Protocol};
use ballast::sources::{binance::Binance, coinbase::Coinbase, kraken::Kraken};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let protocols: [Box<dyn Protocol>; 3] =
        [Box::new(Kraken::new("USDC/USD")), Box::new(Coinbase::new("USDC-USD")), Box::new(Binance::new("USDCUSDT"))];
    for mut protocol in protocols {
        let mut now = Timestamp::from_secs(1_700_000_000);
        // A price that cannot be believed takes the last one with it.
        let mut stands = false;
        for line in text.lines() {
            now = now.plus(Duration::from_secs(1));
            match if line.is_empty() { protocol.pong(now) } else { protocol.hear(line, now) } {
                Heard::Top(top) => {
                    assert!(top.bid.wad() > 0 && top.ask.wad() > 0);
                    stands = true;
                }
                Heard::Still(top) => {
                    assert!(stands, "a book that nobody has told, or that was followed by garbage");
                    assert!(top.bid.wad() > 0 && top.ask.wad() > 0);
                }
                Heard::Bad(fault) => {
                    assert!(!fault.label().is_empty() && fault.to_string().len() < 200);
                    stands = false;
                }
                Heard::End(_) => break,
                Heard::Nothing | Heard::Alive => {}
            }
        }
    }
});
