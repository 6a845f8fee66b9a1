//! What a venue quotes, without connections and with a clock that is set by hand.

use std::sync::Mutex;

use super::super::tape::Prices;
use super::*;

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn machine(&self, policy: Duration) -> Duration {
        policy
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

fn board(name: VenueName, prices: impl Fn(Timestamp) -> PerCoin<f64> + Send + Sync + 'static) -> (Arc<Hand>, Board) {
    let clock = Arc::new(Hand(Mutex::new(START)));
    let prices: Arc<Prices> = Arc::new(prices);
    (Arc::clone(&clock), Board::new(name, prices, clock))
}

#[test]
fn each_venue_is_behind_by_its_lag() {
    for (name, lag) in [(VenueName::Kraken, 2), (VenueName::Coinbase, 3), (VenueName::Binance, 2), (VenueName::Pyth, 1)] {
        let (clock, board) = board(name, |at| {
            let crashed = at.secs() >= START.secs() + 100;
            PerCoin { usdc: if crashed { 0.9 } else { 1.0 }, usdt: 1.0, dai: if crashed { 0.9 } else { 1.0 } }
        });
        for secs in 95..105 {
            *clock.0.lock().unwrap() = START.plus(Duration::from_secs(secs));
            board.draw();
            let tape = board.listen().borrow().clone();
            let lowest = tape.quotes.iter().map(|quote| quote.price).fold(f64::MAX, f64::min);
            assert_eq!(lowest < 0.95, secs >= 100 + lag, "{name:?} after {secs} s: {lowest}");
            assert_eq!(tape.at, clock.now());
        }
    }
}

#[test]
fn quotes_stay_near_the_price_and_books_do_not_cross() {
    for name in VenueName::ALL {
        for usdc in [1.0, 0.99, 0.88, 0.5] {
            let (clock, board) = board(name, move |_| PerCoin { usdc, usdt: 1.0, dai: 1.0 });
            for minute in 0..200 {
                *clock.0.lock().unwrap() = START.plus(Duration::from_mins(minute));
                board.draw();
                for quote in &board.listen().borrow().quotes {
                    let price = if quote.pair.coin == Coin::Usdc { usdc } else { 1.0 };
                    assert!((quote.price / price - 1.0).abs() <= 0.000_2 + 1e-12, "{name:?} {quote:?}");
                    assert!(quote.bid < quote.price && quote.price < quote.ask, "{name:?} {quote:?}");
                    assert!((quote.ask - quote.bid) / quote.price < 0.004, "{name:?} {quote:?}");
                    assert!((200_000.0..=300_000.0).contains(&quote.bid_size), "{name:?} {quote:?}");
                }
            }
        }
    }
}

#[test]
fn noise_is_the_same_in_every_run_and_differs_between_venues_and_times() {
    let price = |name, secs| {
        let (clock, board) = board(name, |_| PerCoin { usdc: 1.0, usdt: 1.0, dai: 1.0 });
        *clock.0.lock().unwrap() = START.plus(Duration::from_secs(secs));
        board.draw();
        board.listen().borrow().quotes[0].price.to_bits()
    };
    assert_eq!(price(VenueName::Kraken, 60), price(VenueName::Kraken, 60));
    assert_ne!(price(VenueName::Kraken, 60), price(VenueName::Kraken, 600));
    assert_ne!(price(VenueName::Kraken, 60), price(VenueName::Binance, 60));
}

#[test]
fn a_lie_is_about_usdc_only_and_a_wrong_clock_is_wrong_both_ways() {
    let (_, board) = board(VenueName::Kraken, |_| PerCoin { usdc: 0.9, usdt: 0.99, dai: 0.98 });
    board.set_mood(VenueMood::Lies(1.0));
    for (quote, price) in board.listen().borrow().quotes.iter().zip([1.0, 0.99, 0.98]) {
        assert!((quote.price - price).abs() < 0.000_25, "{quote:?}");
    }
    for (secs, at) in [(90, START.plus(Duration::from_secs(90))), (-90, START.minus(Duration::from_secs(90)))] {
        board.set_mood(VenueMood::Skewed(secs));
        assert_eq!(board.listen().borrow().at, at);
    }
    board.set_mood(VenueMood::Honest);
    assert_eq!(board.listen().borrow().at, START);
}
