//! In whose name a person at the site speaks through the agent.

use std::os::unix::fs::MetadataExt as _;

use anyhow::Context as _;

/// What the kernel says of a login that was never made (`loginuid` in proc(5)).
const NO_LOGIN: &str = "4294967295";

/// Who runs this: whoever logged in, also behind sudo(8), else whom this process runs as. The name by
/// passwd(5), and the number where a directory service has it.
pub(crate) fn local_user() -> anyhow::Result<String> {
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login
        .map(|it| it.trim().to_owned())
        .filter(|it| it != NO_LOGIN);
    let uid = match login {
        Some(uid) => uid,
        None => std::fs::metadata("/proc/self")
            .context("cannot tell who runs this: /proc is not mounted")?
            .uid()
            .to_string(),
    };
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Ok(name_of(&uid, &passwd).unwrap_or_else(|| format!("uid {uid}")))
}

fn name_of(uid: &str, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_person_is_named_as_passwd_names_them() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nmaia:x:1001:100::/home/maia:/bin/bash\n";
        assert_eq!(name_of("1001", passwd).as_deref(), Some("maia"));
        assert_eq!(name_of("1002", passwd), None);
    }
}
