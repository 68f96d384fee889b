//! Which global options apply to the called command. All others are rejected, because users assume that an accepted
//! option has an effect.

use super::exit::{self, Failure};
use super::server::{Agents, Plugins};
use super::{Cli, Command, PluginCommand, PolicyCommand, VaultCommand};

#[derive(Clone, Copy, Default)]
struct Uses {
    /// `--json` and `--quiet`.
    output: bool,
    config: bool,
    server: bool,
    policy: bool,
    verbose: bool,
}

impl Cli {
    /// Rejects options that the command would ignore.
    pub(super) fn refuse_idle_options(&self) -> Result<(), Failure> {
        let uses = uses(&self.command);
        let is_detect_with_scheme = matches!(&self.command, Command::Detect(options) if options.scheme.is_some());
        let idle = [
            ("--json", self.json && !uses.output),
            ("--quiet", self.quiet && !uses.output),
            ("--config", self.config.is_some() && !uses.config),
            ("--server", self.server.is_some() && !uses.server),
            ("--policy", self.policy.is_some() && !uses.policy),
            ("--verbose", self.verbose > 0 && !uses.verbose),
            ("--scheme", is_detect_with_scheme),
        ];
        match idle.into_iter().find(|(_, is_idle)| *is_idle) {
            Some((option, _)) => Err(Failure::new(exit::USAGE, format!("{option} has no effect here"))),
            None => Ok(()),
        }
    }
}

fn uses(command: &Command) -> Uses {
    let nothing = Uses::default();
    let prints = Uses { output: true, ..nothing };
    let with_file = Uses { config: true, ..prints };
    let with_policy = Uses { policy: true, ..with_file };
    let of_server = Uses { server: true, ..with_file };
    match command {
        Command::Serve(_) => Uses { config: true, policy: true, verbose: true, ..nothing },
        Command::Completions { .. } | Command::Man => nothing,
        Command::Demo => prints,
        Command::Mask(_) | Command::Detect(_) | Command::Eval(_) | Command::Policy(PolicyCommand::Validate { .. }) => {
            with_policy
        }
        Command::Agents(Agents::Create { policy_name: None, policy_file: None, .. }) => {
            Uses { policy: true, ..of_server }
        }
        Command::Policy(_) | Command::Agents(_) | Command::Sessions(_) | Command::Report(_) => of_server,
        Command::Plugin(PluginCommand::OfServer(command)) => match command {
            Plugins::List { dir: None } | Plugins::Install { dir: None, .. } | Plugins::Remove { dir: None, .. } => {
                of_server
            }
            Plugins::List { .. } | Plugins::Install { .. } | Plugins::Remove { .. } => prints,
        },
        Command::Plugin(_) => prints,
        Command::Vault(VaultCommand::Stats | VaultCommand::Purge(_)) => of_server,
        Command::Vault(_) | Command::Audit(_) | Command::Token(_) | Command::Admin(_) => with_file,
    }
}
