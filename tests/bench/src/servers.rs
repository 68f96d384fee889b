//! The servers under test, each a separate process on the server's core.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cores::Cores;
use crate::floor;
use crate::http1::Wire;
use crate::load::Target;

/// Timeout for `/health` at startup: the first start compiles plugins.
const START_LIMIT: Duration = Duration::from_secs(180);

/// Timeout for shutdown.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts a command on the server's core and waits until `/health` answers 200.
    async fn start(mut command: Command, address: SocketAddr, log: PathBuf, cores: Cores) -> Result<Self> {
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = cores.on_server_core(|| command.spawn())?;
        let child = child.with_context(|| format!("start {:?}", command.get_program()))?;
        let mut server = Self { child, address, log };
        server.wait_until_healthy().await?;
        Ok(server)
    }

    /// The floor in front of `upstream`, a base URL.
    pub async fn floor(upstream: &str, directory: &Path, cores: Cores) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", "--listen", &address.to_string()]);
        command.args(["--upstream", upstream]);
        Self::start(command, address, directory.join("floor.log"), cores).await
    }

    /// This server as a target on `path`.
    pub fn target(&self, path: &str, masks: bool) -> Target {
        Target { address: self.address, path: path.to_owned(), masks, pid: Some(self.pid()) }
    }

    /// The floor as a target.
    pub fn floor_target(&self) -> Target {
        self.target(floor::PATH, false)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it and waits until it has exited, so that its files can be copied or filled.
    pub async fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).context("ask a server to end")?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(asked.elapsed() < STOP_LIMIT, "a server did not end within {STOP_LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            let answer = exchange(self.address, "GET", "/health", "", &Value::Null).await;
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log_tail());
            }
            ensure!(
                started.elapsed() < START_LIMIT,
                "the server was not healthy within {START_LIMIT:?}; /health: {answer:?}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How to run the masker binary.
#[derive(Clone, Debug)]
pub struct MaskerCommand {
    /// The binary.
    pub program: PathBuf,
    /// Arguments before the subcommand; only the stand-in has any.
    pub first_arguments: Vec<String>,
    /// The model's base URL.
    pub upstream: String,
}

impl MaskerCommand {
    fn command(&self, data: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first_arguments).args(arguments);
        // The caller's own environment must not affect the measurement.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MASKER_") {
                command.env_remove(name);
            }
        }
        command
            .env("MASKER_DEV", "1")
            .env("MASKER_DATA_DIR", data)
            .env("MASKER_UPSTREAM_PROVIDER", "openai")
            .env("MASKER_OPENAI_BASE_URL", &self.upstream)
            .env("MASKER_OPENAI_API_KEY", "bench")
            .env("MASKER_LOG_LEVEL", "warn")
            .env("MASKER_DETECTION_TIMEOUT_MS", "2000");
        command
    }

    fn create_token(&self, data: &Path) -> Result<String> {
        let scopes = ["--scope", "agents:read", "--scope", "agents:write"];
        let arguments = [&["token", "create", "--name", "bench"], &scopes[..]].concat();
        let output = self.command(data, &arguments).output();
        let output = output.context("run masker token create")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "masker token create: {errors}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// A data directory with one agent, created once and copied for each instance, so that only the first start compiles
/// plugins.
#[derive(Debug)]
pub struct Install {
    command: MaskerCommand,
    data: PathBuf,
    /// The agent's path for chat completions.
    pub path: String,
}

impl Install {
    /// Starts Masker on an empty directory and creates the agent. Returns the running server.
    pub async fn create(command: MaskerCommand, data: &Path, cores: Cores) -> Result<(Self, Server)> {
        fs::create_dir_all(data)?;
        let mut install = Self { command, data: data.to_owned(), path: String::new() };
        let server = install.start(cores).await?;
        let token = install.command.create_token(data)?;
        install.path = create_agent(server.address, &token).await?;
        Ok((install, server))
    }

    /// A copy of the install in another directory; the server must be stopped.
    pub fn copy(&self, data: &Path) -> Result<Self> {
        copy_directory(&self.data, data)?;
        Ok(Self { command: self.command.clone(), data: data.to_owned(), path: self.path.clone() })
    }

    /// Starts a server on it.
    pub async fn start(&self, cores: Cores) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.command.command(&self.data, &["serve"]);
        command.env("MASKER_LISTEN_ADDR", address.to_string());
        let log = self.data.with_extension("log");
        Server::start(command, address, log, cores).await
    }

    /// Its folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
}

async fn create_agent(address: SocketAddr, token: &str) -> Result<String> {
    let agent = json!({"name": "bench", "upstream": "openai:gpt-4o-mini", "platform": "custom"});
    let authorization = format!("authorization: Bearer {token}\r\n");
    let (status, body) = exchange(address, "POST", "/api/v1/agents", &authorization, &agent).await?;
    let text = String::from_utf8_lossy(&body);
    ensure!(status == 201, "creating the agent: {status} {text}");
    let created: Value = serde_json::from_slice(&body)?;
    let base = created["agent"]["proxy_base_url"].as_str();
    let base = base.with_context(|| format!("no agent.proxy_base_url in {text}"))?;
    // Only the path: the published host may have another port than this instance.
    let (_, rest) = base.split_once("://").unwrap_or(("", base));
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    Ok(format!("{path}/chat/completions"))
}

/// One request on a new connection; each of the `headers` ends in a line end.
async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &Value,
) -> Result<(u16, Vec<u8>)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut wire = Wire::connect(address).await?;
    wire.write(request.as_bytes()).await?;
    let head = wire.read_head().await?.context("no answer")?;
    let mut answer = Vec::new();
    wire.read_body(head.length, &mut answer, |_| ()).await?;
    let status = head.first_line.split(' ').nth(1);
    let status = status.and_then(|status| status.parse().ok());
    Ok((status.context("no status")?, answer))
}

/// A port that was free a moment ago; the server binds it next.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    // Keys and compiled plugins are in directories whose mode is checked at startup.
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).with_context(|| format!("copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
