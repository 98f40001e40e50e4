//! Processes by number and start time: a number alone is given out again (proc(5), pid(2)).

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process of this boot, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// In clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub(crate) started: u64,
    pub(crate) boot: String,
}

/// Differs from one start of the machine to the next.
pub(crate) fn boot_id() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned())
}

impl Process {
    pub(crate) fn is_alive(&self, boot: &str) -> bool {
        self.boot == boot && start_of(self.pid) == Some(self.started)
    }

    /// Sends a signal to this process and never to one that got its number later.
    pub(crate) fn signal(&self, boot: &str, signal: Signal) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(());
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(());
        };
        if !self.is_alive(boot) {
            return Ok(());
        }
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The start time of a process that runs; none for a zombie.
fn start_of(pid: i32) -> Option<u64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(stat: &str) -> Option<u64> {
    // The name in parentheses may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The processes of this user whose environment carries the marker, wherever they have moved to.
pub(crate) fn carrying(marker: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = std::str::from_utf8(entry.file_name().as_bytes())
                .ok()?
                .parse()
                .ok()?;
            carries(pid, marker).then_some(pid)
        })
        .collect()
}

fn carries(pid: i32, key: &str) -> bool {
    // Of the tasks of an array, each has the attempt's id and a key of its own.
    let name = if key.contains('.') {
        "ALCYONE_TASK"
    } else {
        "ALCYONE_ATTEMPT"
    };
    let wanted = format!("{name}={key}");
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    })
}

/// Kills what is left of a job. Repeats, as a process may fork while it is looked for.
pub(crate) fn sweep(marker: &str) {
    for _ in 0..5 {
        let left = carrying(marker);
        if left.is_empty() {
            return;
        }
        for pid in left {
            kill_if_it_carries(pid, marker);
        }
    }
}

/// The number may belong to another process since it was looked at: what the handle holds is looked
/// at once more, and cannot change any more.
fn kill_if_it_carries(pid: i32, marker: &str) {
    let handle = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    if let Some(Ok(handle)) = handle
        && carries(pid, marker)
    {
        // Gone meanwhile: what we wanted.
        let _ = pidfd_send_signal(handle, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn of_two_numbers_only_the_one_that_carries_the_marker_is_killed() {
        let sleeper = |marker: &str| {
            Command::new("sleep")
                .arg("600")
                .env("ALCYONE_ATTEMPT", marker)
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        };
        let (mut ours, mut other) = (sleeper("att_ours"), sleeper("att_other"));
        for child in [&ours, &other] {
            let pid = i32::try_from(child.id()).unwrap();
            kill_if_it_carries(pid, "att_ours");
        }
        assert!(!ours.wait().unwrap().success());
        assert_eq!(other.try_wait().unwrap(), None, "it lives");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let fields: Vec<String> = (4..=30).map(|n| n.to_string()).collect();
        let stat = format!("7 (a) b) S {}", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some(22));
        assert_eq!(parse_stat(&stat.replace(" S ", " Z ")), None);
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn this_process_is_alive_and_the_one_that_had_its_number_before_is_not() {
        let boot = boot_id().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Process {
            pid,
            started: start_of(pid).unwrap(),
            boot: boot.clone(),
        };
        assert!(me.is_alive(&boot));
        assert!(!me.is_alive("another boot"));
        let earlier = Process {
            started: me.started - 1,
            ..me
        };
        assert!(!earlier.is_alive(&boot));
        // Would end this test run if it hit.
        earlier.signal(&boot, Signal::KILL).unwrap();
    }
}
