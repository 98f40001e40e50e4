use std::time::Duration;

use integration_tests::{
    Alcyone, ENGINEER, Installation, JobFile, People, Setup, Tls, alpha, until,
};

fn certificate() -> Tls {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Tls {
        certificate_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_agent_and_client_speak_tls_with_an_authority_of_their_own() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let mut setup = Setup::new(people.issuer(), vec![alpha()]);
    setup.tls = Some(certificate());
    let installation = Installation::set_up(setup).await;
    let _broker = installation.serve(0).await;
    let ca_file = installation.path("certificate.pem");

    let agent = installation.agent(&alpha(), &installation.url(0));
    let told = agent.check().await.with(1).stdout;
    assert!(
        told.contains("broker: "),
        "an unknown authority is not believed: {told}"
    );
    agent.trust(&ca_file);
    let _well = agent.check().await.with(0);
    let _agent = agent.start();

    let stranger = Alcyone::new(installation.path("home"), &installation.url(0));
    let refused = stranger.run(&["login"]).await.with(4);
    assert!(!refused.stderr.is_empty());
    let alcyone = stranger.trusting(&ca_file);
    let _in = alcyone.log_in(ENGINEER).await.with(0);
    let job = JobFile::new(installation.project(), "over-tls", "echo over TLS");
    let file = job.write(&installation.path(""));
    let words = ["submit", file.to_str().unwrap(), "--wait"];
    until("the site is ready", Duration::from_mins(1), async || {
        let sites = alcyone.run(&["sites"]).await.with(0).stdout;
        sites.contains("ready").then_some(())
    })
    .await;
    let said = alcyone.run(&words).await.with(0).stdout;
    assert!(said.contains("over TLS"), "{said}");
}
