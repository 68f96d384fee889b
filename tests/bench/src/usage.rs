//! Resource usage of a process, read from `/proc`: CPU time and memory, including its children.

use std::fs;

use anyhow::{Context, Result};

/// The kernel's unit of CPU time in user space on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process, its living children and the ones it has waited for, in seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    // utime, stime, cutime, cstime. A child that exited since it was listed is included in its parent's children time.
    let ticks = |fields: Vec<u64>| fields[11..15].iter().sum::<u64>();
    let own = ticks(stat_fields(pid)?);
    let children: u64 = tree(pid).into_iter().skip(1).filter_map(|pid| stat_fields(pid).ok()).map(ticks).sum();
    Ok((own + children) as f64 / TICKS_PER_SECOND)
}

/// Proportional set size of a process and its children, in MiB.
pub fn pss_mib(pid: u32) -> Result<f64> {
    let own = pss_kib(pid)?;
    let children: u64 = tree(pid).into_iter().skip(1).filter_map(|pid| pss_kib(pid).ok()).sum();
    Ok((own + children) as f64 / 1024.0)
}

fn pss_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let size = line.and_then(|line| line.split_whitespace().next());
    Ok(size.and_then(|size| size.parse().ok()).unwrap_or(0))
}

/// The process and everything below it.
fn tree(root: u32) -> Vec<u32> {
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(pid) = pids.get(next).copied() {
        next += 1;
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    pids
}

/// The numbers of `/proc/PID/stat` after the command's name, which may hold spaces; field 3, the state, is 0 here.
fn stat_fields(pid: u32) -> Result<Vec<u64>> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    let (_, rest) = stat.rsplit_once(')').with_context(|| path.clone())?;
    let fields = rest.split_whitespace();
    Ok(fields.map(|field| field.parse().unwrap_or(0)).collect())
}

/// Cores, CPU model and kernel, in one line.
pub fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("CPU unknown", |(_, name)| name);
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {model}, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_seconds(pid).unwrap();
        while cpu_seconds(pid).unwrap() < before + 0.05 {}
        assert!(pss_mib(pid).unwrap() > 0.1);
    }

    #[test]
    fn the_tree_holds_children() {
        let mut child = std::process::Command::new("sleep").arg("5").spawn().unwrap();
        assert!(tree(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
