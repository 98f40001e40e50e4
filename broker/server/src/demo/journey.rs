use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use broker_cli::{Cli, FileTokens};
use broker_client::Client;
use broker_client::wire::{CheckpointView, InclusionView, JobView, UsageView};
use broker_ledger::{Checkpoint, Hash, leaf_hash, verify_inclusion};
use broker_model::{EntryBody, EntryKind, JobId, StateName};
use clap::Parser as _;
use serde::Serialize;
use serde_json::{Value, json};

use crate::demo::{Demo, people};

/// Takes the sample job through, as a start-up would, and returns what the demo reports. Each step
/// that does not hold is an error.
pub(crate) async fn travel(demo: &Demo, tell: bool, out: &mut impl Write) -> anyhow::Result<Value> {
    let mut sink = std::io::sink();
    let out: &mut dyn Write = if tell { out } else { &mut sink };
    let mut traveller = Traveller { demo, out };
    writeln!(traveller.out, "The portal is at {}", demo.portal())?;
    traveller.sign_in(people::ENGINEER).await?;
    traveller.run("Who am I", &["whoami"]).await?;
    let accept = ["terms", "accept", "platform", "--yes"];
    traveller
        .run("Accept the platform's terms", &accept)
        .await?;
    traveller
        .run("May this project compute?", &["check"])
        .await?;
    let file = traveller.job_file()?;
    traveller
        .run("Where would it run?", &["quote", &file])
        .await?;
    let job = traveller.submit(&file).await?;
    traveller
        .run("The job", &["show", &job.id.to_string()])
        .await?;
    let usage = traveller.charged(job.id).await?;
    traveller.run("What it used", &["usage"]).await?;
    let proof = traveller.proved(job.id).await?;
    traveller.report(&job, &usage, &proof).await
}

/// The newest checkpoint, and the proof that the charge is under one of its key's.
#[derive(Serialize)]
struct Proven<'a> {
    #[serde(flatten)]
    head: CheckpointView,
    inclusion: &'a InclusionView,
}

struct Traveller<'a> {
    demo: &'a Demo,
    out: &'a mut dyn Write,
}

impl Traveller<'_> {
    fn say(&mut self, title: &str) -> anyhow::Result<()> {
        writeln!(self.out, "\n== {title}")?;
        Ok(())
    }

    fn cli(&self, words: &[&str]) -> anyhow::Result<Cli> {
        let home = self.demo.home(people::ENGINEER);
        let home = home.to_string_lossy();
        let all = [
            "alcyone",
            "--broker",
            self.demo.portal().as_str(),
            "--home",
            &*home,
        ];
        Ok(Cli::try_parse_from(all.iter().chain(words))?)
    }

    /// Runs a verb of the command line and shows what it prints.
    async fn run(&mut self, title: &str, words: &[&str]) -> anyhow::Result<()> {
        self.say(&format!("{title}   $ alcyone {}", words.join(" ")))?;
        let cli = self.cli(words)?;
        let mut printed = Vec::new();
        let code = broker_cli::run(cli, &mut printed).await?;
        self.out.write_all(&printed)?;
        ensure!(
            code == 0,
            "`alcyone {}` ended with exit code {code}",
            words.join(" ")
        );
        Ok(())
    }

    /// The device login; the demo plays the person at the browser.
    async fn sign_in(&mut self, person: &str) -> anyhow::Result<()> {
        self.say("Sign in   $ alcyone login")?;
        let device = broker_cli::start_login(self.demo.portal()).await?;
        writeln!(
            self.out,
            "Open {} and enter the code {}",
            device.verification_uri(),
            device.user_code()
        )?;
        self.demo
            .issuer()
            .approve_device(device.user_code(), person)
            .await?;
        broker_cli::finish_login(self.demo.portal(), &self.demo.home(person), &device).await?;
        Ok(())
    }

    fn client(&self) -> anyhow::Result<Client> {
        let home = self.demo.home(people::ENGINEER);
        let tokens = FileTokens::at(self.demo.portal(), &home)?;
        Ok(Client::new(self.demo.portal(), Box::new(tokens))?)
    }

    fn job_file(&self) -> anyhow::Result<String> {
        let path = self.demo.home(people::ENGINEER).join("job.toml");
        std::fs::write(&path, toml::to_string(&people::job()?)?)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Submits, follows the log to the end, and looks how the job ended.
    async fn submit(&mut self, file: &str) -> anyhow::Result<JobView> {
        self.run("Hand it in", &["submit", file, "--wait"]).await?;
        let newest = self.client()?.jobs(&[("limit", "1".to_owned())]).await?;
        let job = newest
            .items
            .into_iter()
            .next()
            .context("the job is not listed")?;
        ensure!(
            job.state == StateName::Completed,
            "the job is {}",
            job.state.as_str()
        );
        Ok(job)
    }

    /// Waits for the site's accounting: the event stream ends once all is settled.
    async fn charged(&mut self, job: JobId) -> anyhow::Result<UsageView> {
        let client = self.client()?;
        let mut events = client.events(job, None).await?;
        while let Some(event) = events.next().await? {
            if event.kind == "usage.charged" {
                break;
            }
        }
        let page = client.usage(&[("limit", "200".to_owned())]).await?;
        page.items
            .into_iter()
            .find(|usage| usage.record.job == job)
            .context("nothing was charged")
    }

    /// Checks here that the ledger holds the charge, with the key that the sealer was given at the start
    /// and not one that the broker tells over the wire.
    async fn proved(&mut self, job: JobId) -> anyhow::Result<InclusionView> {
        self.say("Is it in the ledger?")?;
        let client = self.client()?;
        let seq = self.charge_entry(&client, job).await?;
        let view = self.sealed(&client, seq).await?;
        let trusted = std::slice::from_ref(self.demo.ledger_key());
        let checkpoint = Checkpoint::verify(&view.checkpoint, trusted)?;
        let proof = view
            .proof
            .iter()
            .map(|hash| hash.parse())
            .collect::<Result<Vec<Hash>, _>>()?;
        let leaf = leaf_hash(view.entry.as_bytes());
        verify_inclusion(&leaf, seq, checkpoint.size, &proof, &checkpoint.root)?;
        writeln!(
            self.out,
            "entry {seq} is under the signed root {} of {} entries, by {} hashes: verified",
            checkpoint.root,
            checkpoint.size,
            proof.len()
        )?;
        Ok(view)
    }

    async fn charge_entry(&self, client: &Client, job: JobId) -> anyhow::Result<u64> {
        let entries = client
            .entries(&[("job", job.to_string()), ("limit", "200".to_owned())])
            .await?;
        let is_charge = |text: &str| {
            let entry = serde_json::from_str::<EntryBody>(text);
            entry.is_ok_and(|entry| entry.kind == EntryKind::UsageCharged)
        };
        let entry = entries.items.iter().find(|entry| is_charge(&entry.entry));
        Ok(entry.context("the ledger has no charge for the job")?.seq)
    }

    /// Waits for the sealing loop to sign a tree that has the entry.
    async fn sealed(&self, client: &Client, seq: u64) -> anyhow::Result<InclusionView> {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
        for _ in 0..100 {
            look.tick().await;
            if client
                .checkpoint()
                .await
                .is_ok_and(|head| head.tree_size > seq)
            {
                return Ok(client.inclusion(seq, None).await?);
            }
        }
        bail!("entry {seq} was not sealed within 10 s")
    }

    async fn report(
        &self,
        job: &JobView,
        usage: &UsageView,
        proof: &InclusionView,
    ) -> anyhow::Result<Value> {
        let client = self.client()?;
        let head = client.checkpoint().await?;
        Ok(json!({
            "job": client.job(job.id).await?,
            "placement": client.placement(job.id).await?,
            "usage": usage,
            "checkpoint": Proven { head, inclusion: proof },
            "sites": self.demo.heard_sites(),
            "verified": true,
        }))
    }
}
