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
    insta::assert_snapshot!(said, @r"
    job.toml: TOML parse error at line 5, column 1
      |
    5 | gpus = 2
      | ^^^^
    unknown field `gpus`, expected one of `nodes`, `gpus_per_node`, `gpu_memory_gib`, `cpus_per_node`, `memory_gib_per_node`, `walltime`
    ");
}

#[tokio::test]
async fn a_wrong_type_is_shown_in_its_line() {
    let stage = Stage::open().await;
    let said = refused(&stage, "job.toml", &JOB.replace("= 2", "= \"two\"")).await;
    insta::assert_snapshot!(said, @r#"
    job.toml: TOML parse error at line 5, column 17
      |
    5 | gpus_per_node = "two"
      |                 ^^^^^
    invalid type: string "two", expected a whole number, not negative
    "#);
    let said = refused(&stage, "job.toml", &JOB.replace("\"1h\"", "\"one hour\"")).await;
    insta::assert_snapshot!(said, @r#"
    job.toml: TOML parse error at line 6, column 12
      |
    6 | walltime = "one hour"
      |            ^^^^^^^^^^
    resources.walltime: `one hour` is not a duration; allowed: `90m`, `6h`, `2d`, `1h30m` or `5400s`, at most 366d
    "#);
}

#[tokio::test]
async fn what_a_shape_cannot_say_is_named_with_every_line() {
    let stage = Stage::open().await;
    let job = JOB
        .replace("\"train\"", "\"a; b\"")
        .replace("= 2", "= 5000")
        .replace("\"echo hello\"", "\"\"");
    let said = refused(&stage, "job.toml", &job).await;
    insta::assert_snapshot!(said, @r#"
    job.toml is not a job that can be handed in:
      line 1: name: it holds a character that schedulers treat in different ways, or is too long; allowed: 1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit
      line 5: resources.gpus_per_node: 5000 is out of range; allowed: 0 to 1024
      line 9: variants."x86_64+cuda".script: it is empty; allowed: a shell script
    "#);
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
