//! What aggregators announce beside the blocks.

use std::collections::BTreeSet;

use alloy_primitives::{Address, I256};

use super::*;
use crate::domain::transmission::Transmission;
use crate::ports::Announcement;

const AGGREGATOR: Address = Address::repeat_byte(0xa9);

fn announced(block: u64, round: Option<u32>) -> Announcement {
    let transmission = round.map(|round| Transmission::new(round, I256::ONE, &[I256::ONE]).unwrap());
    Announcement { aggregator: AGGREGATOR, block, transmission }
}

#[tokio::test(start_paused = true)]
async fn aggregators_are_followed_once_until_one_is_replaced_and_a_failed_read_replaces_none() {
    let (one, two) = (Arc::new(FakeSource::new("USDC")), Arc::new(FakeSource::new("DAI")));
    let bench = Bench::following(BLOCK, 1, &[], &[one.clone(), two.clone()]).await;
    let says = |source: &FakeSource, byte: Option<u8>| *source.aggregator.lock().unwrap() = byte.map(Address::repeat_byte);
    let bytes = |all: &BTreeSet<Address>| all.iter().map(|one| one[0]).collect::<Vec<u8>>();
    let followed = || bench.link.with(|line| line.followed.iter().map(bytes).collect::<Vec<_>>());
    bench.blocks(2).await;
    assert_eq!(followed(), Vec::<Vec<u8>>::new(), "nobody has an aggregator");
    says(&one, Some(1));
    says(&two, Some(2));
    bench.blocks(3).await;
    assert_eq!(followed(), [vec![1, 2]]);
    let known = |byte: u8| bench.args.announcements.look(|heard| heard.of(Address::repeat_byte(byte), 5, I256::ONE).is_some());
    bench.link.announce(Announcement { aggregator: Address::repeat_byte(2), ..announced(105, Some(5)) });
    settle().await;
    assert!(known(2));
    says(&two, None);
    bench.blocks(1).await;
    assert_eq!(followed(), [vec![1, 2]]);
    assert!(known(2), "what was heard stands while its block cannot be read");
    says(&two, Some(3));
    bench.blocks(2).await;
    assert_eq!(followed(), [vec![1, 2], vec![1, 3]]);
    assert!(!known(2), "nobody asks for it any more");
    bench.link.cut();
    bench.blocks(1).await;
    assert_eq!(followed(), [vec![1, 2], vec![1, 3], vec![1, 3]], "a new connection listens anew");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_is_no_read_and_no_sign_of_life() {
    let bench = Bench::start().await;
    bench.blocks(1).await;
    for round in 1..=30 {
        tokio::time::sleep(secs(2)).await;
        bench.link.announce(announced(101, Some(round)));
        settle().await;
        if round == 10 {
            assert!(bench.args.announcements.look(|heard| heard.of(AGGREGATOR, 10, I256::ONE).is_some()));
        }
    }
    assert_eq!(bench.link.with(|line| line.reads.clone()), [100]);
    assert_eq!(bench.silences(), 1, "heads are what is waited for");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_makes_its_block_worth_reading_out_of_turn() {
    let bench = Bench::with(secs(2), 8, &[]).await;
    bench.blocks(5).await;
    assert_eq!(bench.published(), [100, 104]);
    // Before its head, as often as it likes.
    for round in [Some(1), Some(2), None] {
        bench.link.announce(announced(105, round));
    }
    bench.blocks(2).await;
    assert_eq!(bench.published(), [100, 104, 105]);
    // After its head.
    bench.link.announce(announced(106, None));
    bench.blocks(2).await;
    assert_eq!(bench.published(), [100, 104, 105, 107]);
    // Of a block that was read in its turn.
    bench.blocks(4).await;
    bench.link.announce(announced(112, None));
    bench.blocks(2).await;
    assert_eq!(bench.published(), [100, 104, 105, 107, 112]);
    // Of a block that never comes: the reads in turn go on, and so do those of the others.
    bench.link.announce(announced(u64::MAX, None));
    bench.blocks(1).await;
    bench.link.announce(announced(116, None));
    bench.blocks(6).await;
    assert_eq!(bench.published(), [100, 104, 105, 107, 112, 116, 120]);
}
