//! `masker plugin build`: runs the build tools of the project's language and validates the component.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::super::Output;
use super::super::exit::{self, Failure};

/// File name of a project's component, in its folder.
pub const COMPONENT: &str = "plugin.wasm";

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the project in a folder to `plugin.wasm` and describes it.
pub fn build(folder: &Path, output: Output) -> Result<(), Failure> {
    let there = |file: &str| folder.join(file).exists();
    if there("Cargo.toml") {
        rust(folder)?;
    } else if there("package.json") {
        javascript(folder)?;
    } else if there("plugin.py") {
        python(folder)?;
    } else {
        let what = "no Cargo.toml, package.json or plugin.py found: run `masker plugin new` to create a project";
        return Err(Failure::new(exit::USAGE, format!("{}: {what}", folder.display())));
    }
    super::inspect(&folder.join(COMPONENT), output)
}

fn rust(folder: &Path) -> Result<(), Failure> {
    let compiler = Command::new("rustc").args(["--print", "sysroot"]).current_dir(folder).output();
    let compiler = compiler.map_err(|error| missing("rustc", &error))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&compiler.stdout).trim());
    if !sysroot.join("lib/rustlib").join(TARGET).exists() {
        let what = format!("the Rust target {TARGET} is not installed: run `rustup target add {TARGET}`");
        return Err(Failure::new(exit::GENERIC, what));
    }
    let mut cargo = Command::new("cargo");
    // A plugin's memory starts with its stack, and the host scans it after every request.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-C link-arg=-zstack-size=262144");
    run(cargo.args(["build", "--release", "--target", TARGET]).current_dir(folder))?;
    let module = module_of(folder)?;
    let bytes = fs::read(&module).map_err(|error| failed(&module, &error))?;
    let component = masker_componentize::componentize(&bytes)
        .map_err(|error| Failure::new(exit::COMMAND, format!("{}: {error:#}", module.display())))?;
    write(folder, &component)
}

/// Path of the module that cargo built.
fn module_of(folder: &Path) -> Result<PathBuf, Failure> {
    let mut cargo = Command::new("cargo");
    let answer = cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder).output();
    let answer = answer.map_err(|error| missing("cargo", &error))?;
    let metadata: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    let targets = metadata["packages"].as_array().into_iter().flatten();
    let library = targets.flat_map(|package| package["targets"].as_array().into_iter().flatten()).find(|target| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|crate_type| crate_type == "cdylib"))
    });
    let name = library.and_then(|library| library["name"].as_str());
    let target = metadata["target_directory"].as_str();
    let (Some(name), Some(target)) = (name, target) else {
        let what = "this package has no `cdylib` library: add crate-type = [\"cdylib\", \"rlib\"] to [lib]";
        return Err(Failure::new(exit::COMMAND, format!("{}: {what}", folder.join("Cargo.toml").display())));
    };
    Ok(Path::new(target).join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_"))))
}

fn javascript(folder: &Path) -> Result<(), Failure> {
    if !folder.join("node_modules").exists() {
        run(Command::new("npm").args(["install", "--no-fund", "--no-audit"]).current_dir(folder))?;
    }
    run(Command::new("npm").args(["run", "build"]).current_dir(folder))
}

fn python(folder: &Path) -> Result<(), Failure> {
    if !folder.join(".venv").exists() {
        run(Command::new("python3").args(["-m", "venv", ".venv"]).current_dir(folder))?;
        run(Command::new("./.venv/bin/pip")
            .args(["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"])
            .current_dir(folder))?;
    }
    let arguments = ["-d", "wit", "-w", "plugin", "componentize", "--stub-wasi", "plugin", "-o", COMPONENT];
    run(Command::new("./.venv/bin/componentize-py").args(arguments).current_dir(folder))
}

/// Runs a tool with its output on standard error, because standard output is for the command's result.
fn run(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(Stdio::from(std::io::stderr())).status().map_err(|error| missing(&program, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(exit::COMMAND, format!("{program} failed ({status})"))),
    }
}

fn write(folder: &Path, component: &[u8]) -> Result<(), Failure> {
    let path = folder.join(COMPONENT);
    fs::write(&path, component).map_err(|error| failed(&path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::GENERIC, format!("{}: {error}", path.display()))
}

fn missing(program: &str, error: &std::io::Error) -> Failure {
    Failure::new(exit::GENERIC, format!("cannot run {program}: {error}"))
}
