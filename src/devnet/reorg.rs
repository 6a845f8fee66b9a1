//! The newest blocks of a running world are replaced by others.

use super::fault::WorldError;
use super::handle::WorldHandle;

impl WorldHandle {
    /// Takes the newest `depth` blocks off the chain and puts as many empty ones into their place, between two blocks. What the old
    /// ones held is gone: the node does not take it up again, and whoever sent it has to send it again.
    ///
    /// # Errors
    /// The node is down, or has not so many blocks.
    pub async fn reorg(&self, depth: u64) -> Result<(), WorldError> {
        let mut engine = self.shared.engine.lock().await;
        engine.reorg(depth).await?;
        let first_new = engine.height.saturating_add(1).saturating_sub(depth);
        self.shared.ledger.lock().await.rewind(first_new);
        Ok(())
    }
}
