use site_adapter::{Error, ErrorKind, ProbeResult, Result};

use crate::adapter::SlurmAdapter;
use crate::calls::{diag, ping};
use crate::token::OPERATION as TOKEN;

impl SlurmAdapter {
    /// slurmctld, slurmdbd and the reader's token.
    ///
    /// A ping is answered 200 with any token and without slurmctld, so the token is judged by calls
    /// that need it; in 22.05 only the accounting says that a token is bad.
    pub(crate) async fn probe_site(&self) -> Vec<ProbeResult> {
        let (ping, diag, accounting) = tokio::join!(
            self.slurmctld_answers(),
            self.counters(),
            self.accounted(self.transport.reader(), &["1"])
        );
        let slurmctld = match &ping {
            Ok(true) => diag.as_ref().err().and_then(not_the_token),
            Ok(false) => Some("slurmrestd is up, slurmctld does not answer it".to_owned()),
            Err(error) => Some(in_words(error)),
        };
        let tokens = [
            ping.as_ref().err(),
            diag.as_ref().err(),
            accounting.as_ref().err(),
        ];
        let token = tokens.into_iter().flatten().find(|e| is_the_token(e));
        vec![
            result("slurmctld", slurmctld),
            result("slurmdbd", accounting.as_ref().err().map(in_words)),
            result("token", token.map(ToString::to_string)),
        ]
    }

    async fn slurmctld_answers(&self) -> Result<bool> {
        ping::parse(&self.ask(|_| ping::request()).await?)
    }

    pub(crate) async fn counters(&self) -> Result<diag::Counters> {
        diag::parse(&self.ask(|_| diag::request()).await?)
    }
}

fn is_the_token(error: &Error) -> bool {
    error.kind == ErrorKind::Unauthorized || error.operation == TOKEN
}

fn not_the_token(error: &Error) -> Option<String> {
    (!is_the_token(error)).then(|| error.to_string())
}

/// Of what could not be asked nothing is known, and nothing good is said.
fn in_words(error: &Error) -> String {
    if error.operation == TOKEN {
        "not asked: there is no token to ask with".to_owned()
    } else if is_the_token(error) {
        "not known: the token is not accepted".to_owned()
    } else {
        error.to_string()
    }
}

fn result(subsystem: &str, problem: Option<String>) -> ProbeResult {
    ProbeResult {
        subsystem: subsystem.to_owned(),
        problem,
    }
}
