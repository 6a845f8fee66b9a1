//! The venues of a world.

use super::{HERMES_KEY, VenueMood, VenueName, Venues};
use crate::devnet::fault::WorldError;
use crate::devnet::handle::WorldHandle;

impl WorldHandle {
    /// Opens venues that quote this world's market. Its Hermes wants [`HERMES_KEY`].
    ///
    /// # Errors
    /// There is no port.
    pub async fn open_venues(&self) -> Result<Venues, WorldError> {
        let mut engine = self.shared.engine.lock().await;
        let market = engine.market.clone();
        let venues = Venues::start(self.clock(), move |at| market.past_prices(at), Some(HERMES_KEY)).await?;
        engine.venues = Some(venues.clone());
        Ok(venues)
    }

    /// How a venue of this world behaves from now on. Nothing happens in a world without venues.
    pub async fn set_venue_mood(&self, venue: VenueName, mood: VenueMood) {
        if let Some(venues) = &self.shared.engine.lock().await.venues {
            venues.set_mood(venue, mood);
        }
    }
}
