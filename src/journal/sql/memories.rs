//! [`Memories`]: what is remembered of pools and pegs.

use async_trait::async_trait;
use sqlx::AnyConnection;

use super::codec::{self, number};
use super::fault::fault;
use super::rows::Columns;
use super::{SqlJournal, decisions};
use crate::domain::decide::{Latch, Memory};
use crate::domain::ids::{AssetId, PoolId};
use crate::domain::peg::{Peg, PegState};
use crate::domain::position::Controls;
use crate::domain::record::DecisionRecord;
use crate::domain::units::Timestamp;
use crate::ports::{JournalFault, Memories};

/// A pool's memory. How long something has lasted is not written down: it is measured anew.
fn memory(row: &Columns<'_>) -> Result<Memory, JournalFault> {
    Ok(Memory {
        first_seen: row.time("first_seen")?,
        schedule_served: row.maybe_time("schedule_served")?,
        manual_asked: row.maybe_time("manual_asked")?,
        manual_served: row.maybe_time("manual_served")?,
        known: row.maybe_text("known")?.map(|text| codec::read_controls(&text)).transpose()?,
        former: row.maybe_text("former")?.map(|text| codec::read_controls(&text)).transpose()?,
        moves: row.maybe_text("moves")?.map(|text| codec::read_moves(&text)).transpose()?.unwrap_or_default(),
        frozen: row.maybe_text("frozen")?.map(|text| codec::read_frozen(&text)).transpose()?,
        latch: row.maybe_text("latch")?.map(|text| codec::read_latch(&text)).transpose()?,
        composition_off_since: None,
        yield_gap_since: None,
        sound_since: None,
    })
}

/// Takes what the chain holds as ours, by the domain's own rule. Meeting the pool first makes sure that there is a row, and locks it.
pub(super) async fn account(
    connection: &mut AnyConnection,
    pool: &PoolId,
    controls: &Controls,
    at: Timestamp,
    protective: bool,
) -> Result<(), JournalFault> {
    let row = sqlx::query(
        "INSERT INTO pool_memory (pool, first_seen) VALUES ($1, 0) \
         ON CONFLICT (pool) DO UPDATE SET pool = excluded.pool \
         RETURNING *",
    )
    .bind(pool.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(fault)?;
    let mut memory = memory(&Columns(&row))?;
    memory.account(controls, at, protective);
    sqlx::query("UPDATE pool_memory SET known = $1, former = $2, moves = $3, frozen = $4 WHERE pool = $5")
        .bind(memory.known.as_ref().map(codec::write_controls).transpose()?)
        .bind(memory.former.as_ref().map(codec::write_controls).transpose()?)
        .bind(codec::write_moves(&memory.moves)?)
        .bind(memory.frozen.as_ref().map(codec::write_frozen).transpose()?)
        .bind(pool.as_str())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn meet(connection: &mut AnyConnection, pool: &PoolId, at: Timestamp, controls: &Controls) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO pool_memory (pool, first_seen, known) VALUES ($1, $2, $3) \
         ON CONFLICT (pool) DO UPDATE SET known = excluded.known WHERE pool_memory.known IS NULL",
    )
    .bind(pool.as_str())
    .bind(number(at.millis())?)
    .bind(codec::write_controls(controls)?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn serve(connection: &mut AnyConnection, pool: &PoolId, slot: Timestamp) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO pool_memory (pool, first_seen, schedule_served) VALUES ($1, 0, $2) \
         ON CONFLICT (pool) DO UPDATE SET schedule_served = excluded.schedule_served",
    )
    .bind(pool.as_str())
    .bind(number(slot.millis())?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

/// Notes a human's wish, for a pool that has been seen.
async fn wish(connection: &mut AnyConnection, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
    let done = sqlx::query("UPDATE pool_memory SET manual_asked = $1 WHERE pool = $2")
        .bind(number(at.millis())?)
        .bind(pool.as_str())
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    if done.rows_affected() == 0 {
        return Err(JournalFault::Unknown(format!("pool {pool}")));
    }
    event(connection, pool, "rebalance", "", by, at).await
}

async fn serve_wish(connection: &mut AnyConnection, pool: &PoolId, wish: Timestamp) -> Result<(), JournalFault> {
    sqlx::query("UPDATE pool_memory SET manual_served = $1 WHERE pool = $2")
        .bind(number(wish.millis())?)
        .bind(pool.as_str())
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// What an operator did to a pool.
async fn event(
    connection: &mut AnyConnection,
    pool: &PoolId,
    what: &str,
    detail: &str,
    by: &str,
    at: Timestamp,
) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO pool_event (pool, line, what, detail, by, at) \
         SELECT $1, COALESCE(MAX(line) + 1, 0), $2, $3, $4, $5 FROM pool_event WHERE pool = $1",
    )
    .bind(pool.as_str())
    .bind(what)
    .bind(detail)
    .bind(codec::words(by))
    .bind(number(at.millis())?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn latch(connection: &mut AnyConnection, pool: &PoolId, latch: &Latch) -> Result<(), JournalFault> {
    sqlx::query(
        "INSERT INTO pool_memory (pool, first_seen, latch) VALUES ($1, 0, $2) \
         ON CONFLICT (pool) DO UPDATE SET latch = excluded.latch",
    )
    .bind(pool.as_str())
    .bind(codec::write_latch(latch)?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn release(connection: &mut AnyConnection, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
    let row = sqlx::query("SELECT latch FROM pool_memory WHERE pool = $1").bind(pool.as_str());
    let row = row.fetch_optional(&mut *connection).await.map_err(fault)?;
    let Some(row) = row else { return Err(JournalFault::Unknown(format!("pool {pool}"))) };
    let Some(latch) = Columns(&row).maybe_text("latch")? else {
        return Err(JournalFault::Conflict(format!("the pool {pool} waits for nobody")));
    };
    sqlx::query("UPDATE pool_memory SET latch = NULL, known = NULL, former = NULL WHERE pool = $1")
        .bind(pool.as_str())
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    event(connection, pool, "release", &latch, by, at).await
}

async fn remember(connection: &mut AnyConnection, peg: &Peg) -> Result<(), JournalFault> {
    sqlx::query("INSERT INTO peg_memory (asset, peg) VALUES ($1, $2) ON CONFLICT (asset) DO UPDATE SET peg = excluded.peg")
        .bind(peg.asset.as_str())
        .bind(codec::write_peg(peg)?)
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn reset(connection: &mut AnyConnection, asset: &AssetId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
    let row = sqlx::query("SELECT peg FROM peg_memory WHERE asset = $1").bind(asset.as_str());
    let row = row.fetch_optional(&mut *connection).await.map_err(fault)?;
    let Some(row) = row else { return Err(JournalFault::Unknown(format!("asset {asset}"))) };
    let state = codec::read_peg(&Columns(&row).text("peg")?)?.state;
    if state != PegState::Disabled {
        return Err(JournalFault::Conflict(format!("{asset} is {}, not disabled", state.label())));
    }
    sqlx::query(
        "INSERT INTO peg_event (asset, line, what, by, at) \
         SELECT $1, COALESCE(MAX(line) + 1, 0), 'reset', $2, $3 FROM peg_event WHERE asset = $1",
    )
    .bind(asset.as_str())
    .bind(codec::words(by))
    .bind(number(at.millis())?)
    .execute(connection)
    .await
    .map_err(fault)?;
    Ok(())
}

#[async_trait]
impl Memories for SqlJournal {
    async fn recall_pool(&self, pool: &PoolId) -> Result<Option<Memory>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let row = sqlx::query("SELECT * FROM pool_memory WHERE pool = $1").bind(pool.as_str());
            let row = row.fetch_optional(&mut *session).await.map_err(fault);
            let done = row.and_then(|row| row.as_ref().map(|row| memory(&Columns(row))).transpose());
            session.end(done).await
        })
        .await
    }

    async fn meet_pool(&self, pool: &PoolId, at: Timestamp, controls: &Controls) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = meet(&mut session, pool, at, controls).await;
            session.end(done).await
        })
        .await
    }

    async fn ask_rebalance(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = wish(&mut session, pool, by, at).await;
            session.end(done).await
        })
        .await
    }

    async fn serve_rebalance(&self, pool: &PoolId, wish: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = serve_wish(&mut session, pool, wish).await;
            session.end(done).await
        })
        .await
    }

    async fn account_controls(
        &self,
        pool: &PoolId,
        controls: &Controls,
        at: Timestamp,
        protective: bool,
    ) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = account(&mut session, pool, controls, at, protective).await;
            session.end(done).await
        })
        .await
    }

    async fn serve_schedule(&self, pool: &PoolId, slot: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = serve(&mut session, pool, slot).await;
            session.end(done).await
        })
        .await
    }

    async fn latch_pool(&self, pool: &PoolId, reason: &Latch) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = latch(&mut session, pool, reason).await;
            session.end(done).await
        })
        .await
    }

    async fn release_pool(&self, pool: &PoolId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = release(&mut session, pool, by, at).await;
            session.end(done).await
        })
        .await
    }

    async fn record_decision(&self, pool: &PoolId, record: &DecisionRecord) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = decisions::record(&mut session, pool, record).await;
            session.end(done).await
        })
        .await
    }

    async fn decisions(&self, pool: &PoolId, until: Timestamp, limit: u32) -> Result<Vec<DecisionRecord>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let done = decisions::list(&mut session, pool, until, limit).await;
            session.end(done).await
        })
        .await
    }

    async fn recall_peg(&self, asset: &AssetId) -> Result<Option<Peg>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let row = sqlx::query("SELECT peg FROM peg_memory WHERE asset = $1").bind(asset.as_str());
            let row = row.fetch_optional(&mut *session).await.map_err(fault);
            let peg = |row: Option<_>| row.as_ref().map(|row| codec::read_peg(&Columns(row).text("peg")?)).transpose();
            let done = row.and_then(peg);
            session.end(done).await
        })
        .await
    }

    async fn remember_peg(&self, peg: &Peg) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = remember(&mut session, peg).await;
            session.end(done).await
        })
        .await
    }

    async fn reset_peg(&self, asset: &AssetId, by: &str, at: Timestamp) -> Result<(), JournalFault> {
        self.patiently(async {
            let mut session = self.writing().await?;
            let done = reset(&mut session, asset, by, at).await;
            session.end(done).await
        })
        .await
    }

    async fn peg_reset_asked(&self, asset: &AssetId) -> Result<Option<Timestamp>, JournalFault> {
        self.patiently(async {
            let mut session = self.reading().await?;
            let row = sqlx::query("SELECT MAX(at) AS asked FROM peg_event WHERE asset = $1").bind(asset.as_str());
            let row = row.fetch_one(&mut *session).await.map_err(fault);
            let done = row.and_then(|row| Columns(&row).maybe_time("asked"));
            session.end(done).await
        })
        .await
    }
}
