use broker_model::CentreId;

use super::*;
use crate::testing::{bare_broker, config, copied};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/contact");

fn with_dir(dir: &Path) -> Config {
    let mut config = config();
    config.contact.dir = Some(dir.to_owned());
    config
}

fn said(config: &Config) -> String {
    format!("{:#}", load(config).unwrap_err())
}

#[test]
fn the_shipped_folder_is_the_directory_without_a_folder_and_an_empty_one_is_refused() {
    let shipped = load(&config()).unwrap();
    let read = load(&with_dir(Path::new(SHIPPED))).unwrap();
    assert_eq!(read.centres(), shipped.centres());
    assert_eq!(read.languages(), shipped.languages());
    let folder = tempfile::tempdir().unwrap();
    let error = said(&with_dir(folder.path()));
    assert!(error.starts_with("contact.dir: "), "{error}");
    assert!(error.contains("`words.en.toml`"), "{error}");
    copied(Path::new(SHIPPED), folder.path());
    std::fs::remove_file(folder.path().join("finance.toml")).unwrap();
    let error = said(&with_dir(folder.path()));
    assert!(error.contains(": finance.toml: "), "{error}");
}

#[tokio::test]
async fn an_antenna_comes_in_without_a_build_and_a_broken_folder_leaves_the_centres_before() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("contact");
    copied(Path::new(SHIPPED), &dir);
    let config = with_dir(&dir);
    let broker = bare_broker(folder.path()).await;
    let new: CentreId = "antenna-xk".parse().unwrap();
    let file = dir.join("centres.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let antenna = "\n[[centre]]\nid = \"antenna-xk\"\nkind = \"antenna\"\ncountry = \"AL\"\n\
                   name = { value = \"A new one\", source = \"its own word\", confidence = \"certain\", \
                   checked_on = \"2026-11-22\" }\n";
    std::fs::write(&file, format!("{good}{antenna}")).unwrap();
    reload(&broker, &config).await.unwrap();
    assert!(broker.directory().centre(&new).is_some());
    std::fs::write(
        &file,
        good.replacen("kind = \"factory\"", "kind = \"foundry\"", 1),
    )
    .unwrap();
    let error = format!("{:#}", reload(&broker, &config).await.unwrap_err());
    assert!(error.contains("centres.toml: "), "{error}");
    assert!(error.contains("foundry"), "{error}");
    assert!(
        broker.directory().centre(&new).is_some(),
        "the directory before"
    );
    let checked = format!("{:#}", crate::compose::check(&config).unwrap_err());
    assert_eq!(checked, error, "`config check` says the same");
    std::fs::write(&file, good).unwrap();
    reload(&broker, &config).await.unwrap();
    assert!(broker.directory().centre(&new).is_none());
}
