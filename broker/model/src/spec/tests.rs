use super::check::is_image;
use super::*;

const JOB: &str = r#"
    name = "finetune-7b"
    project = "prj_0192f0c1d2e37abc8def0123456789ab"
    [resources]
    nodes = 2
    gpus_per_node = 4
    walltime = "6h"
    [variants."x86_64+cuda"]
    image = "docker://example.org/train:cuda"
    script = "srun python train.py"
"#;

#[test]
fn the_job_file_of_the_design_is_read() {
    let spec: JobSpec = toml::from_str(JOB).unwrap();
    assert_eq!(spec.resources.walltime.seconds(), 21_600);
    assert_eq!(spec.validate(), Ok(()));
}

#[test]
fn an_unknown_field_is_refused_with_its_line_and_what_is_allowed() {
    let error = toml::from_str::<JobSpec>(&JOB.replace("nodes", "nodez"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 5"), "{error}");
    assert!(error.contains("expected one of `nodes`"), "{error}");
}

#[test]
fn walltimes_are_read_and_printed() {
    for (text, seconds) in [("90m", 5400), ("1h30m", 5400), ("2d", 172_800), ("59s", 59)] {
        assert_eq!(text.parse::<Walltime>().unwrap().seconds(), seconds);
    }
    assert_eq!(Walltime::from_seconds(5400).unwrap().to_string(), "1h30m");
    for bad in ["", "6", "h", "-1h", "1w", "0s", "367d", "99999999999d"] {
        assert!(bad.parse::<Walltime>().is_err(), "{bad}");
    }
}

#[test]
fn an_array_and_its_dependencies_are_checked_with_the_rest() {
    let text = format!(
        "after = [{{ job = \"job_0192f0c1d2e37abc8def0123456789ab\" }}]\n{JOB}[array]\ntasks = 0\nat_once = 0\n"
    );
    let spec: JobSpec = toml::from_str(&text).unwrap();
    assert_eq!(spec.after[0].when, AfterWhen::Completed);
    let wrong = spec.validate().unwrap_err();
    let fields: Vec<_> = wrong.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["array.tasks", "array.at_once", "resources.nodes"]);
    let twice = JobSpec {
        after: vec![spec.after[0]; 2],
        array: None,
        ..spec
    };
    assert_eq!(twice.validate().unwrap_err()[0].field, "after[1].job");
}

#[test]
fn an_array_asks_for_its_tasks() {
    let plain: JobSpec = toml::from_str(JOB).unwrap();
    assert_eq!(plain.tasks(), 1);
    let array = ArraySpec {
        tasks: 10,
        at_once: Some(4),
    };
    let many = JobSpec {
        array: Some(array),
        ..plain
    };
    assert_eq!(many.tasks(), 10);
}

#[test]
fn names_and_images_that_a_shell_could_read_are_refused() {
    let good: JobSpec = toml::from_str(JOB).unwrap();
    for bad in ["a;b", "a\nb", "$(id)", "a b", "--x", "é", ""] {
        let spec = JobSpec {
            name: bad.to_owned(),
            ..good.clone()
        };
        assert_eq!(spec.validate().unwrap_err()[0].field, "name", "{bad:?}");
    }
    for bad in [
        "docker://a b",
        "docker://$(id)",
        "http://x/y",
        "/x/../y.sif",
        "docker://-x",
        "x.sif",
    ] {
        assert!(!is_image(bad), "{bad}");
    }
}
