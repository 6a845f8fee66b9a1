//! The node of a running world dies and comes back.

use super::anvil::{Anvil, AnvilError};
use super::fault::WorldError;
use super::handle::WorldHandle;

impl WorldHandle {
    /// Kills the node, between two blocks. Its chain is kept; what waits for a block is lost.
    ///
    /// # Errors
    /// It is down already.
    pub async fn kill_node(&self) -> Result<(), WorldError> {
        let mut engine = self.shared.engine.lock().await;
        engine.save().await?;
        let mut node = self.slot().node.take().ok_or(AnvilError::Down)?;
        node.stop().await;
        self.put_back(node);
        Ok(())
    }

    /// Starts the node again, on the same port and with the chain it had.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart_node(&self) -> Result<(), WorldError> {
        let mut engine = self.shared.engine.lock().await;
        let mut node = self.slot().node.take().ok_or(AnvilError::Down)?;
        let restarted = node.restart().await;
        self.put_back(node);
        restarted?;
        engine.load().await
    }

    /// Gives the node back its place, unless the world has ended in the meantime.
    fn put_back(&self, node: Anvil) {
        let mut slot = self.slot();
        if !slot.closed {
            slot.node = Some(node);
        }
    }
}
