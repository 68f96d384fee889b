//! The policies of an install: the one that comes with it, and those of `MASKER_POLICY_PATH`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::config::Config;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::policy::{self, CompiledPolicy, PolicyError};
use crate::wasm::Registry;

/// Policies by name, as they were written.
pub struct Policies {
    documents: BTreeMap<String, Arc<str>>,
    kids: Vec<Kid>,
    plugins: Vec<(Arc<str>, Vec<Kind>)>,
}

impl Policies {
    /// Reads and checks every policy file.
    ///
    /// # Errors
    /// A policy that does not compile, with all that is wrong with it. In development mode it is left out instead.
    pub fn load(config: &Config, plugins: &Registry) -> anyhow::Result<Self> {
        let mut policies = Self {
            documents: BTreeMap::new(),
            kids: config.keys.kids().cloned().collect(),
            plugins: plugin_kinds(plugins),
        };
        for (source, document) in read_documents(config.policy_path.as_deref())? {
            match policies.compile(&document) {
                Ok(compiled) => {
                    policies.documents.insert(compiled.name.to_string(), document.into());
                }
                Err(errors) if config.development => {
                    tracing::error!("{source} is not used:\n{}", describe(&errors));
                }
                Err(errors) => bail!("{source}:\n{}", describe(&errors)),
            }
        }
        Ok(policies)
    }

    /// A policy's document by name.
    pub fn document(&self, name: &str) -> Option<Arc<str>> {
        self.documents.get(name).cloned()
    }

    /// Checks a document against this install.
    pub fn compile(&self, document: &str) -> Result<CompiledPolicy, Vec<PolicyError>> {
        let environment = policy::Environment { kids: &self.kids, plugins: &self.plugins };
        policy::load(document, 1, &environment).map(|(_, compiled)| compiled)
    }
}

/// Checks a document for the command line: against these plugins, with any kid that it names.
pub fn compile_local(document: &str, plugins: &Registry) -> Result<CompiledPolicy, Vec<PolicyError>> {
    let kids: Vec<Kid> = policy::Policy::parse(document).map(|policy| vec![policy.kid]).unwrap_or_default();
    let plugins = plugin_kinds(plugins);
    policy::load(document, 1, &policy::Environment { kids: &kids, plugins: &plugins }).map(|(_, compiled)| compiled)
}

fn plugin_kinds(plugins: &Registry) -> Vec<(Arc<str>, Vec<Kind>)> {
    plugins.iter().map(|plugin| (Arc::from(plugin.manifest.name.as_str()), plugin.manifest.kinds.clone())).collect()
}

/// Where a document stands, and the document.
type Document = (String, String);

fn read_documents(path: Option<&Path>) -> anyhow::Result<Vec<Document>> {
    let mut documents =
        vec![("the built-in policy healthcare-default".to_owned(), policy::HEALTHCARE_DEFAULT.to_owned())];
    let Some(path) = path else { return Ok(documents) };
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    for file in files {
        let document = std::fs::read_to_string(&file)
            .with_context(|| format!("MASKER_POLICY_PATH: cannot read {}", file.display()))?;
        documents.push((file.display().to_string(), document));
    }
    Ok(documents)
}

fn describe(errors: &[PolicyError]) -> String {
    errors.iter().map(|error| format!("  {error}\n")).collect()
}
