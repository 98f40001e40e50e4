//! passwd(5): users that the machine itself knows.

const FILE: &str = "/etc/passwd";

/// The number of a user of this name.
pub(crate) fn uid_of(user: &str) -> Option<u32> {
    let passwd = std::fs::read_to_string(FILE).ok()?;
    passwd.lines().find_map(|line| {
        let (name, uid) = entry(line)?;
        (name == user).then_some(uid)
    })
}

/// The user of this number. None for one of a directory service.
pub fn name_of(uid: u32) -> Option<String> {
    name_in(&std::fs::read_to_string(FILE).ok()?, uid)
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let mut entries = passwd.lines().filter_map(entry);
    entries.find_map(|(name, it)| (it == uid).then(|| name.to_owned()))
}

fn entry(line: &str) -> Option<(&str, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    Some((name, fields.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_person_is_named_as_passwd_names_them() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\n\n+::::::\nmaia:x:1001:100::/home/maia:/bin/bash\n";
        assert_eq!(name_in(passwd, 1001).as_deref(), Some("maia"));
        assert_eq!(name_in(passwd, 1002), None);
    }
}
