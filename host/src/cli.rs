//! The command line: one module per command, one table of exit codes.

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
    /// The server, for the commands that need one; MASKER_SERVER, or the file's `server`, when it is not given.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// A file of settings; MASKER_CONFIG, ./masker.toml or ~/.config/masker/config.toml when it is not given.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy, for `policy validate`, `agents create`, `serve` and the commands that mask: a file, or a name. These last
    /// use `policy` of the file of settings when it is not given, then healthcare-default.
    #[arg(long, global = true, value_name = "FILE|NAME")]
    policy: Option<String>,
    /// Say more; twice for more still.
    #[arg(short, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the service.
    Serve(ServeOptions),
    /// Play a phone call through Masker, here and now: what was said, what the LLM saw, what came back.
    Demo,
    /// Mask a text, line by line, and print it.
    Mask(TextOptions),
    /// Print what would be masked in a text.
    Detect(TextOptions),
    /// Measure a policy on labelled text.
    Eval(eval::EvalOptions),
    /// Policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Agents of a server.
    #[command(subcommand)]
    Agents(server::Agents),
    /// Sessions of a server.
    #[command(subcommand)]
    Sessions(server::Sessions),
    /// Plugins: a component on this machine, and those of a server.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Take a signed compliance report from a server.
    Report(server::ReportOptions),
    /// Print a script that completes commands in a shell: `source <(masker completions bash)`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page: `masker man | man -l -`.
    Man,
    /// API tokens of this install.
    #[command(subcommand)]
    Token(TokenCommand),
    /// What tokens stand for, on the machine itself. A service that runs on the data does `stats` and `purge`; for the others it
    /// must be stopped. `stats` and `purge` also with `--server`.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// The audit journal.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// What only the operator does, on the machine itself.
    #[command(subcommand)]
    Admin(AdminCommand),
}

/// How the service starts.
#[derive(clap::Args)]
struct ServeOptions {
    /// Give up the values of the vault that this kid's key sealed, where that key is gone for good; may be given several times.
    /// It is written in the journal, and later starts know.
    #[arg(long, value_name = "KID", value_parser = kid)]
    accept_loss: Vec<Kid>,
}

fn kid(text: &str) -> Result<Kid, &'static str> {
    Kid::new(text).ok_or("a kid is of the form [A-Z0-9_]+")
}

/// What `mask` and `detect` share.
#[derive(clap::Args)]
struct TextOptions {
    /// The text; standard input when it is not given or `-`.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How tokens are made, in place of what the policy says.
    #[arg(long, value_parser = ["vault-deterministic", "reversible-aead", "synthetic", "redact"])]
    scheme: Option<String>,
    /// Run only these passes of the policy, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    passes: Option<Vec<String>>,
    /// Ignore findings below this confidence, in place of the policy's thresholds.
    #[arg(long, value_name = "0..1")]
    threshold: Option<f32>,
    /// End with exit code 2 when nothing was found.
    #[arg(long)]
    require_match: bool,
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Check a policy file and say everything that is wrong with it.
    Validate {
        /// The file; standard input for `-`; that of `--policy` when it is not given.
        file: Option<PathBuf>,
    },
    /// Print a policy of a server.
    Show {
        /// Its name.
        name: String,
        /// Which version; the newest when it is not given.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Print what a file would change of a server's policy. Ends with exit code 2 when it would.
    Diff {
        /// The policy's name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// Make a server read its policy files again.
    Reload,
}

#[derive(Subcommand)]
enum PluginCommand {
    /// Write a new project that works: a plugin, its cases, a policy.
    New {
        /// The plugin's name, and its folder's.
        name: String,
        /// What it is written in.
        #[arg(long, value_enum, default_value = "rust")]
        lang: plugin::Language,
    },
    /// Build the project in a folder to plugin.wasm with its language's own tools.
    Build {
        /// The folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Say what a component is, or why it would not be taken.
    Inspect {
        /// The component.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
    },
    /// Run a component on labelled cases, each once more behind other characters than ASCII.
    Test {
        /// The component.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// The cases: a line each, `[KIND:text]` around what must be found.
        #[arg(long, default_value = "cases.txt", value_name = "FILE")]
        cases: PathBuf,
        /// End with exit code 2 when fewer percent of the cases come out as labelled.
        #[arg(long, default_value_t = 100.0, value_name = "PERCENT")]
        floor: f32,
    },
    /// Measure what a call of a component costs, beside what it may cost.
    Bench {
        /// The component.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// What it is called with, in turn: cases as for `test`.
        #[arg(long, default_value = "cases.txt", value_name = "FILE")]
        cases: PathBuf,
        /// What a policy would say under `config`, as JSON.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        plugin_config: String,
        /// How many calls.
        #[arg(long, default_value_t = 1000)]
        calls: usize,
    },
    /// Make a key that signs components, and print its public half.
    Keygen {
        /// The file for the secret half; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a component: the signature stands beside it, in FILE.sig.
    Sign {
        /// The component.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// A file that `keygen` wrote.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Say whose signature a component has; end with exit code 2 when it is of none of the keys.
    Verify {
        /// The component.
        #[arg(default_value = plugin::COMPONENT)]
        file: PathBuf,
        /// A public key; may be given several times.
        #[arg(long = "key", required = true, value_name = "PUBLIC_KEY")]
        keys: Vec<String>,
        /// The signature, where it does not stand beside the component.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
    #[command(flatten)]
    OfServer(server::Plugins),
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check every line of a journal and name the first that is not as it was written.
    Verify {
        /// The journal.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// A file with the key it was written with; MASKER_AUDIT_HMAC_KEY when it is not given.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Check this one file of a journal that has several, and ask for nothing that stood before it.
        #[arg(long)]
        part: bool,
    },
    /// Prove that an event stands in its session's Merkle tree.
    Prove {
        /// The journal.
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// The event.
        #[arg(long, value_name = "EVENT_ID")]
        event: String,
        /// A file with the journal's key, to check the whole journal first; MASKER_AUDIT_HMAC_KEY when it is not given.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum VaultCommand {
    /// Print how much is in it, by key and kind.
    Stats,
    /// Write its rows down as JSON lines; the values in them only where that is asked for.
    Export(vault::ExportOptions),
    /// Erase values, and texts of sessions with them: their tokens resolve no more.
    Purge(vault::PurgeOptions),
    /// Make a key for a new kid; with that key set, seal every value with it.
    RotateKey {
        /// The kid.
        #[arg(long, value_name = "KID")]
        new_kid: String,
    },
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make an API token and print its secret, once.
    Create {
        /// What people call it.
        #[arg(long)]
        name: String,
        /// What it may do; may be given several times.
        #[arg(long = "scope", required = true, value_parser = crate::http::auth::SCOPES)]
        scopes: Vec<String>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Print a link that signs the operator in, once.
    LoginLink,
}

/// How a command talks.
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
            // Help and version are answers, everything else is a wrong call.
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

/// What `--policy` stands for where neither it nor the file says otherwise.
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
                return Err(Failure::new(exit::USAGE, "name one policy: a file, or `-` for standard input"));
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
        // Where a server is named, it is asked; else it is the install of this machine, whatever MASKER_SERVER says.
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
