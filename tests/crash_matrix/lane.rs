//! A lane: a key, a pool, two endpoints. Runs go through it one after the other; each begins with an empty journal and calls for one
//! change of the pool's weights, to the other of two targets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, U64};
use ballast::devnet::{Coin, Owner, WorldHandle};
use ballast::domain::units::Weight;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::books::{Books, Shelf, has_open, included, is_cancelling, is_settled};
use crate::options::{Journal, Options};
use crate::plan::Plan;
use crate::process::{Birth, Life, Log, was_killed};
use crate::settings::Settings;
use crate::verdict::Verdict;
use crate::weather::{Endpoints, Sky};

/// The two targets of the first coin, in percent: the pool is at one of them and is sent to the other.
pub(crate) const LOW: u32 = 40;
pub(crate) const HIGH: u32 = 60;

/// A run that takes longer has not come to an end.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a process that is to die at a point may live on once all is done.
const GRACE: Duration = Duration::from_secs(2);
/// How long a last life is watched after all is done: would it begin again?
const AFTERLIFE: Duration = Duration::from_secs(2);
/// How long an orderly end may take: more than the program itself waits for what is in flight.
const END: Duration = Duration::from_secs(30);
/// Between two looks at chain and journal.
const LOOK: Duration = Duration::from_millis(50);
/// Blocks that must lie on a block before it is final. No reorganisation here is deeper.
const FINALITY: u64 = 2;
/// The chain stores end weights with fewer digits than it is given.
const STORAGE: Weight = Weight::from_wad(100_000_000_000);

/// The pool of a lane.
pub(crate) fn pool_name(number: u32) -> String {
    format!("lane-{number}")
}

/// The place of all runs that follow each other.
pub(crate) struct Lane {
    number: u32,
    pool: String,
    owner: Owner,
    account: Address,
    world: WorldHandle,
    endpoints: Endpoints,
    shelf: Shelf,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) lane: u32,
    pub(crate) journal: Journal,
    pub(crate) verdict: Verdict,
    /// The points at which a process died.
    pub(crate) reached: Vec<&'static str>,
    pub(crate) reorgs: usize,
    pub(crate) took: Duration,
    /// What went wrong, in words.
    pub(crate) faults: Vec<String>,
    /// The ramps that the chain has scheduled.
    pub(crate) chain: Vec<String>,
    /// The journal's operations, each with its log.
    pub(crate) books: Vec<String>,
    /// The last lines of the processes.
    pub(crate) log: Vec<String>,
}

/// What a run finds out on its way.
#[derive(Default)]
struct Course {
    reached: Vec<&'static str>,
    faults: Vec<String>,
    finished: bool,
}

impl Lane {
    pub(crate) async fn open(number: u32, world: WorldHandle, shelf: Shelf) -> Self {
        let pool = pool_name(number);
        let owner = world.owner(&pool).unwrap();
        let endpoints = Endpoints::open(&world).await;
        Self { number, pool, owner, account: owner.address().unwrap(), world, endpoints, shelf }
    }

    /// Goes through one plan.
    pub(crate) async fn run(&self, plan: &Plan, options: &Options) -> Run {
        let began = Instant::now();
        let dir = tempfile::tempdir().unwrap();
        let target = self.other_target().await;
        let from = self.world.rpc().height().await.unwrap() + 1;
        let url = self.shelf.page(self.number, plan.number).await;
        let settings = Settings { pool: &self.pool, target, journal: &url, endpoints: self.endpoints.urls(), finality: FINALITY };
        settings.write(dir.path(), &self.world);
        let books = Arc::new(Books::open(&url, dir.path()).await);
        let sky = self.endpoints.begin(&plan.weather);
        let over = Arc::<AtomicBool>::default();
        let watch = Watch {
            over: over.clone(),
            world: self.world.clone(),
            pool: self.pool.clone(),
            books: books.clone(),
            target,
            reorg: plan.weather.reorg,
            account: self.account,
            nonce: self.nonce("latest").await,
            sky: sky.clone(),
        };
        let mut watch = tokio::spawn(watch.until_finished());
        let log = Log::default();
        let mut course = self.live(plan, options, (&dir, &sky, &log), &mut watch).await;
        sky.clear();
        over.store(true, Ordering::Relaxed);
        let reorgs = watch.await.unwrap();

        self.nothing_waits(&mut course.faults).await;
        let ramps = self.world.scheduled_ramps(&self.pool, from).await.unwrap();
        if plan.certain && course.reached.len() < plan.kills.len() {
            course.faults.push(format!("not all of {:?} were reached", plan.kills));
        }
        let verdict = Verdict::of(
            ramps.len(),
            course.finished,
            has_open(&books.operations().await.unwrap_or_default()),
            !course.faults.is_empty(),
        );
        Run {
            lane: self.number,
            journal: self.shelf.kind(),
            verdict,
            reached: course.reached,
            reorgs,
            took: began.elapsed(),
            faults: course.faults,
            chain: ramps.iter().map(|ramp| format!("{ramp:?}")).collect(),
            books: books.tell().await,
            log: log.lines(),
        }
    }

    /// One life after the other: each but the last ends at its point.
    async fn live(
        &self,
        plan: &Plan,
        options: &Options,
        (dir, sky, log): (&TempDir, &Sky, &Log),
        watch: &mut JoinHandle<usize>,
    ) -> Course {
        let mut course = Course::default();
        let deadline = Instant::now() + PATIENCE;
        let mut kills = plan.kills.iter().copied();
        let key = self.owner.key();
        loop {
            let point = kills.next();
            let birth = Birth { dir: dir.path(), key: &key, kill_at: point, write_ahead: !options.no_write_ahead };
            let mut life = Life::begin(&birth, log);
            let ended = tokio::select! {
                ended = life.ended() => Some(ended),
                () = finished(watch) => {
                    course.finished = true;
                    let more = if point.is_some() { GRACE } else { AFTERLIFE };
                    timeout(more, life.ended()).await.ok()
                }
                () = tokio::time::sleep_until(deadline) => {
                    course.faults.push(format!("no end after {PATIENCE:?}"));
                    life.kill().await;
                    return course;
                }
            };
            match (ended, point) {
                (Some(status), Some(point)) if was_killed(status) => {
                    course.reached.push(point);
                    log.say(format!("---- killed at {point}"));
                    sky.died();
                }
                (Some(status), _) => {
                    course.faults.push(format!("the process ended by itself: {status}"));
                    return course;
                }
                (None, _) => {
                    match life.stop(END).await {
                        Some(status) if status.success() => {}
                        Some(status) => course.faults.push(format!("asked to stop it ended with: {status}")),
                        None => course.faults.push(format!("asked to stop it did not within {END:?}")),
                    }
                    return course;
                }
            }
        }
    }

    /// Where the pool is not.
    async fn other_target(&self) -> u32 {
        let at = self.world.pool(&self.pool).unwrap().coins.iter().position(|coin| *coin == Coin::Usdc).unwrap();
        let update = self.world.gradual_update(&self.pool).await.unwrap();
        if update.end_weights[at] < Weight::from_bps(5_000) { HIGH } else { LOW }
    }

    async fn nonce(&self, at: &str) -> u64 {
        nonce(&self.world, self.account, at).await
    }

    /// Waits until the node holds nothing of the account: what is on its way counts too.
    async fn nothing_waits(&self, faults: &mut Vec<String>) {
        for _ in 0..100 {
            if self.nonce("pending").await <= self.nonce("latest").await {
                return;
            }
            sleep(LOOK * 2).await;
        }
        faults.push("the node still holds a transaction of the account".to_owned());
    }
}

async fn nonce(world: &WorldHandle, account: Address, at: &str) -> u64 {
    world.rpc().ask::<_, U64>("eth_getTransactionCount", (account, at)).await.unwrap().to()
}

/// Until chain and journal say that all is done; never again after that, so that whoever asks twice waits for something else.
async fn finished(watch: &mut JoinHandle<usize>) {
    while !watch.is_finished() {
        sleep(LOOK).await;
    }
}

/// Looks at chain and journal beside the process, and plays the reorganisation of a plan.
struct Watch {
    /// The run is over, finished or not. A reorganisation that has begun is finished first: the world must know of it.
    over: Arc<AtomicBool>,
    world: WorldHandle,
    pool: String,
    books: Arc<Books>,
    target: u32,
    reorg: Option<u64>,
    account: Address,
    /// The account's next nonce when the run began.
    nonce: u64,
    sky: Sky,
}

impl Watch {
    /// Ends when the weights are ordered to the target and the journal has nothing open, or when the run is over. Gives how often
    /// the chain was reorganised.
    async fn until_finished(mut self) -> usize {
        let mut reorgs = 0;
        while !self.over.load(Ordering::Relaxed) {
            sleep(LOOK).await;
            if nonce(&self.world, self.account, "latest").await > self.nonce {
                self.sky.landed();
            }
            let Some(operations) = self.books.operations().await else { continue };
            if is_cancelling(&operations) {
                self.sky.cancelling();
            }
            if let (Some(depth), Some(block)) = (self.reorg, included(&operations)) {
                let above = (self.world.rpc().height().await.unwrap() + 1).saturating_sub(block);
                if above <= FINALITY {
                    self.sky.reorganised();
                    self.world.reorg(depth.max(above)).await.unwrap();
                    reorgs += 1;
                }
                // Once; and a block that lies too deep already is final.
                self.reorg = None;
                continue;
            }
            if is_settled(&operations) && self.on_target().await {
                break;
            }
        }
        reorgs
    }

    /// Whether the pool is at the target, or on its way there.
    async fn on_target(&self) -> bool {
        let at = self.world.pool(&self.pool).unwrap().coins.iter().position(|coin| *coin == Coin::Usdc).unwrap();
        let update = self.world.gradual_update(&self.pool).await.unwrap();
        update.end_weights[at].abs_diff(Weight::from_bps(self.target * 100)) <= STORAGE
    }
}
