use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// How long mimalloc keeps what was freed, in milliseconds. It reads this once, before `main`.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Starts this program anew, as the same process, with an allocator that gives memory back at once:
/// with ten thousand jobs each poll takes and frees as much as the agent keeps. An operator who has
/// set the variable is left alone.
pub(crate) fn give_memory_back() {
    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(PURGE_DELAY, "0")
        .exec();
    eprintln!("alcyone-agent: goes on with more memory than it needs: {error}");
}
