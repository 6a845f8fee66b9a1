//! The program in a world: started through the same settings as `ballast run`, on the world's clock, with every event overheard.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ballast::app::{App, Wiring};
use ballast::config::{self, Environment, Watch};
use ballast::devnet::config_files::{self, FileOptions};
use ballast::devnet::handle::Running;
use ballast::devnet::{World, WorldHandle};
use ballast::domain::decide::Decision;
use ballast::domain::ids::PoolId;
use ballast::domain::operation::{AttemptKind, OperationRecord, State};
use ballast::domain::outcome::{Outcome, Refusal};
use ballast::domain::units::Timestamp;
use ballast::observe::Event;
use ballast::observe::event::Settlement;
use ballast::ports::journal::Selection;
use ballast::ports::{Clock, Drill, Journal, NoDrill};
use tempfile::TempDir;

use super::told::Told;

/// How long the program may take to end when nothing is in flight.
const GRACE: Duration = Duration::from_secs(5);

/// How a story differs from the usual.
pub(crate) struct Script {
    pub(crate) files: FileOptions,
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) edits: Vec<Edit>,
    /// Files that are not there yet.
    pub(crate) later: Vec<&'static str>,
    pub(crate) drill: Arc<dyn Drill>,
    /// Whether the world makes blocks from the beginning.
    pub(crate) blocks: bool,
    /// What starts the program where it is a process of its own: its words come before the program's. Nothing, usually.
    pub(crate) launcher: &'static [&'static str],
}

/// A file of the settings and what is written differently in it.
pub(crate) struct Edit {
    pub(crate) file: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Default for Script {
    fn default() -> Self {
        let files = FileOptions { listen: "127.0.0.1:0".to_owned(), recover: "2m", ..FileOptions::default() };
        Self {
            files,
            variables: Vec::new(),
            edits: Vec::new(),
            later: Vec::new(),
            drill: Arc::new(NoDrill),
            blocks: true,
            launcher: &[],
        }
    }
}

impl Script {
    /// Writes `to` in the place of `from`, which must be there.
    pub(crate) fn edit(mut self, file: &str, from: &str, to: &str) -> Self {
        self.edits.push(Edit { file: file.to_owned(), from: from.to_owned(), to: to.to_owned() });
        self
    }

    /// Leaves a file out that the story brings later.
    pub(crate) fn later(mut self, file: &'static str) -> Self {
        self.later.push(file);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Makes something go wrong on purpose.
    pub(crate) fn drill(self, drill: Arc<dyn Drill>) -> Self {
        Self { drill, ..self }
    }

    /// The story makes the blocks itself.
    pub(crate) fn without_blocks(self) -> Self {
        Self { blocks: false, ..self }
    }

    /// Writes the settings into a folder of their own.
    pub(crate) fn write(&self, world: &WorldHandle) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        config_files::write(dir.path(), world, &self.files).unwrap();
        for edit in &self.edits {
            edit.apply(dir.path());
        }
        for file in &self.later {
            std::fs::remove_file(dir.path().join(file)).unwrap();
        }
        dir
    }
}

impl Edit {
    fn apply(&self, dir: &Path) {
        let path = dir.join(&self.file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&self.from), "{} does not say {:?}:\n{text}", self.file, self.from);
        std::fs::write(&path, text.replace(&self.from, &self.to)).unwrap();
    }
}

/// The operations of a pool in a journal, oldest first.
pub(crate) async fn operations(journal: &dyn Journal, pool: &str) -> Vec<OperationRecord> {
    let of_pool = Selection { pool: Some(PoolId::new(pool)), limit: 100, ..Selection::default() };
    let mut operations = journal.list(&of_pool).await.unwrap();
    operations.reverse();
    operations
}

/// A running program in a world that makes blocks.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) told: Told,
    pub(crate) http: SocketAddr,
    pub(crate) journal: Arc<dyn Journal>,
    app: App,
    blocks: Option<Running>,
    /// Where its settings are.
    pub(crate) dir: TempDir,
    environment: Environment,
}

impl Stage {
    /// Starts the program in a world.
    pub(crate) async fn open(world: World, script: Script) -> Self {
        let dir = script.write(&world);
        Self::open_in(dir, world, script).await
    }

    /// The same in a folder that another has left behind, with its journal.
    pub(crate) async fn open_in(dir: TempDir, world: World, script: Script) -> Self {
        let mut environment: Vec<(&str, String)> = vec![(config_files::KEY_VARIABLE, world.keeper_key().to_owned())];
        environment.extend(script.variables.iter().cloned());
        let environment: Environment = environment.into_iter().collect();
        let settings = config::load(dir.path(), &environment).unwrap_or_else(|faults| panic!("{faults}"));
        let wiring = Wiring { drill: script.drill, ..Wiring::durable(&settings, world.clock()).await.unwrap() };
        let journal = wiring.journal.clone();
        let told = Told::new(wiring.observer.tap());
        let blocks = script.blocks.then(|| world.run());
        let mut app = App::start(&settings, wiring).await.unwrap();
        super::soon("every chain is heard", app.ready()).await;
        let http = app.http;
        Self { world, told, http, journal, app, blocks, dir, environment }
    }

    /// From now on the program follows its files, as `ballast run` does.
    pub(crate) fn follow_files(&self) {
        let watch = Watch::begin(self.dir.path(), self.environment.clone());
        tokio::spawn(self.app.follower().watch(watch, Arc::default()));
    }

    /// Writes something differently in a file of its settings.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        Edit { file: file.to_owned(), from: from.to_owned(), to: to.to_owned() }.apply(self.dir.path());
    }

    /// The next event that is wanted.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl FnMut(&Event) -> bool) -> Event {
        self.told.until(what, wanted).await
    }

    /// The next settlement of a pool's order.
    pub(crate) async fn settlement(&mut self, pool: &str) -> Settlement {
        let what = format!("an order of {pool} is settled");
        let event = self.until(&what, |event| matches!(event, Event::Settled(order) if order.pool.as_str() == pool)).await;
        let Event::Settled(order) = event else { unreachable!() };
        *order
    }

    /// The next settlement of a pool's order, which was carried out.
    pub(crate) async fn done(&mut self, pool: &str) -> Settlement {
        let order = self.settlement(pool).await;
        assert!(matches!(order.outcome, Outcome::Done(_)), "{pool}: {:?}", order.outcome);
        order
    }

    /// The settlement of the order that follows a cancelled one, which was carried out. Until the cancellation is final the same evidence
    /// is refused: its block could still be replaced, and the nonce go to the first order after all.
    pub(crate) async fn done_at_last(&mut self, pool: &str) -> Settlement {
        loop {
            let order = self.settlement(pool).await;
            match order.outcome {
                Outcome::Done(_) => return order,
                Outcome::Refused(Refusal::Duplicate) => {}
                other => panic!("{pool}: {other:?}"),
            }
        }
    }

    /// The next transaction of a pool that is of this kind is about to be handed over; its nonce.
    pub(crate) async fn sends(&mut self, pool: &str, kind: AttemptKind) -> u64 {
        let wanted =
            |event: &Event| matches!(event, Event::TxSent { pool: who, kind: sent, .. } if who.as_str() == pool && *sent == kind);
        let sent = self.until(&format!("{pool} sends: {}", kind.label()), wanted).await;
        let Event::TxSent { nonce, .. } = sent else { unreachable!() };
        nonce
    }

    /// The next time that an operation of a pool gets as far as this.
    pub(crate) async fn reaches(&mut self, pool: &str, state: State) {
        let wanted = |event: &Event| matches!(event, Event::OperationMoved { pool: who, state: now, .. } if who.as_str() == pool && *now == state);
        self.until(&format!("an operation of {pool} is {state}"), wanted).await;
    }

    /// The operations of a pool, as the journal has them, oldest first.
    pub(crate) async fn operations(&self, pool: &str) -> Vec<OperationRecord> {
        operations(self.journal.as_ref(), pool).await
    }

    /// Makes one block and waits until it is read.
    pub(crate) async fn mine(&mut self) {
        let made = self.world.mine().await.unwrap().number;
        self.until("the block is read", |event| matches!(event, Event::BlockRead { number, .. } if *number >= made)).await;
    }

    /// The next time that a pool holds for this reason after having decided something else.
    pub(crate) async fn holds(&mut self, pool: &str, label: &str) {
        let what = format!("{pool} holds: {label}");
        let holds = |event: &Event| {
            matches!(event, Event::Decided { pool: who, decision: Decision::Hold(hold), .. }
                if who.as_str() == pool && hold.label() == label)
        };
        self.until(&what, holds).await;
    }

    /// So many blocks more are read.
    pub(crate) async fn blocks(&mut self, count: usize) {
        for _ in 0..count {
            self.until("a block is read", |event| matches!(event, Event::BlockRead { .. })).await;
        }
    }

    /// A block of this policy time or later is read.
    pub(crate) async fn block_at(&mut self, at: Timestamp) {
        let late = |event: &Event| matches!(event, Event::BlockRead { timestamp, .. } if *timestamp >= at);
        self.until(&format!("a block at {at} is read"), late).await;
    }

    /// So much policy time passes, as the blocks that are read have it.
    pub(crate) async fn policy_time(&mut self, time: Duration) {
        self.block_at(self.world.clock().now().plus(time)).await;
    }

    /// The world makes blocks from now on.
    pub(crate) fn make_blocks(&mut self) {
        self.blocks = Some(self.world.run());
    }

    /// How many such events were heard so far.
    pub(crate) fn heard(&self, mut wanted: impl FnMut(&Event) -> bool) -> usize {
        self.told.heard().filter(|event| wanted(event)).count()
    }

    /// How many transactions were handed to the network for a pool.
    pub(crate) fn sent(&self, pool: &str) -> usize {
        self.heard(|event| matches!(event, Event::TxSent { pool: who, .. } if who.as_str() == pool))
    }

    /// Ends the program, in which nothing is in flight, and its world.
    pub(crate) async fn close(self) {
        self.leave().await.1.stop().await;
    }

    /// Ends the program and leaves its folder and its world behind.
    pub(crate) async fn leave(mut self) -> (TempDir, World) {
        assert!(self.app.shutdown(GRACE).await, "something was in flight at the end");
        if let Some(blocks) = self.blocks.take() {
            blocks.stop().await;
        }
        (self.dir, self.world)
    }
}
