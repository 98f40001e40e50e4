use super::*;

/// Answers in turn, and the last answer from then on.
#[derive(Debug)]
struct InTurn {
    answers: Vec<Result<&'static str, AccountError>>,
    asked: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

#[async_trait]
impl AccountMap for InTurn {
    async fn account(&self, _: &AccountQuestion) -> Result<Mapping, AccountError> {
        let turn = self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = &self.answers[turn.min(self.answers.len() - 1)];
        answer.clone().map(|user| Mapping {
            account: LocalAccount {
                user: user.to_owned(),
                account: None,
                qos: None,
            },
            partition: None,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_is_remembered_for_its_time_and_a_refusal_is_not() {
    let asked = std::sync::Arc::default();
    let in_turn = InTurn {
        answers: vec![
            Err(AccountError::Unavailable("later".to_owned())),
            Err(AccountError::NoAccount("sign the terms first".to_owned())),
            Ok("ada"),
        ],
        asked: std::sync::Arc::clone(&asked),
    };
    let cached = Cached::new(in_turn, Duration::from_mins(5));
    let count = || asked.load(std::sync::atomic::Ordering::SeqCst);
    let mine = question(project());
    cached.account(&mine).await.unwrap_err();
    cached.account(&mine).await.unwrap_err();
    for _ in 0..3 {
        let mapping = cached.account(&mine).await.unwrap();
        assert_eq!(mapping.account.user, "ada", "she has signed");
        assert_eq!(count(), 3);
    }
    tokio::time::advance(Duration::from_mins(6)).await;
    cached.account(&mine).await.unwrap();
    assert_eq!(count(), 4);
    cached.account(&question(project())).await.unwrap();
    assert_eq!(count(), 5, "another question");
}
