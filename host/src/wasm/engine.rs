//! The two wasmtime engines, one for requests and one for configuring plugins, and the epoch clock that ends endless
//! loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::limits;

/// Tick of the epoch clock: a pass may overrun its limit by this much. A tick costs about 20 microseconds of one
/// core, and limits are tens of milliseconds.
pub const TICK: Duration = Duration::from_millis(5);

/// Ticks without a running pass until the clock sleeps. Long enough that a busy server does not pay for waking it,
/// short enough that an idle one costs nothing.
const IDLE_TICKS: u64 = 400;

/// Converts a limit to a deadline in ticks from now. The current tick may be nearly over, so one is added: a pass
/// always gets at least `limit`.
pub fn ticks(limit: Duration) -> u64 {
    let ticks = limit.as_millis().div_ceil(TICK.as_millis());
    u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
}

/// Instances per thread that may exist at the same time. Slots are address space, not memory; running out of them
/// costs a hundred times more than they do.
const SLOTS_PER_THREAD: u32 = 16;

/// The wasmtime engines.
pub struct Engine {
    /// For requests: Cranelift, pooled instances.
    pub run: wasmtime::Engine,
    /// For `configure`: Winch, which compiles in a fraction of the time; instances on demand.
    pub configure: wasmtime::Engine,
    /// Whether a plugin's own message is reported when it fails.
    pub for_author: bool,
    clock: Arc<Clock>,
}

impl Engine {
    /// Builds both engines and starts the epoch clock.
    pub fn start(threads: usize) -> anyhow::Result<Arc<Self>> {
        give_way_while_compiling();
        Self::of(run_config(threads), configure_config(), false)
    }

    /// Engines that report a plugin's own message when it fails. Not for caller text.
    pub fn start_for_author() -> anyhow::Result<Arc<Self>> {
        give_way_while_compiling();
        let (mut run, mut configure) = (run_config(1), configure_config());
        run.coredump_on_trap(true);
        configure.coredump_on_trap(true);
        Self::of(run, configure, true)
    }

    fn of(run: Config, configure: Config, for_author: bool) -> anyhow::Result<Arc<Self>> {
        let new = |config| {
            wasmtime::Engine::new(&config).map_err(|error| anyhow::anyhow!("the sandbox cannot start: {error:#}"))
        };
        let run = new(run)?;
        let configure = new(configure)?;
        let clock = Clock::start([run.clone(), configure.clone()])?;
        Ok(Arc::new(Self { run, configure, for_author, clock }))
    }

    /// Engines that count fuel, about one unit per WebAssembly instruction: the same on every machine. Slower than
    /// the serving engines.
    pub fn start_counting() -> anyhow::Result<Arc<Self>> {
        let mut config = configure_config();
        config.consume_fuel(true);
        Self::of(config, configure_config(), false)
    }

    /// Keeps the epoch clock running while the guard lives. Take one before a guest runs.
    pub fn ticking(&self) -> Ticking<'_> {
        self.clock.running.fetch_add(1, Ordering::SeqCst);
        if self.clock.asleep.load(Ordering::SeqCst) {
            self.clock.thread.unpark();
        }
        Ticking(&self.clock)
    }
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::STACK)
        .memory_init_cow(true)
        // Plugins have tables of megabytes; without this their image is copied instead of mapped.
        .memory_guaranteed_dense_image_size(limits::MEMORY as u64);
    config
}

fn run_config(threads: usize) -> Config {
    let slots = SLOTS_PER_THREAD * u32::try_from(threads.max(1)).unwrap_or(1);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots * limits::CORE_INSTANCES)
        .total_memories(slots * limits::MEMORIES)
        .total_tables(slots * limits::TABLES)
        .max_core_instances_per_component(limits::CORE_INSTANCES)
        .max_memories_per_component(limits::MEMORIES)
        .max_tables_per_component(limits::TABLES)
        .max_memory_size(limits::MEMORY)
        .table_elements(limits::TABLE)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = base_config();
    config.strategy(Strategy::Cranelift).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn configure_config() -> Config {
    let mut config = base_config();
    config.strategy(Strategy::Winch);
    config
}

/// Niceness of compiler threads (the kernel's `nice`; the maximum is 19), so that serving threads take precedence.
const GIVE_WAY: i32 = 15;

/// Compiling uses every core for seconds. Wasmtime compiles on rayon's global pool; its threads get a low priority,
/// so that requests take precedence. If another component has set up the pool already, it is left unchanged.
fn give_way_while_compiling() {
    // A thread that cannot lower its priority compiles at normal priority.
    let start = |_| {
        let _ = rustix::process::nice(GIVE_WAY);
    };
    let _ =
        rayon::ThreadPoolBuilder::new().thread_name(|at| format!("compile-{at}")).start_handler(start).build_global();
}

/// Advances the epoch while passes run.
struct Clock {
    running: AtomicU64,
    asleep: AtomicBool,
    stop: AtomicBool,
    thread: Thread,
}

/// See [`Engine::ticking`].
pub struct Ticking<'c>(&'c Clock);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Clock {
    fn start(engines: [wasmtime::Engine; 2]) -> std::io::Result<Arc<Self>> {
        let (hand_over, receive) = std::sync::mpsc::sync_channel::<Arc<Clock>>(1);
        let handle = thread::Builder::new().name("deadline-clock".into()).spawn(move || {
            if let Ok(clock) = receive.recv() {
                clock.tick(&engines);
            }
        })?;
        let clock = Arc::new(Self {
            running: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            thread: handle.thread().clone(),
        });
        // The thread waits for this one message, so it is still running.
        let _ = hand_over.send(clock.clone());
        Ok(clock)
    }

    fn tick(&self, engines: &[wasmtime::Engine]) {
        let mut idle = 0;
        while !self.stop.load(Ordering::Relaxed) {
            idle = if self.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle > IDLE_TICKS {
                self.asleep.store(true, Ordering::SeqCst);
                // Check again after `asleep` is visible, so that a pass that starts now is not missed.
                if self.running.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::Relaxed) {
                    thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
                idle = 0;
                continue;
            }
            thread::sleep(TICK);
            for engine in engines {
                engine.increment_epoch();
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.clock.stop.store(true, Ordering::Relaxed);
        self.clock.thread.unpark();
    }
}
