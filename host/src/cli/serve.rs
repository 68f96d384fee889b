//! `masker serve`: starts the service and runs it until it is stopped.

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

/// Starts the service and runs until a signal stops it.
pub fn run(environment: &Environment, accept_loss: Vec<Kid>, verbose: u8) -> Result<(), Failure> {
    // New files are private to the user, including those that libraries create.
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
        .context("cannot create the runtime")
        .map_err(Failure::from)?;
    let traces = telemetry::start(level, config.log_format, runtime.handle()).map_err(Failure::from)?;
    for (name, nearest) in environment.unknown() {
        tracing::warn!("unknown variable {name}, did you mean {nearest}?");
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
    // Bound first: a port in use is the most common mistake, and preparing plugins takes seconds.
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
    // The actual address: with port 0 the system chooses the port.
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("listening on http://{address}");
    offer_login_link(&app).await?;
    let retention = tokio::spawn(app.clone().keep_deleting());
    let journal = tokio::spawn(app.clone().keep_journal());
    let watching = tokio::spawn(app.clone().watch_plugin_folder());
    // From here on signals are handled. During the start a signal ends the process.
    let signals = Signals::listen().context("cannot install signal handlers")?;
    let (stop, stopped) = oneshot::channel();
    let stopped = stopped.map(drop).shared();
    let serving = async {
        let public = http::serve(app.clone(), listener, stopped.clone());
        match admin {
            Ok(admin) => drop(tokio::join!(public, admin.serve(app.clone(), stopped.clone()))),
            Err(error) => {
                tracing::warn!(%error, "cannot create the admin socket in MASKER_DATA_DIR: other commands need this service to be stopped");
                public.await;
            }
        }
    };
    tokio::select! {
        () = serving => {}
        // Requests that are cut off are recorded as `partial` when the runtime shuts down.
        patience = out_of_patience(signals, stop, grace) => tracing::warn!("{patience}: cutting off requests in flight"),
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
        Err(ErrorKind::AddrInUse) => "; stop the process that uses the port, or choose another port",
        Err(ErrorKind::AddrNotAvailable) => "; choose an address of this machine",
        Err(ErrorKind::PermissionDenied) => "; choose a port above 1023",
        Ok(_) | Err(_) => "",
    };
    listener.with_context(|| format!("{variable}={address}: cannot listen on {address}{advice}"))
}

/// Raises the limit of open files to the maximum, because each connection needs one. A failure only means fewer
/// connections.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}

fn warn_development(config: &Config) {
    let upstream = match config.provider {
        Provider::Stub => "the built-in stub, which echoes its input",
        Provider::Openai => "the configured LLM provider",
    };
    let _ = writeln!(
        std::io::stderr(),
        "\n  ! DEVELOPMENT MODE: keys are generated in {}; do not send real patient data.\n  ! Upstream: {upstream}.\n",
        config.data_dir.display()
    );
}

/// Prints a sign-in link at every start until the first user has signed in. The link is a credential, so it is printed
/// only to a terminal or with the human-readable log format, never into structured logs.
async fn offer_login_link(app: &App) -> anyhow::Result<()> {
    if app.store().has_users().await? {
        return Ok(());
    }
    let for_people = app.config.log_format == LogFormat::Pretty;
    if !for_people && !std::io::stderr().is_terminal() {
        tracing::info!(
            "no user has signed in yet; run `masker admin login-link` to create a sign-in link for the operator"
        );
        return Ok(());
    }
    let link = app.login_link().await?;
    let _ = writeln!(std::io::stderr(), "\n  Sign-in link (single use, valid for one hour): {link}\n");
    Ok(())
}

async fn metrics(State(app): State<Arc<App>>) -> Vec<u8> {
    if let Ok(bytes) = app.store().vault().size_bytes().await {
        app.pipeline.metrics.vault_size(bytes);
    }
    app.pipeline.metrics.render()
}

/// Stops the server at the first signal. Returns the reason when requests in flight must be cut off.
async fn out_of_patience(mut signals: Signals, stop: oneshot::Sender<()>, grace: Duration) -> &'static str {
    signals.next().await;
    tracing::info!("stopping: waiting for requests in flight");
    let _ = stop.send(());
    tokio::select! {
        () = tokio::time::sleep(grace) => "shutdown grace period exceeded",
        () = signals.next() => "second signal received",
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
