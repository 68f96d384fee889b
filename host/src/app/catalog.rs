//! The catalog: plugins, named policies and key names that agents are built from, at one moment.
//!
//! A catalog is immutable. A change builds the next one, prepares the affected agents, and replaces catalog and agents
//! in one step ([`super::changes`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::lanes::Cancel;
use super::plugins::InstalledPlugins;
use crate::ids::AccountId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::policy::{self, CompiledPolicy, PolicyError};
use crate::store::policies::Policy;
use crate::wasm::{Plugin, Registry};

/// A policy that agents can refer to.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// The document as written.
    pub document: Arc<str>,
    /// Its version.
    pub version: u32,
}

/// Plugins, policies and key names.
#[derive(Clone)]
pub struct Catalog {
    shelf: InstalledPlugins,
    kinds: Vec<(Arc<str>, Vec<Kind>)>,
    kids: Arc<[Kid]>,
    of_install: BTreeMap<String, NamedPolicy>,
    of_accounts: HashMap<AccountId, BTreeMap<String, NamedPolicy>>,
}

impl Catalog {
    /// A catalog without policies.
    pub(super) fn new(shelf: InstalledPlugins, kids: Arc<[Kid]>) -> Self {
        let kinds = plugin_kinds(shelf.plugins());
        Self { shelf, kinds, kids, of_install: BTreeMap::new(), of_accounts: HashMap::new() }
    }

    /// A copy with exactly these policies.
    pub(super) fn with_policies(&self, policies: Vec<Policy>) -> Self {
        let mut next = Self::new(self.shelf.clone(), self.kids.clone());
        for Policy { account_id, name, version, document, .. } in policies {
            next.put(account_id, &name, NamedPolicy { document: document.into(), version });
        }
        next
    }

    /// A copy with a policy of an account added or replaced.
    pub(super) fn with_policy(&self, account: AccountId, name: &str, policy: NamedPolicy) -> Self {
        let mut next = self.clone();
        next.put(Some(account), name, policy);
        next
    }

    /// A copy with these as the install's policies.
    pub(super) fn with_policies_of_install(&self, policies: impl Iterator<Item = (String, NamedPolicy)>) -> Self {
        Self { of_install: policies.collect(), ..self.clone() }
    }

    /// A copy with other plugins.
    pub(super) fn with_shelf(&self, shelf: InstalledPlugins) -> Self {
        Self { kinds: plugin_kinds(shelf.plugins()), shelf, ..self.clone() }
    }

    fn put(&mut self, account: Option<AccountId>, name: &str, policy: NamedPolicy) {
        let policies = match account {
            None => &mut self.of_install,
            Some(account) => self.of_accounts.entry(account).or_default(),
        };
        policies.insert(name.to_owned(), policy);
    }

    /// The plugins with their origins.
    pub fn shelf(&self) -> &InstalledPlugins {
        &self.shelf
    }

    /// A plugin by name.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.shelf.plugins().get(name)
    }

    /// The policy that a name refers to in an account: its own, else the install's.
    pub fn policy(&self, account: AccountId, name: &str) -> Option<&NamedPolicy> {
        self.policy_of_account(account, name).or_else(|| self.policy_of_install(name))
    }

    /// An account's own policy.
    pub fn policy_of_account(&self, account: AccountId, name: &str) -> Option<&NamedPolicy> {
        self.of_accounts.get(&account)?.get(name)
    }

    /// A policy that is built in or from a file.
    pub fn policy_of_install(&self, name: &str) -> Option<&NamedPolicy> {
        self.of_install.get(name)
    }

    /// The names of the install's policies.
    pub(super) fn names_of_install(&self) -> impl Iterator<Item = &str> {
        self.of_install.keys().map(String::as_str)
    }

    /// Compiles a document that was already checked.
    pub fn compile(&self, document: &str, version: u32) -> Result<CompiledPolicy, Vec<PolicyError>> {
        policy::load(document, version, &self.environment()).map(|(_, compiled)| compiled)
    }

    /// The same for a new document: the cost of its patterns is checked too.
    pub fn check(&self, document: &str, version: u32, cancel: &Cancel) -> Result<CompiledPolicy, Vec<PolicyError>> {
        policy::check(document, version, &self.environment(), &|| cancel.is_set())
    }

    fn environment(&self) -> policy::Environment<'_> {
        policy::Environment { kids: &self.kids, plugins: &self.kinds }
    }
}

/// The plugins and their kinds, for checking a policy.
pub(super) fn plugin_kinds(plugins: &Registry) -> Vec<(Arc<str>, Vec<Kind>)> {
    plugins.iter().map(|plugin| (Arc::from(plugin.manifest.name.as_str()), plugin.manifest.kinds.clone())).collect()
}
