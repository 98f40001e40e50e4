use super::*;

pub(crate) const SETTINGS: &str = r#"
        system = "polaris"
        reader = "alcyone"
        work_dir = "/home/{user}"
        [partitions.gpu]
        gpu_kind = "a100"
        [partitions.cpu]
        queue = "workq"
    "#;

pub(crate) fn fault(change: impl FnOnce(&mut PbsSettings)) -> String {
    let mut settings: PbsSettings = toml::from_str(SETTINGS).unwrap();
    settings.validate().unwrap();
    change(&mut settings);
    settings.validate().unwrap_err().to_string()
}

#[test]
fn a_fault_is_told_with_its_key_and_a_remedy() {
    assert!(fault(|s| s.reader = "root".to_owned()).contains("`reader`"));
    assert!(fault(|s| s.reader = "a b".to_owned()).contains("`reader`"));
    assert!(fault(|s| s.settle_seconds = s.submit_seconds).contains("`settle_seconds`"));
    assert!(fault(|s| s.work_dir = "home".to_owned()).contains("`work_dir`"));
    assert!(fault(|s| s.run_as = vec!["sudo".to_owned()]).contains("full path"));
    assert!(fault(|s| s.gpu_resource = "a b".to_owned()).contains("`gpu_resource`"));
    assert!(fault(|s| s.partitions.clear()).contains("`partitions`"));
}

#[test]
fn more_than_ten_commands_a_second_are_refused() {
    for rate in [0, 11, 1000] {
        let told = fault(|s| s.commands_per_second = rate);
        assert!(told.contains("`commands_per_second`"), "{told}");
    }
}

/// The commented section of the agent's example, without its marks.
fn example() -> toml::Table {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/agent.example.toml"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split("for OpenPBS or PBS Pro").nth(1).unwrap();
    let section = &section[section.find("# [adapter.settings]").unwrap()..];
    let lines = section.lines().take_while(|line| line.starts_with('#'));
    let bare: Vec<&str> = lines.map(|line| line[1..].trim_start()).collect();
    let table: toml::Table = toml::from_str(&bare.join("\n")).unwrap();
    table["adapter"]["settings"].as_table().unwrap().clone()
}

#[test]
fn the_example_is_valid_and_has_every_key_there_is() {
    let settings: PbsSettings = example().try_into().unwrap();
    settings.validate().unwrap();
    for place in [&[][..], &["transport"], &["partitions", "gpu"]] {
        let mut wrong = example();
        let table = place.iter().fold(&mut wrong, |table, key| {
            table.get_mut(*key).unwrap().as_table_mut().unwrap()
        });
        let written = table.clone();
        table.insert("no_such_key".to_owned(), true.into());
        let told = wrong.try_into::<PbsSettings>().unwrap_err().to_string();
        let expected = told
            .split("expected")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        let keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 5, "{told}");
        for key in keys {
            assert!(written.contains_key(key), "{place:?} has no `{key}`");
        }
    }
}
