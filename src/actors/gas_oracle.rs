//! One for each chain, shared by all its pools: what gas costs in the next block, and what ether costs in dollars.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::actors::board::{Board, Nudge};
use crate::actors::facts::{BlockFact, GasFact, GasFacts, Slot};
use crate::actors::pulse::Pulse;
use crate::domain::fees;
use crate::domain::ids::ChainName;
use crate::domain::units::GasPrice;
use crate::observe::heartbeat::Heartbeats;
use crate::observe::{Event, Observer};
use crate::ports::{Clock, PriceSource};

/// What it works with.
#[derive(Clone)]
pub struct GasOracleArgs {
    /// The chain.
    pub chain: ChainName,
    /// What is paid on top of the base fee.
    pub tip: GasPrice,
    /// The feed of ether in dollars, and its slot in the batch.
    pub ether: Option<(Arc<dyn PriceSource>, Slot)>,
    /// The blocks.
    pub blocks: Board<BlockFact>,
    /// Where the price goes.
    pub gas: Board<GasFact>,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// Where events are told.
    pub observer: Observer,
    /// Where hearts beat.
    pub hearts: Heartbeats,
}

/// The actor.
pub struct GasOracle;

/// What it hears.
pub enum GasOracleMsg {
    /// There is another block.
    BlockMoved(Nudge),
    /// Beat.
    Beat,
}

impl Actor for GasOracle {
    type Msg = GasOracleMsg;
    type State = (GasOracleArgs, Pulse);
    type Arguments = GasOracleArgs;

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, args: GasOracleArgs) -> Result<Self::State, ActorProcessingErr> {
        let heart = args.hearts.register(format!("gas oracle {}", args.chain));
        let pulse = Pulse::start(heart, args.clock.clone(), &myself, || GasOracleMsg::Beat);
        args.blocks.nudge(&myself, GasOracleMsg::BlockMoved);
        Ok((args, pulse))
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let (args, pulse) = state;
        match message {
            GasOracleMsg::BlockMoved(_nudge) => look(args),
            GasOracleMsg::Beat => pulse.beat(&myself, || GasOracleMsg::Beat),
        }
        Ok(())
    }
}

fn look(args: &GasOracleArgs) {
    let before = args.gas.read();
    let now = args.blocks.read().and_then(|block| {
        let head = &block.head;
        let ether = args.ether.as_ref();
        let ether = ether.and_then(|(source, slot)| source.quote(slot.of(&block), &head.stamp).ok()).map(|quote| quote.price);
        let base_fee = fees::next_base_fee(head.base_fee, head.gas_used, head.gas_limit)?;
        Some(GasFacts { base_fee, tip: args.tip, ether, block: head.stamp.hash })
    });
    args.gas.publish(now);
    if let Some(price) = now.map(|gas| gas.price()).filter(|price| before.is_none_or(|before| before.price() != *price)) {
        args.observer.record(Event::GasMoved { chain: args.chain.clone(), price });
    }
}
