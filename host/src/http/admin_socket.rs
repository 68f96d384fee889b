//! The admin socket: lets local commands use a running service, which has exclusive access to its files.
//!
//! A Unix socket in the data folder. Anyone who can connect can also read the files, so there are no credentials:
//! access is decided by the socket's mode and the peer's user id. It serves a few routes of the API and one of its own,
//! and is not part of the OpenAPI document.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::UnixListener;

use super::auth::OnMachine;
use super::error::ApiError;
use super::{api, router};
use crate::app::{App, login_url};

const NAME: &str = "admin.sock";
/// The route that creates a sign-in link.
pub const LOGIN_LINK: &str = "/login-link";
/// Body limit in bytes. The largest body is a value to erase.
const LARGEST_BODY: usize = 1 << 20;
/// Longest path in bytes that fits into a socket address on every system.
const LONGEST_PATH: usize = 100;

/// The admin socket of a service.
pub struct AdminSocket {
    listener: UnixListener,
    name: Name,
}

/// The socket file. Removed on drop, so also when the service fails.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl AdminSocket {
    /// Binds the socket in a data folder that this process has locked. An existing socket is left over from a crash.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // The service's umask denies access to others until the mode is set.
        let listener = at(folder, |path| UnixListener::bind(path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, name: Name(path) })
    }

    /// Serves until `stop` completes, then waits for requests in flight.
    pub async fn serve(self, app: Arc<App>, stop: impl Future<Output = ()> + Send + 'static) {
        let Self { listener, name: _name } = self;
        let routes = routes(app).into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(listener, routes).with_graceful_shutdown(stop).await;
        if let Err(error) = served {
            tracing::error!(error = %error.kind(), "the admin socket failed");
        }
    }
}

/// Connects to the service of a data folder. `None` if none is running.
pub fn connect(folder: &Path) -> Option<UnixStream> {
    at(folder, |path| UnixStream::connect(path)).ok()
}

/// The socket's path, through the open folder if the plain path is too long for a socket address.
fn at<T>(folder: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = folder.join(NAME);
    if path.as_os_str().len() <= LONGEST_PATH {
        return with(&path);
    }
    let folder = File::open(folder)?;
    with(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(NAME))
}

fn routes(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/api/v1/tokens", post(api::tokens::create))
        .route("/api/v1/vault/stats", get(api::vault::stats))
        .route("/api/v1/vault/purge", post(api::vault::purge))
        .route(LOGIN_LINK, post(login_link))
        .layer(middleware::from_fn(owner_only))
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    router::in_layers(routes, router::OverTls::of("")).with_state(app)
}

/// The connected peer.
#[derive(Clone, Copy)]
struct Peer {
    may_ask: bool,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self { may_ask: stream.io().peer_cred().is_ok_and(|peer| [0, own].contains(&peer.uid())) }
    }
}

async fn owner_only(
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !peer.may_ask {
        return Err(ApiError::forbidden("only the user that the service runs as may do this"));
    }
    request.extensions_mut().insert(OnMachine(()));
    Ok(next.run(request).await)
}

/// A link that signs the operator in.
#[derive(Serialize)]
struct Link {
    url: String,
    expires_at: String,
}

async fn login_link(State(app): State<Arc<App>>) -> Result<Json<Link>, ApiError> {
    let (secret, expires_at) = app.store().create_login_link().await?;
    let url = login_url(&app.config.public_url, &secret);
    Ok(Json(Link { url, expires_at: expires_at.to_string() }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_replaces_one_that_a_crash_left_and_fits_into_any_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = folder.path().join("x".repeat(120));
        fs::create_dir(&long).expect("created");
        for folder in [folder.path(), &long] {
            assert!(connect(folder).is_none());
            drop(at(folder, |path| UnixListener::bind(path)).expect("bound"));
            assert!(folder.join(NAME).exists() && connect(folder).is_none(), "as after a crash");
            let socket = AdminSocket::bind(folder).expect("bound again");
            assert_eq!(fs::metadata(folder.join(NAME)).expect("a socket").mode() & 0o777, 0o600);
            assert!(connect(folder).is_some());
            drop(socket);
            assert!(!folder.join(NAME).exists());
        }
    }
}
