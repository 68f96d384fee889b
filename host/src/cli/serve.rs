//! `masker serve`.

use std::io::{ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures_util::FutureExt;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::exit::{self, Failure};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Environment, LogFormat, Provider};
use crate::http::admin_socket::AdminSocket;
use crate::keys::Kid;
use crate::{http, telemetry};

/// Starts the service and stays until it is told to stop.
pub fn run(environment: &Environment, accept_loss: Vec<Kid>, verbose: u8) -> Result<(), Failure> {
    // Whatever is made is the user's own, also where a library makes it.
    umask(Mode::from_raw_mode(0o077));
    let config = Config::load(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
    let config = Config { accept_loss, ..config };
    let level = match verbose {
        0 => config.log_level.as_str(),
        1 => "debug",
        _ => "trace",
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime")
        .map_err(Failure::from)?;
    let traces = telemetry::start(level, config.log_format, runtime.handle()).map_err(Failure::from)?;
    for (name, nearest) in environment.unknown() {
        tracing::warn!("the variable {name} is not read by this release; the nearest that is: {nearest}");
    }
    let served = runtime.block_on(serve(config)).map_err(Failure::from);
    if let Some(traces) = traces {
        traces.finish();
    }
    served
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let address = config.listen_addr;
    let metrics_address = config.metrics_addr;
    let grace = config.shutdown_grace;
    raise_file_limit();
    // Bound first: a port that is taken is the most common mistake, and preparing plugins takes seconds.
    let listener = listen("MASKER_LISTEN_ADDR", address).await?;
    if config.development {
        warn_development(&config);
    }
    let app = App::start(config, Clock::system(), Vec::new()).await?;
    if let Some(address) = metrics_address {
        let listener = listen("MASKER_METRICS_ADDR", address).await?;
        let routes = Router::new().route("/metrics", get(metrics)).with_state(app.clone());
        tokio::spawn(http::serve_metrics(routes, listener, app.config.connections));
    }
    let admin = AdminSocket::bind(&app.config.data_dir);
    // The port that the system chose, where the setting leaves it to the system.
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("listening on http://{address}");
    offer_login_link(&app).await?;
    let retention = tokio::spawn(app.clone().keep_deleting());
    let journal = tokio::spawn(app.clone().keep_journal());
    let watching = tokio::spawn(app.clone().watch_plugin_folder());
    // From here on a signal does not end the process by itself any more; while it starts, it does.
    let signals = Signals::listen().context("no signals")?;
    let (stop, stopped) = oneshot::channel();
    let stopped = stopped.map(drop).shared();
    let serving = async {
        let public = http::serve(app.clone(), listener, stopped.clone());
        match admin {
            Ok(admin) => drop(tokio::join!(public, admin.serve(app.clone(), stopped.clone()))),
            Err(error) => {
                tracing::warn!(%error, "no admin socket in MASKER_DATA_DIR: commands work on this install only while no service runs");
                public.await;
            }
        }
    };
    tokio::select! {
        () = serving => {}
        // What is cut off is recorded as `partial` when the runtime ends.
        patience = out_of_patience(signals, stop, grace) => tracing::warn!("{patience}: requests in flight are cut off"),
    }
    retention.abort();
    journal.abort();
    watching.abort();
    app.evidence.stop();
    app.store().sessions_flushed().await?;
    app.finish_journal().await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    let advice = match listener.as_ref().map_err(std::io::Error::kind) {
        Err(ErrorKind::AddrInUse) => "; stop what listens there, or choose another port",
        Err(ErrorKind::AddrNotAvailable) => "; choose an address of this machine",
        Err(ErrorKind::PermissionDenied) => "; choose a port from 1024 on",
        Ok(_) | Err(_) => "",
    };
    listener.with_context(|| format!("{variable}={address}: cannot listen on {address}{advice}"))
}

/// As many file descriptors as the system gives: each connection is one. Where it gives no more, there are fewer
/// connections.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
}

fn warn_development(config: &Config) {
    let upstream = match config.provider {
        Provider::Stub => "the built-in stub, which echoes",
        Provider::Openai => "the configured LLM provider",
    };
    let _ = writeln!(
        std::io::stderr(),
        "\n  ! DEVELOPMENT MODE: keys are generated below {}; do not send real patients' data.\n  ! Upstream: {upstream}.\n",
        config.data_dir.display()
    );
}

/// While nobody has ever signed in, every start offers a link that does. It is a credential, so it goes to a person at a
/// terminal, or to whoever reads lines made for people, and never into a stream of log lines.
async fn offer_login_link(app: &App) -> anyhow::Result<()> {
    if app.store().has_users().await? {
        return Ok(());
    }
    let for_people = app.config.log_format == LogFormat::Pretty;
    if !for_people && !std::io::stderr().is_terminal() {
        tracing::info!("nobody has signed in yet; `masker admin login-link` makes a link that signs the operator in");
        return Ok(());
    }
    let link = app.login_link().await?;
    let _ = writeln!(std::io::stderr(), "\n  Sign in, once and within the hour: {link}\n");
    Ok(())
}

async fn metrics(State(app): State<Arc<App>>) -> Vec<u8> {
    if let Ok(bytes) = app.store().vault().size_bytes().await {
        app.pipeline.metrics.vault_size(bytes);
    }
    app.pipeline.metrics.render()
}

/// Tells the server to stop at the first signal; ends, with the reason, when those in flight get no more time.
async fn out_of_patience(mut signals: Signals, stop: oneshot::Sender<()>, grace: Duration) -> &'static str {
    signals.next().await;
    tracing::info!("stopping: requests in flight finish");
    let _ = stop.send(());
    tokio::select! {
        () = tokio::time::sleep(grace) => "the time to stop is over",
        () = signals.next() => "told to stop a second time",
    }
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
