use std::collections::BTreeMap;

use crate::domain::decide::{Frozen, Latch, Memory};
use crate::domain::ids::{AssetId, PoolId, SourceId};
use crate::domain::outcome::Outcome;
use crate::domain::peg::{Peg, PegState, Trust};
use crate::domain::position::Controls;
use crate::domain::units::{Price, SwapFee};
use crate::journal::tests::support::{at, hash, set};
use crate::ports::{Journal, JournalFault};

pub(super) async fn a_pool_is_met_once_and_keeps_what_happened_since(journal: &dyn Journal) {
    let pool = PoolId::new("treasury");
    assert_eq!(journal.recall_pool(&pool).await.unwrap(), None);
    journal.meet_pool(&pool, at(5), &set(100)).await.unwrap();
    journal.account_controls(&pool, &set(200), at(200), false).await.unwrap();
    journal.meet_pool(&pool, at(9), &set(300)).await.unwrap();
    let memory = journal.recall_pool(&pool).await.unwrap().unwrap();
    assert_eq!((memory.first_seen, memory.known), (at(5), Some(set(200))));
}

pub(super) async fn what_is_remembered_of_a_pool_comes_back(journal: &dyn Journal) {
    let (pool, other) = (PoolId::new("treasury"), PoolId::new("reserve"));
    journal.meet_pool(&pool, at(5), &set(100)).await.unwrap();
    for end in [200, 200, 300] {
        journal.account_controls(&pool, &set(end), at(end), false).await.unwrap();
    }
    journal.serve_schedule(&pool, at(60)).await.unwrap();
    journal.serve_schedule(&pool, at(120)).await.unwrap();
    journal.latch_pool(&pool, &Latch::ForeignChange).await.unwrap();
    // A human's wish, one that is served, and a freeze of ours.
    journal.ask_rebalance(&pool, "me", at(70)).await.unwrap();
    journal.serve_rebalance(&pool, at(70)).await.unwrap();
    journal.ask_rebalance(&pool, "me", at(80)).await.unwrap();
    let frozen = Controls { swap_enabled: false, ..set(300) };
    journal.account_controls(&pool, &frozen, at(90), true).await.unwrap();
    let mut moved = Memory { known: Some(set(100)), ..Memory::default() };
    for end in [200, 300] {
        moved.account(&set(end), at(end), false);
    }
    let expected = Memory {
        first_seen: at(5),
        schedule_served: Some(at(120)),
        manual_asked: Some(at(80)),
        manual_served: Some(at(70)),
        known: Some(frozen),
        former: Some(set(300)),
        moves: moved.moves,
        frozen: Some(Frozen { at: at(90), fee: SwapFee::from_bps(5) }),
        latch: Some(Latch::ForeignChange),
        ..Memory::default()
    };
    assert_eq!(journal.recall_pool(&pool).await.unwrap(), Some(expected));
    // A pool that was never met is remembered as well.
    journal.serve_schedule(&other, at(60)).await.unwrap();
    let expected = Memory { schedule_served: Some(at(60)), ..Memory::default() };
    assert_eq!(journal.recall_pool(&other).await.unwrap(), Some(expected));
}

pub(super) async fn nobody_asks_for_a_pool_that_was_never_seen(journal: &dyn Journal) {
    let asked = journal.ask_rebalance(&PoolId::new("nowhere"), "me", at(1)).await;
    assert!(matches!(asked, Err(JournalFault::Unknown(_))), "{asked:?}");
}

pub(super) async fn every_reason_to_hold_comes_back(journal: &dyn Journal) {
    for label in Outcome::LABELS {
        let pool = PoolId::new(label);
        journal.latch_pool(&pool, &Latch::Outcome(label)).await.unwrap();
        assert_eq!(journal.recall_pool(&pool).await.unwrap().unwrap().latch, Some(Latch::Outcome(label)));
    }
}

pub(super) async fn an_operator_lets_go_of_a_pool_and_accepts_its_ramp(journal: &dyn Journal) {
    let pool = PoolId::new("treasury");
    assert!(matches!(journal.release_pool(&pool, "me", at(1)).await, Err(JournalFault::Unknown(_))));
    journal.meet_pool(&pool, at(5), &set(100)).await.unwrap();
    assert!(matches!(journal.release_pool(&pool, "me", at(6)).await, Err(JournalFault::Conflict(_))), "it waits for nobody");
    journal.latch_pool(&pool, &Latch::ForeignChange).await.unwrap();
    journal.release_pool(&pool, "me", at(7)).await.unwrap();
    let memory = journal.recall_pool(&pool).await.unwrap().unwrap();
    assert_eq!(memory, Memory { first_seen: at(5), ..Memory::default() });
    // It is met again with whatever the chain has then.
    journal.meet_pool(&pool, at(8), &set(200)).await.unwrap();
    let memory = journal.recall_pool(&pool).await.unwrap().unwrap();
    assert_eq!((memory.first_seen, memory.known), (at(5), Some(set(200))));
    journal.latch_pool(&pool, &Latch::Outcome("reverted")).await.unwrap();
    journal.release_pool(&pool, "me again", at(9)).await.unwrap();
}

pub(super) async fn what_is_remembered_of_a_peg_comes_back(journal: &dyn Journal) {
    let asset = AssetId::new("USDC.e");
    assert_eq!(journal.recall_peg(&asset).await.unwrap(), None);
    let level = Price::from_wad(987_654_321_987_654_321);
    for state in PegState::ALL {
        for trust in Trust::ALL {
            let peg = Peg {
                asset: asset.clone(),
                state,
                trust,
                since: at(2),
                level: level.filter(|_| trust != Trust::Blind),
                episode: 7,
                as_of: at(4),
                blocks: BTreeMap::from([(SourceId::new("chainlink:USDC"), hash("a")), (SourceId::new("b"), hash("b"))]),
                ..Peg::unheard(asset.clone(), at(1))
            };
            journal.remember_peg(&peg).await.unwrap();
            assert_eq!(journal.recall_peg(&asset).await.unwrap(), Some(peg));
        }
    }
    let heard = Peg::unheard(AssetId::new("DAI"), at(1));
    journal.remember_peg(&heard).await.unwrap();
    assert_eq!(journal.recall_peg(&AssetId::new("DAI")).await.unwrap(), Some(heard));
}

pub(super) async fn an_operator_lets_a_disabled_asset_back_and_no_other(journal: &dyn Journal) {
    let asset = AssetId::new("USDC");
    assert!(matches!(journal.reset_peg(&asset, "me", at(1)).await, Err(JournalFault::Unknown(_))));
    let peg = Peg { state: PegState::Depegged, ..Peg::unheard(asset.clone(), at(2)) };
    journal.remember_peg(&peg).await.unwrap();
    assert!(matches!(journal.reset_peg(&asset, "me", at(3)).await, Err(JournalFault::Conflict(_))), "it may come back by itself");
    assert_eq!(journal.peg_reset_asked(&asset).await.unwrap(), None);
    journal.remember_peg(&Peg { state: PegState::Disabled, ..peg }).await.unwrap();
    journal.reset_peg(&asset, "me", at(4)).await.unwrap();
    journal.reset_peg(&asset, "me again", at(5)).await.unwrap();
    assert_eq!(journal.peg_reset_asked(&asset).await.unwrap(), Some(at(5)));
    assert_eq!(journal.peg_reset_asked(&AssetId::new("DAI")).await.unwrap(), None);
}
