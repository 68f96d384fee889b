//! What agents are made of, as it is at one moment: the plugins, the policies by name, the names of the keys.
//!
//! A catalog never changes. A change makes the next one, prepares the agents that it touches, and puts both in the place
//! of what was there in one step ([`super::changes`]).

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

/// A policy that agents can name.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// As it was written.
    pub document: Arc<str>,
    /// Which version that is.
    pub version: u32,
}

/// Plugins, policies and keys.
#[derive(Clone)]
pub struct Catalog {
    shelf: InstalledPlugins,
    kinds: Vec<(Arc<str>, Vec<Kind>)>,
    kids: Arc<[Kid]>,
    of_install: BTreeMap<String, NamedPolicy>,
    of_accounts: HashMap<AccountId, BTreeMap<String, NamedPolicy>>,
}

impl Catalog {
    /// Without policies.
    pub(super) fn new(shelf: InstalledPlugins, kids: Arc<[Kid]>) -> Self {
        let kinds = plugin_kinds(shelf.plugins());
        Self { shelf, kinds, kids, of_install: BTreeMap::new(), of_accounts: HashMap::new() }
    }

    /// The same with these policies and no others.
    pub(super) fn with_policies(&self, policies: Vec<Policy>) -> Self {
        let mut next = Self::new(self.shelf.clone(), self.kids.clone());
        for Policy { account_id, name, version, document, .. } in policies {
            next.put(account_id, &name, NamedPolicy { document: document.into(), version });
        }
        next
    }

    /// The same with a policy of an account added or replaced.
    pub(super) fn with_policy(&self, account: AccountId, name: &str, policy: NamedPolicy) -> Self {
        let mut next = self.clone();
        next.put(Some(account), name, policy);
        next
    }

    /// The same with these in the place of the install's policies.
    pub(super) fn with_policies_of_install(&self, policies: impl Iterator<Item = (String, NamedPolicy)>) -> Self {
        Self { of_install: policies.collect(), ..self.clone() }
    }

    /// The same with other plugins.
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

    /// The plugins, and where each comes from.
    pub fn shelf(&self) -> &InstalledPlugins {
        &self.shelf
    }

    /// A plugin by name.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.shelf.plugins().get(name)
    }

    /// What an account means by a policy's name: its own, else the install's.
    pub fn policy(&self, account: AccountId, name: &str) -> Option<&NamedPolicy> {
        self.policy_of_account(account, name).or_else(|| self.policy_of_install(name))
    }

    /// A policy of an account's own.
    pub fn policy_of_account(&self, account: AccountId, name: &str) -> Option<&NamedPolicy> {
        self.of_accounts.get(&account)?.get(name)
    }

    /// A policy that comes with Masker or from a file.
    pub fn policy_of_install(&self, name: &str) -> Option<&NamedPolicy> {
        self.of_install.get(name)
    }

    /// The names of the install's policies.
    pub(super) fn names_of_install(&self) -> impl Iterator<Item = &str> {
        self.of_install.keys().map(String::as_str)
    }

    /// Compiles a document that was checked when it came in.
    pub fn compile(&self, document: &str, version: u32) -> Result<CompiledPolicy, Vec<PolicyError>> {
        policy::load(document, version, &self.environment()).map(|(_, compiled)| compiled)
    }

    /// The same for one that somebody brings: what its patterns cost is checked too.
    pub fn check(&self, document: &str, version: u32, cancel: &Cancel) -> Result<CompiledPolicy, Vec<PolicyError>> {
        policy::check(document, version, &self.environment(), &|| cancel.is_set())
    }

    fn environment(&self) -> policy::Environment<'_> {
        policy::Environment { kids: &self.kids, plugins: &self.kinds }
    }
}

/// The plugins as a policy is checked against them.
pub(super) fn plugin_kinds(plugins: &Registry) -> Vec<(Arc<str>, Vec<Kind>)> {
    plugins.iter().map(|plugin| (Arc::from(plugin.manifest.name.as_str()), plugin.manifest.kinds.clone())).collect()
}
