//! Core assignment: the server under test has its own core, load generator and upstream share the other.

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores of a run.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// For the server under test.
    pub server: usize,
    /// For everything else.
    pub load: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub fn pick() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("read the allowed cores")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let server = cores.next().context("a core")?;
        let load = cores.next();
        ensure!(load.is_some(), "the bench needs two cores, one for the server and one for the load");
        Ok(Self { server, load: load.unwrap_or(server) })
    }

    /// Starts a child on the server's core. A child inherits its parent's affinity from its first instruction, so this
    /// thread moves there temporarily; setting the affinity afterwards would miss threads already started.
    pub fn on_server_core<T>(self, start: impl FnOnce() -> T) -> Result<T> {
        pin(self.server)?;
        let started = start();
        pin(self.load)?;
        Ok(started)
    }
}

/// Pins this thread, and what it starts, to one core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("pin to core {core}"))
}
