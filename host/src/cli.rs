//! The command line: argument definitions and dispatch. Each command has its own module.

mod admin;
mod audit;
mod demo;
mod detect;
mod eval;
mod install;
mod local;
mod mask;
mod options;
mod plugin;
mod policy;
mod serve;
mod server;
mod service_settings;
mod show;
mod tail;
mod token;
mod vault;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use local::Asked;
pub use masker_client::exit::Failure;
use masker_client::settings::Settings;
use masker_client::{exit, remote};

use crate::config::Environment;
use crate::keys::Kid;

/// Keeps protected data out of LLMs during phone calls.
#[derive(Parser)]
#[command(name = "masker", version, max_term_width = 100)]
struct Cli {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but the result.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Server URL, for commands that need one. Defaults to MASKER_SERVER, then `server` in the settings file.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Settings file. Defaults to the first of MASKER_CONFIG, ./masker.toml and ~/.config/masker/config.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Policy file or name, for `policy validate`, `agents create`, `serve` and the commands that mask. For the
    /// commands that mask it defaults to `policy` in the settings file, then to healthcare-default.
    #[arg(long, global = true, value_name = "FILE|NAME")]
    policy: Option<String>,
    /// Log more; repeat for even more detail.
    #[arg(short, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the service.
    Serve(ServeOptions),
    /// Run a sample phone call through Masker: what the caller said, what the LLM saw, what the caller heard.
    Demo,
    /// Mask a text line by line and print the result.
    Mask(TextOptions),
    /// Print what would be masked in a text.
    Detect(TextOptions),
    /// Measure a policy against labelled text.
    Eval(eval::EvalOptions),
    /// Validate policies; show, compare and reload those of a server.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Manage the agents of a server.
    #[command(subcommand)]
    Agents(server::Agents),
    /// List, show and follow the sessions of a server.
    #[command(subcommand)]
    Sessions(server::Sessions),
    /// Develop plugins on this machine, and manage the plugins of a server.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Download a signed compliance report from a server.
    Report(server::ReportOptions),
    /// Print a shell completion script: `source <(masker completions bash)`.
    Completions {
        /// Shell to generate the script for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page: `masker man | man -l -`.
    Man,
    /// Create API tokens for this install.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Manage the vault, which maps tokens to their original values. `stats` and `purge` work while the service runs,
    /// also on a remote one with `--server`; for the other commands the service must be stopped.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Verify the audit journal, and prove that it contains an event.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Operator commands, run on the machine itself.
    #[command(subcommand)]
    Admin(AdminCommand),
}

/// Options of `serve`.
#[derive(clap::Args)]
struct ServeOptions {
    /// Give up the vault values encrypted with the key of this kid (key ID) after that key is permanently lost. Can be
    /// repeated. The loss is recorded in the journal, and later starts do not need the option.
    #[arg(long, value_name = "KID", value_parser = kid)]
    accept_loss: Vec<Kid>,
}

fn kid(text: &str) -> Result<Kid, &'static str> {
    Kid::new(text).ok_or("a kid must have the form [A-Z0-9_]+")
}

/// Options of `mask` and `detect`.
#[derive(clap::Args)]
struct TextOptions {
    /// Input file; standard input if omitted or `-`.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Tokenization scheme, overriding the policy.
    #[arg(long, value_parser = ["vault-deterministic", "reversible-aead", "synthetic", "redact"])]
    scheme: Option<String>,
    /// Run only these passes of the policy, comma-separated.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    passes: Option<Vec<String>>,
    /// Ignore findings below this confidence, overriding the policy's thresholds.
    #[arg(long, value_name = "0..1")]
    threshold: Option<f32>,
    /// Exit with code 2 if nothing was found.
    #[arg(long)]
    require_match: bool,
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Check a policy file and report every error in it.
    Validate {
        /// Policy file, or `-` for standard input. Defaults to the value of `--policy`.
        file: Option<PathBuf>,
    },
    /// Print a policy of a server.
    Show {
        /// Policy name.
        name: String,
        /// Version number; the newest if omitted.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Compare a file with a server's policy and print the difference. Exits with code 2 if they differ.
    Diff {
        /// Policy name.
        name: String,
        /// Policy file.
        file: PathBuf,
    },
    /// Make a server reload its policy files.
    Reload,
}

#[derive(Subcommand)]
enum PluginCommand {
    /// Create a working plugin project with test cases and a policy.
    New {
        /// Name of the plugin and of the new folder.
        name: String,
        /// Programming language.
        #[arg(long, value_enum, default_value = "rust")]
        lang: plugin::Language,
    },
    /// Build the project in a folder to plugin.wasm, using its language's own tools.
    Build {
        /// Project folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Describe a component, or explain why a server would reject it.
    Inspect {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
    },
    /// Run a component on labelled cases. Each case also runs with non-ASCII text in front of it.
    Test {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// File of test cases, one per line, with `[KIND:text]` around each expected finding.
        #[arg(long, default_value = "cases.txt", value_name = "FILE")]
        cases: PathBuf,
        /// Exit with code 2 if fewer than this percentage of cases pass.
        #[arg(long, default_value_t = 100.0, value_name = "PERCENT")]
        floor: f32,
    },
    /// Measure the time, fuel and memory of a component's calls, next to their limits.
    Bench {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// File of inputs, used in turn; same format as for `test`.
        #[arg(long, default_value = "cases.txt", value_name = "FILE")]
        cases: PathBuf,
        /// Plugin configuration as JSON, as in a policy's `config`.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        plugin_config: String,
        /// Number of calls.
        #[arg(long, default_value_t = 1000)]
        calls: usize,
    },
    /// Generate a key pair for signing components and print the public key.
    Keygen {
        /// File for the secret key; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a component; the signature is written to FILE.sig.
    Sign {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// Secret key file written by `keygen`.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Print which of the given keys signed a component. Exits with code 2 if none did.
    Verify {
        /// Component file.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// Trusted public key; can be repeated.
        #[arg(long = "key", required = true, value_name = "PUBLIC_KEY")]
        keys: Vec<String>,
        /// Signature file; FILE.sig if omitted.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
    #[command(flatten)]
    OfServer(server::Plugins),
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Verify every line of a journal and report the first one that was altered.
    Verify {
        /// Journal file.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// File with the journal's HMAC key. Defaults to MASKER_AUDIT_HMAC_KEY.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Verify only this file of a rotated journal, without the files before it.
        #[arg(long)]
        part: bool,
    },
    /// Print a proof that an event is part of its session's Merkle tree.
    Prove {
        /// Journal file.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// Event ID.
        #[arg(long, value_name = "EVENT_ID")]
        event: String,
        /// File with the journal's HMAC key; the whole journal is verified first. Defaults to MASKER_AUDIT_HMAC_KEY.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum VaultCommand {
    /// Print the number of values, by key and by kind.
    Stats,
    /// Export the rows as JSON lines, without the values unless requested.
    Export(vault::ExportOptions),
    /// Erase values and the session texts that contain them. Their tokens no longer resolve.
    Purge(vault::PurgeOptions),
    /// Generate a key for a new kid. Run again with that key set, re-encrypt every value with it.
    RotateKey {
        /// ID of the new key.
        #[arg(long, value_name = "KID")]
        new_kid: String,
    },
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Create an API token and print its secret, which is shown only once.
    Create {
        /// Name to identify the token.
        #[arg(long)]
        name: String,
        /// Permission to grant; can be repeated.
        #[arg(long = "scope", required = true, value_parser = crate::http::auth::SCOPES)]
        scopes: Vec<String>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Print a single-use sign-in link for the operator.
    LoginLink,
}

/// Output format of a command.
#[derive(Clone, Copy)]
struct Output {
    json: bool,
    quiet: bool,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version exit with 0, everything else is a usage error.
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}

/// Default of `--policy` when the settings file has none either.
const DEFAULT_POLICY: &str = "healthcare-default";

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let output = Output { json: cli.json, quiet: cli.quiet };
    cli.refuse_idle_options()?;
    let file = || service_settings::find(cli.config.as_deref());
    let remote = || remote::Remote::new(Settings::of(file()?, cli.server.as_deref())?);
    let environment = || Ok::<_, Failure>(Environment::of_process().over(service_settings::environment(&file()?)));
    let policy =
        || Ok::<_, Failure>(cli.policy.clone().or(file()?.policy).unwrap_or_else(|| DEFAULT_POLICY.to_owned()));
    match cli.command {
        Command::Serve(ServeOptions { accept_loss }) => {
            let policy_path = cli.policy.iter().map(|path| ("MASKER_POLICY_PATH", path));
            serve::run(&Environment::from_pairs(policy_path).over(environment()?), accept_loss, cli.verbose)
        }
        Command::Demo => demo::run(output),
        Command::Mask(options) => {
            let asked = Asked { options: &options, policy: &policy()?, environment: &environment()? };
            mask::run(&asked, output)
        }
        Command::Detect(options) => {
            let asked = Asked { options: &options, policy: &policy()?, environment: &environment()? };
            detect::run(&asked, output)
        }
        Command::Eval(options) => eval::run(&options, &policy()?, &environment()?, output),
        Command::Policy(PolicyCommand::Validate { file }) => {
            let named = cli.policy.as_ref().map(PathBuf::from);
            let ((Some(file), None) | (None, Some(file))) = (file, named) else {
                return Err(Failure::new(exit::USAGE, "give exactly one policy file, or `-` for standard input"));
            };
            policy::validate(&file, &environment()?, output)
        }
        Command::Policy(PolicyCommand::Show { name, version }) => {
            server::show_policy(&name, version, &remote()?, output)
        }
        Command::Policy(PolicyCommand::Diff { name, file }) => server::diff_policy(&name, &file, &remote()?, output),
        Command::Policy(PolicyCommand::Reload) => server::reload_policies(&remote()?, output),
        Command::Agents(command) => server::agents(command, cli.policy.as_deref(), &remote()?, output),
        Command::Sessions(command) => server::sessions(command, &remote()?, output),
        Command::Plugin(command) => plugins(command, remote, output),
        Command::Report(options) => server::report(&options, &remote()?, output),
        Command::Completions { shell } => completions(shell),
        Command::Man => man(),
        // `--server` selects a remote server; without it the local install is used, even if MASKER_SERVER is set.
        Command::Vault(VaultCommand::Stats) if cli.server.is_some() => vault::stats_of(&remote()?, output),
        Command::Vault(VaultCommand::Purge(options)) if cli.server.is_some() => {
            vault::purge_at(&options, &remote()?, output)
        }
        Command::Vault(VaultCommand::Stats) => vault::stats(&environment()?, output),
        Command::Vault(VaultCommand::Export(options)) => vault::export(&options, &environment()?, output),
        Command::Vault(VaultCommand::Purge(options)) => vault::purge(&options, &environment()?, output),
        Command::Vault(VaultCommand::RotateKey { new_kid }) => vault::rotate_key(&new_kid, &environment()?, output),
        Command::Audit(AuditCommand::Verify { log, key, part }) => {
            audit::verify(&log, key.as_deref(), part, &environment()?, output)
        }
        Command::Audit(AuditCommand::Prove { log, event, key }) => {
            audit::prove(&log, &event, key.as_deref(), &environment()?, output)
        }
        Command::Token(TokenCommand::Create { name, scopes }) => token::create(&name, &scopes, &environment()?, output),
        Command::Admin(AdminCommand::LoginLink) => admin::login_link(&environment()?, output),
    }
}

fn plugins(
    command: PluginCommand,
    remote: impl FnOnce() -> Result<remote::Remote, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match command {
        PluginCommand::New { name, lang } => plugin::new(&name, lang, output),
        PluginCommand::Build { folder } => plugin::build(&folder, output),
        PluginCommand::Bench { file, cases, plugin_config, calls } => {
            plugin::bench(&file, &cases, &plugin_config, calls, output)
        }
        PluginCommand::Keygen { out } => plugin::keygen(&out, output),
        PluginCommand::Sign { file, key } => plugin::sign(&file, &key, output),
        PluginCommand::Verify { file, keys, signature } => plugin::verify(&file, &keys, signature, output),
        PluginCommand::Inspect { file } => plugin::inspect(&file, output),
        PluginCommand::Test { file, cases, floor } => plugin::test(&file, &cases, floor, output),
        PluginCommand::OfServer(server::Plugins::List { dir: Some(dir) }) => plugin::folder::list(&dir, output),
        PluginCommand::OfServer(server::Plugins::Install { file, dir: Some(dir) }) => {
            plugin::folder::install(&file, &dir, output)
        }
        PluginCommand::OfServer(server::Plugins::Remove { name, dir: Some(dir) }) => {
            plugin::folder::remove(&name, &dir)
        }
        PluginCommand::OfServer(command) => server::plugins(command, &remote()?, output),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "masker", &mut script);
    exit::written(std::io::Write::write_all(&mut std::io::stdout(), &script))
}

fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(<Cli as clap::CommandFactory>::command()).render(&mut page);
    rendered.map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    exit::written(std::io::Write::write_all(&mut std::io::stdout(), &page))
}
