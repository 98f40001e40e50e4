use crate::stage::Stage;

#[tokio::test]
async fn modes_are_listed_and_one_is_told_with_the_source_of_each_value() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let ran = stage.run("ada", &["modes"]).await;
    let lane = ran
        .out
        .lines()
        .find(|line| line.starts_with("aif_fast_lane"));
    let lane = lane.unwrap();
    for part in [
        "startup, sme, industry",
        "up to 50000",
        "1, 2, 3",
        "2026-11-26",
        "bsc/marenostrum5",
    ] {
        assert!(lane.contains(part), "{part}: {lane}");
    }
    let ran = stage.run("ada", &["modes", "aif_large_scale"]).await;
    insta::assert_snapshot!(ran.out);
    let json = stage.json("ada", &["modes", "aif_large_scale"]).await;
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(json[0]["decision"]["value"]["working_days"], 10);
}

#[tokio::test]
async fn a_mode_that_there_is_not_is_told_with_where_they_are_listed() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let ran = stage.run("ada", &["modes", "playground"]).await;
    assert_eq!(ran.code, 2);
    assert!(
        ran.error.contains("`alcyone modes` lists them"),
        "{}",
        ran.error
    );
}
