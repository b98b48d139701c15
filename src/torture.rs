//! Torture: what is promised of a world, tried on a real one. Nothing typed is lost, nothing runs twice, nothing seen is forgotten.
//!
//! Players play over real telnet sockets while the server is reloaded, killed, stopped and started again at random moments:
//!
//! - *typists* type numbered lines, ten a second, into a room and on a channel: each must be answered and heard once, in order;
//! - *bankers* move coins between their hands and rooms, and walk about: what each was shown must be what is stored;
//! - *visitors* come and go, in every way there is;
//! - a *ringer* and a *lamplighter* try signals and timers.
//!
//! Beside them a *witness* reads what is committed, from a trail that the database itself lays, and holds every line that reports a
//! change against it: each is shown once to everyone who was there, and nothing else is.
//!
//! It knows the doors of a world as a stranger's program would, and the tables that it is stored in.

mod banker;
mod client;
mod count;
mod gremlin;
mod keepers;
mod model;
mod player;
mod players;
mod report;
mod reports;
mod scene;
mod stage;
mod typist;
mod visitor;
mod witness;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use count::Tally;
pub use gremlin::{Deeds, Done};
pub use report::{Growth, Report};
pub use scene::{Size, has_demo};
pub use stage::{Promise, Violation};
pub use witness::Committed;

use crate::config::{Config, PasswordConfig, StorageConfig};
use crate::db::{self, DbError, Trail, seed};
use crate::failpoint;
use crate::testing::{TestServer, poll};
use gremlin::Gremlin;
use player::{Door, PATIENCE};
use scene::Scene;
use stage::{Phase, Stage};
use witness::Witness;

/// A run.
#[derive(Debug, Clone)]
pub struct Torture {
    /// The program whose world it is.
    pub exe: PathBuf,
    /// Where the world lives; missing or empty. `None` for a folder in the system's one for temporary files, which goes away unless
    /// something is wrong.
    pub data_dir: Option<PathBuf>,
    /// Where it is stored, if not in a file there. An empty database.
    pub database_url: Option<String>,
    /// What the dice begin with.
    pub seed: u64,
    /// How many of what.
    pub size: Size,
    /// What is done to it.
    pub deeds: Deeds,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TortureError {
    /// The folder holds something.
    #[error("{}: {why}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database holds a world.
    #[error("{0} holds a world already; a tortured one needs a database of its own")]
    Inhabited(String),
    /// Storage does not do.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Torture {
    /// Makes a world, tortures it, and returns what was found. Blocks.
    ///
    /// # Errors
    ///
    /// There is no place for it.
    pub fn run(self) -> Result<Report, TortureError> {
        let began = Instant::now();
        let (folder, is_own) = self.folder()?;
        let config = Config {
            data_dir: folder.clone(),
            storage: StorageConfig { database_url: self.database_url.clone(), ..StorageConfig::default() },
            password: PasswordConfig { memory_kib: 1024, passes: 1, ..PasswordConfig::default() },
            ..Config::default()
        };
        let database = db::open(&config)?;
        if !seed::is_empty(&mut database.connect()?)? {
            return Err(TortureError::Inhabited(database.name()));
        }
        let secs = if let Deeds::For(time) = self.deeds { time.as_secs() } else { 120 };
        let scene = Arc::new(Scene::build(self.size, secs, &config, &database)?);
        let trail = Trail::lay(&database)?;
        let stage = Arc::new(Stage::new(scene.cast.iter().map(|member| member.name.clone())));
        let mut report = Report::new(&self, database.name(), folder.clone());

        // What the harness waits for in vain ends in a panic, with all that the world has printed.
        let run = || self.perform(&folder, &scene, trail, &stage, &mut report);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            stage.violated(Promise::Life, "the world", text.unwrap_or_default(), Vec::new());
            stage.close();
        }
        report.violations = stage.violations();
        (report.typed, report.answered) = stage.lines();
        report.seconds = began.elapsed().as_secs_f64();
        if is_own && report.is_clean() {
            // Best effort: a leftover in the temporary folder harms nobody.
            let _ = fs::remove_dir_all(&folder);
        }
        Ok(report)
    }

    fn folder(&self) -> Result<(PathBuf, bool), TortureError> {
        // Short: a Unix socket in it has about 100 bytes for its whole path.
        let own = || std::env::temp_dir().join(format!("everhall-torture-{}-{}", std::process::id(), self.seed));
        let path = self.data_dir.clone().unwrap_or_else(own);
        let refused = |why: String| TortureError::Folder { path: path.clone(), why };
        fs::create_dir_all(&path).map_err(|error| refused(error.to_string()))?;
        let is_empty = fs::read_dir(&path).map_err(|error| refused(error.to_string()))?.next().is_none();
        if !is_empty {
            return Err(refused("is not empty; a tortured world needs a folder of its own".to_owned()));
        }
        Ok((path, self.data_dir.is_none()))
    }

    /// The run itself: comes in, plays, is tortured, settles, and is looked at.
    fn perform(&self, folder: &Path, scene: &Arc<Scene>, trail: Trail, stage: &Arc<Stage>, report: &mut Report) {
        let orders = folder.join("fail-at");
        let mut server = self.start(folder, &orders);
        let witness = Witness::start(trail, scene.clone(), stage.clone());
        let door =
            Door { address: server.telnet_address(), stage: stage.clone(), scene: scene.clone(), seed: self.seed };
        let players = std::thread::spawn(move || players::play(&door));
        let is_in = wait_for(stage, Phase::Enter);
        report.growth.begin(server.portal_pid());
        stage.begin(Phase::Play);
        let mut gremlin = Gremlin {
            server: &server,
            stage,
            dice: fastrand::Rng::with_seed(self.seed),
            orders,
            done: Done::default(),
        };
        let is_whole = is_in && gremlin.work(&self.deeds).is_ok();
        report.done = gremlin.done;
        for phase in [Phase::Settle, Phase::Sync] {
            stage.begin(phase);
            if !is_whole || !wait_for(stage, phase) {
                break;
            }
        }
        report.growth.end(server.portal_pid(), stage);
        // As long as the players are there: characters whose link is lost leave the world.
        let seen = witness.finish(stage);
        stage.begin(Phase::End);
        let outcome = match players.join() {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => return stage.violated(Promise::Life, "the players", error.to_string(), Vec::new()),
            Err(_) => return stage.violated(Promise::Life, "the players", "a player panicked", Vec::new()),
        };
        report.tally = outcome.tally;
        report.reports = stage.end_pairing();
        if let Some(seen) = seen {
            report.committed = seen.check(scene, &outcome, stage);
        }
        if !server.stop().success() {
            stage.violated(Promise::Life, "the world", "it did not end well", Vec::new());
        }
    }

    fn start(&self, folder: &Path, orders: &Path) -> TestServer {
        // More threads than this machine may have cores, or one for all: both orders of events are tried.
        let arbiters = 1 + self.seed % 3;
        let server = TestServer::with_exe(&self.exe)
            .config(&format!("[server]\narbiters = {arbiters}\npatience_ms = 3000\nsafe_after_deaths = 0\n"))
            .config("[world]\nlink_lost_secs = 1\nroom_idle_secs = 1\n")
            .env(failpoint::VARIABLE, &orders.to_string_lossy())
            .data_dir(folder);
        match &self.database_url {
            Some(url) => server.database_url(url).start(),
            None => server.start(),
        }
    }
}

/// Waits until everybody has done a phase's work; false if somebody has not in time, which is noted.
fn wait_for(stage: &Stage, phase: Phase) -> bool {
    // They give up themselves before that.
    let patience = PATIENCE * 2 + Duration::from_secs(5);
    let done = poll(patience, || stage.behind(phase).is_empty().then_some(())).is_some();
    if !done {
        let who = stage.behind(phase).join(", ");
        stage.violated(Promise::Life, "the players", format!("{who} did not come to {phase:?}"), Vec::new());
    }
    done
}
