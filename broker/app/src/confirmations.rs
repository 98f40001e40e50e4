//! Sites that want a person to let each job in: who is asked what, and what becomes of the answer.

mod answer;
mod expire;
mod waiting;

pub use answer::Answer;
