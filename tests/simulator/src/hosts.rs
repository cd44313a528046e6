//! Hosts begin, end and come back. The engine in them is the real one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wasaga_core::{Defaults, Digest};
use wasaga_engine::{Builder, Engine};
use wasaga_journal::memory::Memory;

use crate::guests::{MODULE, Simulated, version};
use crate::journal::Unreliable;
use crate::log::What;
use crate::scenario::{How, When};
use crate::stage::{HostWorld, Living, Stage};

/// How long a host may take to drain beyond its patience before that is a trouble.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// All places for hosts, and who is there.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub(crate) stage: Arc<Stage>,
    pub(crate) memory: Memory,
    places: Mutex<Places>,
    over: mpsc::UnboundedSender<usize>,
}

#[derive(Debug, Default)]
struct Places {
    /// By place: who is there and can be asked.
    now: Vec<Option<Engine>>,
    /// Every life that ever was, by number.
    lives: Vec<(Arc<Living>, Option<Engine>)>,
    /// How many lives each place has had.
    had: Vec<usize>,
}

impl Hosts {
    /// No hosts yet; the receiver hears of lives that end by themselves.
    pub(crate) fn new(stage: Arc<Stage>) -> (Arc<Self>, mpsc::UnboundedReceiver<usize>) {
        let (over, ends) = mpsc::unbounded_channel();
        let count = stage.scenario.hosts.len();
        let places = Places { now: vec![None; count], lives: Vec::new(), had: vec![0; count] };
        (Arc::new(Self { stage, memory: Memory::new(), places: Mutex::new(places), over }), ends)
    }

    /// Who can be asked, this place first.
    pub(crate) fn engines(&self, first: usize) -> Vec<Engine> {
        let places = self.places.lock();
        let count = places.now.len();
        (0..count).filter_map(|i| places.now[(first + i) % count].clone()).collect()
    }

    /// Whether there is somebody in each place.
    pub(crate) fn is_complete(&self) -> bool {
        self.places.lock().now.iter().all(Option::is_some)
    }

    /// A host begins in a place, and keeps trying until it has what it needs.
    pub(crate) async fn begin(self: Arc<Self>, place: usize) {
        let life = self.new_life(place);
        let number = life.number;
        let host = self.stage.scenario.hosts[place];
        let seed = self.stage.scenario.seed ^ (number as u64 + 1).wrapping_mul(0x9e6c_63d0_876a_68ee);
        let journal = Unreliable { memory: self.memory.clone(), stage: self.stage.clone(), life: life.clone() };
        let guests = Simulated { stage: self.stage.clone(), life: life.clone() };
        let engine = Builder::new(Arc::new(journal), Arc::new(guests))
            .host(&format!("h{place}"))
            .world(Arc::new(HostWorld::new(self.stage.clone(), host.skew_ms, seed)))
            .defaults(Defaults::default())
            .in_flight_max(host.in_flight_max)
            .journal_patience(Duration::from_millis(host.patience_ms))
            .start()
            .await
            .expect("joining the journal in memory does not fail");
        self.stage.note(What::Began(number, place));
        if let Some(lease_ms) = self.stage.scenario.lease_ms {
            tokio::spawn(self.clone().watch_lease(life.clone(), Duration::from_millis(lease_ms)));
        }
        self.places.lock().lives[number].1 = Some(engine.clone());
        if let Some(When::Time(ms)) = life.end.map(|end| end.when) {
            let life = life.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                life.ends_now();
            });
        }
        let mut given = 0;
        if host.brings_modules {
            self.give(&engine, &life, Arc::from(MODULE)).await;
            while self.stage.scenario.versions.get(given).is_some_and(|at_ms| self.stage.is_over(*at_ms)) {
                self.give(&engine, &life, version(given)).await;
                given += 1;
            }
            tokio::spawn(self.clone().give_later(engine.clone(), life.clone(), given));
        }
        if !life.is_dead() {
            self.places.lock().now[place] = Some(engine);
        }
    }

    /// Gives a host the versions that are still to come, one after the other.
    async fn give_later(self: Arc<Self>, engine: Engine, life: Arc<Living>, given: usize) {
        for (number, at_ms) in self.stage.scenario.versions.iter().enumerate().skip(given) {
            tokio::time::sleep(Duration::from_millis(*at_ms).saturating_sub(self.stage.elapsed())).await;
            self.give(&engine, &life, version(number)).await;
        }
    }

    async fn give(&self, engine: &Engine, life: &Living, bytes: Arc<[u8]>) {
        while engine.add_module(bytes.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.stage.note(What::Added(life.number, Digest::of(&bytes)));
    }

    fn new_life(&self, place: usize) -> Arc<Living> {
        let mut places = self.places.lock();
        let nth = places.had[place];
        places.had[place] += 1;
        let ends = self.stage.scenario.ends.iter().filter(|end| end.place == place);
        let end = ends.copied().nth(nth).filter(|_| !self.stage.is_calm());
        let life = Arc::new(Living::new(places.lives.len(), place, end, self.over.clone()));
        places.lives.push((life.clone(), None));
        life
    }

    /// A life ends, and after a while another begins in its place.
    pub(crate) async fn end(self: Arc<Self>, number: usize) {
        let (life, engine) = self.places.lock().lives[number].clone();
        let (Some(end), Some(engine)) = (life.end, engine) else { return };
        match end.how {
            How::Dies => {}
            How::Zombie(ms) => {
                self.lose(&life);
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            How::Drains(patience_ms) => {
                self.stage.note(What::Drains(number));
                let patience = Duration::from_millis(patience_ms);
                if tokio::time::timeout(patience + DRAIN_MAX, engine.drain(patience)).await.is_err() {
                    self.stage.trouble(format!("host {number} does not come to an end of its drain"));
                }
            }
        }
        if life.die() {
            self.stage.note(What::Died(number));
        }
        self.places.lock().now[life.place] = None;
        // Its tasks end; nothing outside sees it, for it is cut off.
        tokio::spawn(async move { engine.drain(Duration::ZERO).await });
        tokio::time::sleep(Duration::from_millis(end.found_ms)).await;
        self.lose(&life);
        tokio::time::sleep(Duration::from_millis(end.back_ms)).await;
        self.begin(life.place).await;
    }

    /// Takes a host for dead whose lease has run out. It joins anew when it hears of that.
    async fn watch_lease(self: Arc<Self>, life: Arc<Living>, lease: Duration) {
        let mut taken = None;
        loop {
            let ends = *life.beat.lock() + lease;
            tokio::time::sleep_until(ends).await;
            if life.is_dead() {
                return;
            }
            let host = life.host.lock().clone();
            if *life.beat.lock() + lease <= Instant::now() && host != taken {
                self.stage.note(What::Lapsed(life.number));
                self.lose(&life);
                taken.clone_from(&host);
            }
            if host == taken {
                tokio::time::sleep(lease).await;
            }
        }
    }

    fn lose(&self, life: &Living) {
        let host = life.host.lock().clone();
        if let Some(host) = host {
            self.memory.lose(&host);
            self.stage.note(What::Lost(life.number));
        }
    }
}
