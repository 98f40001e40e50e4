use std::collections::BTreeMap;

use integration_tests::{SiteAgent, site_of_slurm};
use site_adapter_slurm::testing::{SlurmSite, Suite};

use super::scene::Scene;
use super::{asked, limit, storm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_slurm_starts_every_job_once_behind_a_bad_network() {
    let (jobs, seed) = asked();
    let started = tokio::task::spawn_blocking(|| SlurmSite::start_or_skip(Suite::Trixie, &[]));
    let Some(slurm) = started.await.unwrap() else {
        return;
    };
    let here = slurm.home("alice").join("starts");
    let starts = ("/home/alice/starts".to_owned(), here);
    let Some(mut scene) = Scene::set(site_of_slurm(), seed, Some(starts)).await else {
        return;
    };
    let rest = slurm.url().parse::<url::Url>().unwrap();
    let server = ([127, 0, 0, 1], rest.port().unwrap()).into();
    // Two agents share the site, each with a bad network of its own on both sides.
    for name in ["agent-one", "agent-two"] {
        let (broker, rest) = (scene.broker().await, scene.before(server).await);
        let folder = scene.installation.path(name);
        let enrolment = scene.installation.enrolment(&site_of_slurm().id);
        let agent = SiteAgent::of_slurm(&folder, &slurm, &broker, enrolment);
        agent.edit(|config| {
            config["adapter"]["settings"]["url"] = rest.as_str().into();
        });
        scene.start(agent);
    }
    scene.is_ready().await;
    storm(&mut scene, jobs, seed).await;
    scene.all_is_well(jobs, limit(jobs)).await;
    scene.each_started_once(&by_sacct(&slurm)).await;
}

/// Starts by job name, which is the marker: requeues are rows of their own.
fn by_sacct(slurm: &SlurmSite) -> BTreeMap<String, u32> {
    let words = [
        "sacct",
        "--allusers",
        "--allocations",
        "--duplicates",
        "--noheader",
        "--parsable2",
        "--starttime=now-1days",
        "--format=JobName,Start,State",
    ];
    let told = slurm.exec(&words).unwrap();
    let mut starts = BTreeMap::new();
    for line in told.lines() {
        let mut fields = line.split('|');
        let (name, start) = (fields.next().unwrap(), fields.next().unwrap());
        if !matches!(start, "Unknown" | "None" | "") {
            *starts.entry(name.to_owned()).or_default() += 1;
        }
    }
    starts
}
