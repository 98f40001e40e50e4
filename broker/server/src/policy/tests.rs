use super::*;
use crate::testing::{bare_broker, config, copied};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");

#[tokio::test]
async fn a_broken_policy_folder_is_refused_by_its_file_and_the_set_before_decides_on() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("policies");
    for part in ["modes", "rules", "tables", "words"] {
        copied(&Path::new(SHIPPED).join(part), &dir.join(part));
    }
    let mut config = config();
    config.policy.dir = Some(dir.clone());
    let broker = bare_broker(folder.path()).await;
    let digest = || broker.policy().digest().to_owned();
    reload(&broker, &config).await.unwrap();
    let before = digest();
    let kept = async || broker.store().ledger_size().await.unwrap();
    let entries = kept().await;
    let file = dir.join("tables/evidence_kinds.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replacen("source =", "sauce =", 1)).unwrap();
    let error = format!("{:#}", reload(&broker, &config).await.unwrap_err());
    assert!(error.starts_with("policy.dir: "), "{error}");
    assert!(error.contains("evidence_kinds.toml"), "{error}");
    assert_eq!((digest(), kept().await), (before.clone(), entries));
    let checked = format!("{:#}", crate::compose::check(&config).unwrap_err());
    assert_eq!(checked, error, "`config check` says the same");
    std::fs::write(
        &file,
        good.replacen("checked_on = \"20", "checked_on = \"30", 1),
    )
    .unwrap();
    let error = format!("{:#}", reload(&broker, &config).await.unwrap_err());
    let words = "checked it on 30";
    assert!(error.contains(words), "{error}");
    assert_eq!((digest(), kept().await), (before.clone(), entries));
    // Half copied: a folder that is not there.
    std::fs::rename(dir.join("rules"), dir.join("rules.new")).unwrap();
    reload(&broker, &config).await.unwrap_err();
    assert_eq!(digest(), before);
    std::fs::rename(dir.join("rules.new"), dir.join("rules")).unwrap();
    std::fs::write(
        &file,
        good.replacen("AI Pact pledge", "Pledge of the AI Pact", 1),
    )
    .unwrap();
    reload(&broker, &config).await.unwrap();
    assert_ne!(digest(), before);
    assert_eq!(kept().await, entries + 1, "the ledger has both digests");
}
