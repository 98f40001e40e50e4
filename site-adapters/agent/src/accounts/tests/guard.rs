use super::*;

#[tokio::test]
async fn whatever_a_mapping_says_no_job_runs_as_root_or_as_the_agent() {
    let own = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let own = String::from_utf8(own.stdout).unwrap().trim().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let asked = question(project());
    for (user, allow_own, may) in [
        ("root", false, false),
        ("slurm", true, false),
        (own.as_str(), false, false),
        (own.as_str(), true, true),
        ("ada", false, true),
    ] {
        let script = format!("echo '{{\"user\":\"{user}\"}}'");
        let command = program(folder.path(), &script);
        let guarded = Guarded::new(command, LocalUsers::new(allow_own));
        let answer = guarded.account(&asked).await;
        assert_eq!(answer.is_ok(), may, "{user} {allow_own}: {answer:?}");
        if let Err(error) = answer {
            assert!(matches!(error, AccountError::Forbidden { .. }), "{error}");
        }
        let table = Guarded::new(AccountTable::everyone(user), LocalUsers::new(allow_own));
        assert_eq!(
            table.account(&asked).await.is_ok(),
            may,
            "{user} {allow_own}"
        );
    }
}

/// As id(1) on a machine whose people are in a directory.
fn directory_of_users(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("id");
    let script = "#!/bin/sh\n[ \"$1 $2\" = '-u --' ] || exit 2\ncase \"$3\" in\ntoor) echo 0;;\n\
                  agent-svc) stat -c %u /proc/self;;\nmaia) echo 4242;;\nslow) sleep 60;;\n*) exit 1;;\nesac\n";
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn root_and_the_agent_are_known_by_whatever_name_a_directory_of_users_has_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let program = directory_of_users(folder.path());
    for (user, allow_own, may) in [
        ("toor", false, false),
        ("agent-svc", false, false),
        ("agent-svc", true, true),
        ("maia", false, true),
        ("known-to-slurm-only", false, true),
    ] {
        let users = LocalUsers::new(allow_own).asking(&program);
        let guarded = Guarded::new(AccountTable::everyone(user), users);
        for _ in 0..2 {
            let answer = guarded.account(&question(project())).await;
            let refused = matches!(answer, Err(AccountError::Forbidden { .. }));
            assert_eq!(refused, !may, "{user} {allow_own}: {answer:?}");
            assert_eq!(answer.is_ok(), may, "{user} {allow_own}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_job_waits_while_the_directory_of_users_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let users = LocalUsers::new(false).asking(&directory_of_users(folder.path()));
    let guarded = Guarded::new(AccountTable::everyone("slow"), users);
    let later = guarded.account(&question(project())).await;
    assert!(
        matches!(later, Err(AccountError::Unavailable(_))),
        "{later:?}"
    );
}

#[tokio::test]
async fn where_jobs_run_as_the_agent_a_mapping_may_name_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let ids = directory_of_users(folder.path());
    for (user, may) in [
        ("agent-svc", true),
        ("maia", false),
        ("known-to-nobody", false),
    ] {
        let script = format!("echo '{{\"user\":\"{user}\"}}'");
        let command = program(folder.path(), &script);
        let users = LocalUsers::new(true).asking(&ids);
        let own_only = OwnUserOnly::new(command, users);
        let answer = own_only.account(&question(project())).await;
        assert_eq!(answer.is_ok(), may, "{user}: {answer:?}");
        if let Err(error) = answer {
            let words = error.to_string();
            assert!(
                words.contains(&format!("names the user `{user}`")),
                "{words}"
            );
            assert!(words.contains("ask the site to name `"), "{words}");
        }
    }
}

#[tokio::test]
async fn an_agent_whose_user_has_no_name_is_named_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let users = LocalUsers::new(true).asking(&directory_of_users(folder.path()));
    let users = users.seen_by(54_321);
    for (user, own) in [("54321", None), ("54322", Some("54321"))] {
        let answer = users.own_beside(user).await.unwrap();
        assert_eq!(answer.as_deref(), own, "{user}");
    }
}
