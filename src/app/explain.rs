//! Asks the peg watches why their assets stand where they stand.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use ractor::rpc::CallResult;

use crate::actors::board::{Address, Board};
use crate::actors::peg_watch::PegWatchMsg;
use crate::domain::ids::AssetId;
use crate::domain::peg::{Explanation, Peg};
use crate::ports::Explains;

/// A watch that takes longer is being restarted, or wedged.
const PATIENCE: Duration = Duration::from_secs(1);

/// All peg watches.
pub(super) struct Watches(Vec<(AssetId, Address<PegWatchMsg>)>);

impl Watches {
    pub(super) fn new(pegs: &BTreeMap<AssetId, (Board<Peg>, Address<PegWatchMsg>)>) -> Self {
        Self(pegs.iter().map(|(asset, (_, watch))| (asset.clone(), watch.clone())).collect())
    }
}

#[async_trait]
impl Explains for Watches {
    async fn explain(&self) -> Vec<(AssetId, Option<Explanation>)> {
        let ask = |(asset, watch): &(AssetId, Address<PegWatchMsg>)| {
            let (asset, watch) = (asset.clone(), watch.actor());
            async move {
                let said = match watch {
                    Some(watch) => watch.call(PegWatchMsg::Explain, Some(PATIENCE)).await.ok(),
                    None => None,
                };
                let said = said.and_then(|said| if let CallResult::Success(said) = said { Some(said) } else { None });
                (asset, said)
            }
        };
        join_all(self.0.iter().map(ask)).await
    }
}
