//! What was seen and decided, for people, and for the queue that waits for a batch.

use std::collections::BTreeSet;
use std::time::Duration;

use super::PoolState;
use crate::actors::rebalance_queue::QueueMsg;
use crate::domain::allocation::Valuation;
use crate::domain::decide::Decision;
use crate::domain::ids::{AssetId, EpisodeId};
use crate::domain::peg::Peg;
use crate::domain::trigger::Trigger;
use crate::domain::units::{Price, Weight};
use crate::observe::Event;
use crate::observe::event::TokenView;

/// How often a decision that stays the same is written down again.
const KEEP_EVERY: Duration = Duration::from_mins(10);

impl PoolState {
    /// Tells the queue once for each episode that this pool has looked and will not ask, so that the batch need not wait for it.
    pub(super) fn answer_episodes(&mut self, pegs: &[Peg], decision: &Decision) {
        let now = self.args.clock.now();
        let asks =
            matches!(decision, Decision::Act { trigger: trigger @ Trigger::Depeg { .. }, .. } if self.may_ask(trigger, now));
        let current: BTreeSet<EpisodeId> = pegs.iter().filter_map(Peg::current_episode).collect();
        for episode in current.iter().filter(|_| !asks) {
            if !self.declined.contains(episode) {
                let _ = self.queue.cast(QueueMsg::TurnDeclined { pool: self.args.id.clone(), episode: episode.clone() });
            }
        }
        self.declined = if asks { BTreeSet::new() } else { current };
    }

    /// Writes a decision down that is news, and every few minutes one that is not: whoever asks later wants to know what was seen then.
    fn keep(&mut self, pegs: &[Peg], topic: &str, is_news: bool) {
        let now = self.args.clock.now();
        if !is_news && self.last_kept.is_some_and(|kept| now.since(kept) < KEEP_EVERY) {
            return;
        }
        let Some(record) = self.record_of(pegs, topic) else { return };
        self.last_kept = Some(now);
        let id = self.args.id.clone();
        self.write(move |journal| async move { journal.record_decision(&id, &record).await });
    }

    /// Tells what the pool looks like, and what it decided when that is news.
    pub(super) fn show(&mut self, pegs: &[Peg], decision: &Decision) {
        let news = match decision {
            Decision::Act { trigger, .. } => (trigger.class().label(), String::new()),
            Decision::Hold(hold) => (hold.label(), hold.topic()),
        };
        let block = self.seen.as_ref().map(|(number, _)| *number);
        let is_news = self.last_told.as_ref() != Some(&news);
        self.keep(pegs, &news.1, is_news);
        if is_news {
            self.last_told = Some(news);
            self.args.observer.record(Event::Decided { pool: self.args.id.clone(), decision: decision.clone(), block });
        }
        let Some((number, facts)) = &self.seen else { return };
        if self.last_shown.replace(*number) == Some(*number) {
            return;
        }
        let prices: Option<Vec<Price>> = pegs.iter().map(Peg::price).collect();
        let valuation = prices.and_then(|prices| Valuation::of(&facts.balances, &prices));
        let shares = valuation.as_ref().and_then(Valuation::shares);
        let targets = self.args.mandate.base_target.weights();
        let tokens = self.args.mandate.assets.iter().zip(&facts.weights).zip(targets).enumerate();
        let view = |(at, ((asset, weight), target)): (usize, ((&AssetId, &Weight), &Weight))| TokenView {
            asset: asset.clone(),
            weight: *weight,
            target: *target,
            share: shares.as_ref().and_then(|shares| shares.get(at).copied()),
        };
        self.args.observer.record(Event::PoolSeen {
            pool: self.args.id.clone(),
            tokens: tokens.map(view).collect(),
            value: valuation.map(|valuation| valuation.total),
        });
    }
}
