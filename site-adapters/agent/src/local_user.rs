//! In whose name a person at the site speaks through the agent.

use std::os::unix::fs::MetadataExt as _;

use anyhow::Context as _;
use site_agent::passwd::name_of;

/// What the kernel says of a login that was never made (`loginuid` in proc(5)).
const NO_LOGIN: &str = "4294967295";

/// Who runs this: whoever logged in, also behind sudo(8), else whom this process runs as. The name by
/// passwd(5), and the number where a directory service has it.
pub(crate) fn local_user() -> anyhow::Result<String> {
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login
        .map(|it| it.trim().to_owned())
        .filter(|it| it != NO_LOGIN);
    let uid = match login.and_then(|it| it.parse().ok()) {
        Some(uid) => uid,
        None => std::fs::metadata("/proc/self")
            .context("cannot tell who runs this: /proc is not mounted")?
            .uid(),
    };
    Ok(name_of(uid).unwrap_or_else(|| format!("uid {uid}")))
}
