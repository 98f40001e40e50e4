use crate::stage::{JOB, Stage};

async fn refused(stage: &Stage, name: &str, text: &str) -> String {
    let file = stage.file(name, text);
    let mut said = Vec::new();
    for verb in ["quote", "submit"] {
        let ran = stage.run("ada", &[verb, &file]).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.error.starts_with(&file), "{}", ran.error);
        said.push(ran.error.replace(&file, name));
    }
    assert_eq!(said[0], said[1]);
    said.remove(0)
}

#[tokio::test]
async fn an_unknown_field_is_shown_in_its_line_with_what_is_allowed() {
    let stage = Stage::open().await;
    let said = refused(&stage, "job.toml", &JOB.replace("gpus_per_node", "gpus")).await;
    insta::assert_snapshot!(said, @"");
}

#[tokio::test]
async fn a_wrong_type_is_shown_in_its_line() {
    let stage = Stage::open().await;
    let said = refused(&stage, "job.toml", &JOB.replace("= 2", "= \"two\"")).await;
    insta::assert_snapshot!(said, @"");
    let said = refused(&stage, "job.toml", &JOB.replace("\"1h\"", "\"one hour\"")).await;
    insta::assert_snapshot!(said, @"");
}

#[tokio::test]
async fn what_a_shape_cannot_say_is_named_with_every_line() {
    let stage = Stage::open().await;
    let job = JOB
        .replace("\"train\"", "\"a; b\"")
        .replace("= 2", "= 5000")
        .replace("\"echo hello\"", "\"\"");
    let said = refused(&stage, "job.toml", &job).await;
    insta::assert_snapshot!(said, @"");
}

#[tokio::test]
async fn a_json_file_is_read_as_json() {
    let stage = Stage::open().await;
    let table: toml::Table = toml::from_str(JOB).unwrap();
    let json = serde_json::to_string_pretty(&table).unwrap();
    stage.sign_in("ada").await;
    let file = stage.file("job.json", &json);
    assert_eq!(stage.run("ada", &["quote", &file]).await.code, 0);
    let said = refused(&stage, "bad.json", &json.replace("walltime", "wall_time")).await;
    assert!(
        said.contains("wall_time") && said.contains("line "),
        "{said}"
    );
    let said = refused(&stage, "bad.json", &json.replace("\"train\"", "\"a b\"")).await;
    assert!(said.contains("name: "), "{said}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_wrong_use() {
    let stage = Stage::open().await;
    for words in [
        ["submit", "/nowhere/job.toml"].as_slice(),
        &["quote", "/nowhere/job.toml"],
        &[
            "audit",
            "verify",
            "/nowhere/export.jsonl",
            "--trusted-key",
            KEY,
        ],
        &[
            "audit",
            "verify",
            "/nowhere/export.jsonl",
            "--trusted-key",
            "no key",
        ],
        &["audit", "verify", "/nowhere/export.jsonl"],
        &["audit", "verify"],
    ] {
        let ran = stage.run("ada", words).await;
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
    }
}

const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[tokio::test]
async fn settings_that_cannot_be_read_are_named() {
    let stage = Stage::open().await;
    let home = stage.home("ada");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("config.toml"), "brokr = \"https://x\"\n").unwrap();
    let ran = stage.run("ada", &["whoami"]).await;
    assert_eq!(ran.code, 2);
    assert!(
        ran.error.contains("config.toml") && ran.error.contains("brokr"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn the_broker_may_stand_in_the_settings() {
    use clap::Parser as _;
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let home = stage.home("ada");
    std::fs::write(
        home.join("config.toml"),
        format!("broker = \"{}\"\n", stage.url),
    )
    .unwrap();
    let cli =
        broker_cli::Cli::try_parse_from(["alcyone", "--home", home.to_str().unwrap(), "whoami"]);
    let mut out = Vec::new();
    assert_eq!(broker_cli::run(cli.unwrap(), &mut out).await.unwrap(), 0);
}
